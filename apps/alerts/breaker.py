"""One breaker per mail server or gateway, shared by all processes through a row of PostgreSQL.

A server that hangs or drops connections is not fed every pending mail: each of those
might have been kept, and would come twice. After two failures in a row, or one after
which nobody knows whether the mail left, one mail at a time probes it, seconds apart; the
first answer closes the breaker and everything that waited is due at once.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from apps.alerts.escalation import wake_dispatcher
from apps.alerts.models import Delivery, MailServer
from apps.alerts.smtp import MailSession
from apps.alerts.states import DeliveryStatus
from apps.alerts.ways import GATEWAY, server_name

OPENS_AT: Final = 2  # failures in a row, with no mail accepted in between
# While anything waits for a server it is probed every few seconds.
IDLE_AFTER: Final = timedelta(seconds=30)
NOTED_EVERY: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = 4.0  # seconds: what waits behind the breaker leaves soon after recovery

# One statement, because several senders fail at once.
COUNT_FAILURE: Final = """
INSERT INTO alerts_mailserver AS server (name, failures, retry_at, reply, changed_at)
VALUES (%(name)s, 1,
    CASE WHEN %(opens_at)s <= 1
        THEN %(now)s::timestamptz + %(jitter)s * interval '1 second' END,
    %(reply)s, %(now)s)
ON CONFLICT (name) DO UPDATE SET
    failures = server.failures + 1,
    retry_at = CASE WHEN server.failures + 1 >= %(opens_at)s
        THEN %(now)s::timestamptz + %(jitter)s * interval '1 second'
            * least(2 ^ least(server.failures + 1 - %(opens_at)s, 10), %(longest)s) END,
    reply = EXCLUDED.reply,
    changed_at = EXCLUDED.changed_at
