"""How much waits, and since when: rows that the dispatcher sends, and messages of the broker."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Min

from apps.accounts.models import StaffMail
from apps.alerts.models import Delivery
from apps.alerts.rounds import QUEUES, Due
from apps.audit.models import UnsealedEvent
from config.celery import app
from config.figures import Family, Sample, gauges

IN_BROKER: Final = ("alerts", "default")
SECONDS: Final = 0.5  # for each step of asking the broker: whoever asks waits in a web thread
WAITS: Final = (
    "socket_timeout", "socket_connect_timeout", "read_timeout", "write_timeout", "pool_timeout",
)  # fmt: skip


def queue_figures(now: datetime) -> str:
    """Return depth and age of every queue in Prometheus' text format.

    A broker that does not answer in time has no depths, and `broker_up` is 0.
    """
    found = {name: (row["n"], row["since"]) for name, row in _waiting(now)}
    depths = broker_depths()
    families: list[Family] = [
        ("queue_waiting", "Rows that are due and not done.",
         [({"queue": name}, number) for name, (number, _) in found.items()]),
        ("queue_oldest_seconds", "How long the oldest of them has been due.",
         [({"queue": name}, (now - since).total_seconds() if since else 0)
          for name, (_, since) in found.items()]),
        ("broker_messages", "Messages that no worker has taken.", depths),
        ("broker_up", "Whether the broker answers.", [({}, bool(depths))]),
    ]  # fmt: skip
    return gauges(families)


def _waiting(now: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    own: dict[str, Due] = {
        "alert messages": Delivery.objects.due,
        "staff mails": StaffMail.objects.due,
    }
    for name, due in {**own, **QUEUES}.items():
        yield name, due(now).order_by().aggregate(n=Count("pk"), since=Min("next_attempt_at"))
    yield "seals", UnsealedEvent.objects.aggregate(n=Count("pk"), since=Min("since"))


def broker_depths() -> list[Sample]:
    """Return how many messages wait in each queue; empty when the broker does not answer."""
    found: list[Sample] = []
    try:
        with app.connection_for_read(transport_options=hurried()) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=SECONDS)
            for name in IN_BROKER:
                found.append(({"queue": name}, float(_depth(broker, name))))
    except Exception:  # each broker's library raises its own
        return []
    return found


def hurried() -> dict[str, Any]:
    """Return what is set for the broker, with no wait longer than ours: a hung one holds no page.

    A task that is published waits for as long as before.
    """
    options = dict(app.conf.broker_transport_options)
    return options | {name: min(options[name], SECONDS) for name in WAITS if name in options}


def _depth(broker: Any, name: str) -> int:
    """Return one queue's; one that nobody has made yet is empty."""
    channel = broker.channel()
    try:
        return int(channel.queue_declare(queue=name, passive=True).message_count)
    except broker.channel_errors:
        return 0
    finally:
        channel.close()
