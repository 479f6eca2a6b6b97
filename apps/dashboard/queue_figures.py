"""How much waits, and since when: rows that the dispatcher sends, and messages of the broker."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Min, QuerySet

from apps.accounts.models import StaffMail
from apps.alerts.metrics import Family, Sample, lines
from apps.alerts.models import Delivery
from apps.audit.models import UnsealedEvent
from config.celery import app

QUEUES: Final = ("alerts", "default")
SECONDS: Final = 1.0


def queue_figures(now: datetime) -> str:
    """Return depth and age of every queue in Prometheus' text format.

    A broker that does not answer within a second has no depths, and `broker_up` is 0.
    """
    found = {name: (row["n"], row["since"]) for name, row in _waiting(now)}
    depths = broker_depths()
    families: list[Family] = [
        ("queue_waiting", "Rows that are due and not done.",
         [(f'queue="{name}"', number) for name, (number, _) in found.items()]),
        ("queue_oldest_seconds", "How long the oldest of them has been due.",
         [(f'queue="{name}"', (now - since).total_seconds() if since else 0)
          for name, (_, since) in found.items()]),
        ("broker_messages", "Messages that no worker has taken.", depths),
        ("broker_up", "Whether the broker answers.", [("", bool(depths))]),
    ]  # fmt: skip
    return "".join(line for family in families for line in lines(*family))


def _waiting(now: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    due: dict[str, QuerySet[Any]] = {
        "alert messages": Delivery.objects.due(now),
        "staff mails": StaffMail.objects.due(now),
    }
    for name, rows in due.items():
        yield name, rows.order_by().aggregate(n=Count("pk"), since=Min("next_attempt_at"))
    yield "seals", UnsealedEvent.objects.aggregate(n=Count("pk"), since=Min("since"))


def broker_depths() -> list[Sample]:
    """Return how many messages wait in each queue; empty when the broker does not answer."""
    found = []
    try:
        with app.connection_for_read() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=SECONDS)
            for name in QUEUES:
                found.append((f'queue="{name}"', float(_depth(broker, name))))
    except Exception:  # each broker's library raises its own
        return []
    return found


def _depth(broker: Any, name: str) -> int:
    """Return one queue's; one that nobody has made yet is empty."""
    channel = broker.channel()
    try:
        return int(channel.queue_declare(queue=name, passive=True).message_count)
    except broker.channel_errors:
        return 0
    finally:
        channel.close()