"""


@dataclass(frozen=True, slots=True)
class Gates:
    """Servers in trouble, by name: those to leave alone, and those that take one probe now."""

    closed: frozenset[str] = frozenset()
    probing: frozenset[str] = frozenset()
    odd: frozenset[str] = frozenset()  # with an odd number of failures: probes take turns


class Gate(Enum):
    """What may be sent to one server now."""

    OPEN_TO_ALL = auto()
    ONE_PROBE = auto()
    NOTHING = auto()


def gate(now: datetime) -> Gate:
    """Answer what may be sent to the mail server now. Changes nothing."""
    found, name = gates(now), server_name()
    if name in found.closed:
        return Gate.NOTHING
    return Gate.ONE_PROBE if name in found.probing else Gate.OPEN_TO_ALL


def gates(now: datetime) -> Gates:
    """Return which servers must be left alone or probed. One query, changes nothing."""
    rows = list(MailServer.objects.filter(retry_at__isnull=False))
    waits = {row.name: row.retry_at for row in rows if row.retry_at is not None}
    due = frozenset(name for name, retry_at in waits.items() if is_due(retry_at, now))
    odd = frozenset(row.name for row in rows if row.failures % 2)
    return Gates(frozenset(waits) - due, due, odd)


def through(names: frozenset[str]) -> Q:
    """Return the condition that a delivery goes through one of these servers."""
    gateways = [name.removeprefix(GATEWAY) for name in names if name.startswith(GATEWAY)]
    condition = Q(gateway_id__in=gateways)
    return condition | Q(gateway__isnull=True) if server_name() in names else condition


def is_due(retry_at: datetime, now: datetime) -> bool:
    """Answer whether the wait is over; one that is too long means the clock was set back."""
    return retry_at <= now or retry_at > now + timedelta(seconds=farthest())


def farthest() -> float:
    """Return the longest time that a probe can lie ahead, in seconds."""
    return max(LONGEST_WAIT, probe_seconds())


def probe_seconds() -> float:
    """Return how long a probe keeps others away: one silent step, and a second.

    Shorter than a lease on purpose: a probe whose sender was killed holds every red flag
    back. From a server that drips a second probe may be under way meanwhile; that is all.
    """
    return float(settings.EMAIL_TIMEOUT) + 1


def take_probe(now: datetime, server: str | None = None) -> bool:
    """Take the one probe that is due; False when another sender was first.

    Of the mail server, if no other is named. While it is under way nobody else may probe;
    when its sender dies, the next probe is due after `probe_seconds`.
    """
    probing = now + timedelta(seconds=probe_seconds())
    due = Q(retry_at__lte=now) | Q(retry_at__gt=now + timedelta(seconds=farthest()))
    return bool(
        MailServer.objects.filter(due, pk=server or server_name()).update(
            retry_at=probing, changed_at=now
        )
    )


def note_failure(
    reply: str,
    now: datetime,
    *,
    unclear_since: datetime | None = None,
    server: str | None = None,
) -> None:
    """Count a failure of a server, else of the mail server, and set when it is probed next.

    Opens at the second in a row; at the first when the mail begun at `unclear_since` may
    have left, unless the server has taken another one since then: a single recipient
    whose mail hangs must not hold up the others.
    """
    server = server or server_name()
    opens_at = OPENS_AT
    if unclear_since is not None and not answered_since(server, unclear_since):
        opens_at = 1
    values: dict[str, str | int | float | datetime] = {
        "name": server,
        "reply": reply[:300],
        "now": now,
        "opens_at": opens_at,
        "longest": LONGEST_WAIT,
        "jitter": random.uniform(0.5, 1.0),  # noqa: S311 - spreads load, hides nothing
    }
    with connection.cursor() as cursor:
        cursor.execute(COUNT_FAILURE, values)


def answered_since(server: str, moment: datetime) -> bool:
    """Answer whether a server has taken a mail since then (known to the second)."""
    return MailServer.objects.filter(pk=server, failures=0, changed_at__gt=moment).exists()


@transaction.atomic
def note_answer(now: datetime, server: str | None = None) -> None:
    """A server answers: close its breaker, and let all that waited for it go at once.

    Costs one read while all is well, and one write a second. Safe to call twice.
    """
    server = server or server_name()
    row = MailServer.objects.filter(pk=server).first()
    if row is None:
        MailServer.objects.get_or_create(name=server, defaults={"changed_at": now})
        return
    if not row.failures and abs(now - row.changed_at) < NOTED_EVERY:
        return
    MailServer.objects.filter(pk=row.pk).update(failures=0, retry_at=None, reply="", changed_at=now)
    if row.retry_at is not None:
        release(server, now)


def release(server: str, now: datetime) -> None:
    """Let every message that waited for this server go at once.

    What somebody holds at this moment is left: it is being moved anyway, and nobody who
    holds a server's row waits for a message.
    """
    waited = Delivery.objects.filter(
        through(frozenset({server})),
        status=DeliveryStatus.PENDING,
        attempts__gt=0,
        next_attempt_at__gt=now,
    ).exclude(quiet_until__gt=now)
    free = waited.select_for_update(skip_locked=True).values("pk")
    Delivery.objects.filter(pk__in=free).update(next_attempt_at=now)
    wake_dispatcher()


@transaction.atomic
def forget(server: str, now: datetime) -> bool:
    """Know nothing bad of a server any more; False when nothing was known. Safe to repeat.

    For a gateway that was changed or switched off, and one that nothing waits for.
    """
    known, _ = MailServer.objects.filter(pk=server, retry_at__isnull=False).delete()
    if known:
        release(server, now)
    return bool(known)


def ask_idle(now: datetime) -> None:
    """Find out about servers that nothing has probed for a while, because nothing waits.

    A mail server is asked for its greeting. A gateway cannot be asked without a message to
    somebody: what is known of it is too old to warn of, and the next message tries it.
    """
    idle = MailServer.objects.filter(retry_at__lte=now - IDLE_AFTER)
    for name in idle.values_list("name", flat=True):
        if name != server_name():
            forget(name, now)
        elif take_probe(now, name):
            with MailSession() as session:
                answer = session.greet()
            if answer.of_server:
                note_failure(answer.reply, now, server=name)
            else:
                note_answer(now, name)
