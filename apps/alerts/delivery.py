"""One message to one person: claim, commit, talk to the mail server, mark.

The claim is one locked row with a lease and a token; only the holder of the token may
mark the result, so a sender that comes back after its lease changes nothing. Nothing
is sent inside a transaction.
"""

import logging
import random
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from apps.alerts import breaker
from apps.alerts.emails import alert_mail, bundle_mail
from apps.alerts.escalation import hand_over, log
from apps.alerts.ladder import Level, Rung
from apps.alerts.models import Delivery, DeliveryAttempt
from apps.alerts.smtp import Answer, MailSession, Result
from apps.alerts.states import DeliveryStatus, check_delivery_transition

logger = logging.getLogger(__name__)
Clock = Callable[[], datetime]

# Tries per person before the next person is told as well [proposal]. "Everyone" has no
# limit: there is nobody left to hand over to.
MAX_ATTEMPTS: Final[dict[str, int]] = {Level.EMERGENCY: 4, Level.URGENT: 6, Level.WATCH: 8}
# Longest wait between two tries: a red flag is out within seconds of a server's return.
MAX_BACKOFF: Final[dict[str, timedelta]] = {
    Level.EMERGENCY: timedelta(seconds=8),
    Level.URGENT: timedelta(seconds=8),
    Level.WATCH: timedelta(minutes=5),
}
# Only watch alerts share a mail: a red flag is never one line of a list.
BUNDLE: Final = 20


def deliver(
    clock: Clock,
    *,
    delivery_id: uuid.UUID | None = None,
    session: MailSession | None = None,
    fresh_only: bool = False,
) -> Delivery | None:
    """Send the most urgent due message, or the one named, and store what came of it.

    Returns None when there is nothing to claim: not due, taken by another sender, the
    alert is no longer open, or the breaker of the mail server holds it back. Safe to
    call from many processes at once and twice for the same id. `fresh_only` takes only
    red flags never tried before: the lane that no troubled recipient can block.
    """
    claimed = claim_all(clock(), delivery_id, fresh_only=fresh_only)
    if not claimed:
        return None
    begun = clock()
    if session is None:
        with MailSession() as own:
            answer = send(claimed, own, begun)
    else:
        answer = send(claimed, session, begun)
    note_server(answer, begun, clock)  # first: meanwhile others feed the same server
    for delivery in claimed:
        settle_surely(delivery, answer, clock)
    return claimed[0]


def claim(now: datetime, delivery_id: uuid.UUID | None = None) -> Delivery | None:
    """Take one due delivery, and nothing with it, under a lease."""
    return next(iter(claim_all(now, delivery_id, alone=True)), None)


@transaction.atomic
def claim_all(
    now: datetime,
    delivery_id: uuid.UUID | None = None,
    *,
    fresh_only: bool = False,
    alone: bool = False,
) -> list[Delivery]:
    """Take one due delivery under a lease; the attempts are on record before they are made.

    A watch message brings along what else of that level is due to the same person. An
    open breaker lets one probe through: the least tried message, so that one mail that
    the server chokes on does not keep the breaker open for all.
    """
    gate = breaker.gate(now)
    if gate is breaker.Gate.NOTHING:
        return []
    due = Delivery.objects.due(now)
    if delivery_id is not None:
        due = due.filter(pk=delivery_id)
    if fresh_only:
        due = due.filter(attempts=0).exclude(alert__level=Level.WATCH)
    if gate is breaker.Gate.ONE_PROBE:
        due = due.order_by("attempts", "priority", "next_attempt_at")
    first = due.select_for_update(skip_locked=True, of=("self",)).first()
    if first is None or (gate is breaker.Gate.ONE_PROBE and not breaker.take_probe(now)):
        return []
    token, claimed = uuid.uuid4(), [first]
    if first.alert.level == Level.WATCH and gate is breaker.Gate.OPEN_TO_ALL and not alone:
        same = Delivery.objects.due(now).filter(
            recipient=first.recipient_id, channel=first.channel, alert__level=Level.WATCH
        )
        rest = same.exclude(pk=first.pk).select_for_update(skip_locked=True, of=("self",))
        claimed += rest[: BUNDLE - 1]
    for delivery in claimed:
        lease(delivery, token, now)
    return claimed


def lease(delivery: Delivery, token: uuid.UUID, now: datetime) -> None:
    """Mark a locked delivery as being sent, until the lease ends."""
    check_delivery_transition(DeliveryStatus(delivery.status), DeliveryStatus.SENDING)
    delivery.status = DeliveryStatus.SENDING
    delivery.lease_token = token
    delivery.lease_until = now + timedelta(seconds=settings.ALERT_LEASE_SECONDS)
    delivery.attempts += 1
    delivery.save(update_fields=["status", "lease_token", "lease_until", "attempts"])
    DeliveryAttempt.objects.create(delivery=delivery, number=delivery.attempts, started_at=now)


def send(claimed: list[Delivery], session: MailSession, now: datetime) -> Answer:
    """Hand the mail of what was claimed to the server. Never raises for a mail failure."""
    mail = alert_mail(claimed[0], now) if len(claimed) == 1 else bundle_mail(claimed, now)
    return session.send(mail)


def note_server(answer: Answer, begun: datetime, clock: Clock) -> None:
    """Tell the breaker what the server did; a breaker that cannot be told stops nothing."""
    try:
        if answer.of_server:
            unclear = begun if answer.result == Result.UNCLEAR else None
            breaker.note_failure(answer.reply, clock(), unclear_since=unclear)
        else:
            breaker.note_answer(clock())
    except (OperationalError, InterfaceError):
        connection.close()
        logger.warning("the breaker could not be told what the mail server did")


def settle_surely(delivery: Delivery, answer: Answer, clock: Clock) -> bool:
    """Store the answer, waiting for a database that restarts until the lease ends.

    Without it every restart would send again what has just been accepted.
    """
    give_up = time.monotonic() + settings.ALERT_LEASE_SECONDS
    while True:
        try:
            return settle(delivery, answer, clock())
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > give_up:
                raise
            connection.close()
            time.sleep(0.2)


@transaction.atomic
def settle(delivery: Delivery, answer: Answer, now: datetime) -> bool:
    """Store what came of an attempt; False when the lease was lost meanwhile.

    A permanent failure, or the last temporary one, is a visible state and hands the
    alert to the next person.
    """
    held = Delivery.objects.select_for_update().filter(
        pk=delivery.pk, lease_token=delivery.lease_token, status=DeliveryStatus.SENDING
    )
    current = held.select_related("alert", "recipient__user").first()
    if current is None:
        return False
    DeliveryAttempt.objects.filter(delivery=current, number=current.attempts).update(
        finished_at=now, result=answer.result, reply=answer.reply
    )
    target = next_status(current, answer.result)
    check_delivery_transition(DeliveryStatus.SENDING, target)
    current.status, current.lease_token, current.lease_until = target, None, None
    current.last_error = "" if target == DeliveryStatus.SENT else answer.reply
    current.sent_at = now if target == DeliveryStatus.SENT else None
    current.failed_at = now if target == DeliveryStatus.FAILED else None
    current.next_attempt_at = (
        now + backoff(current, answer.result) if target == DeliveryStatus.PENDING else None
    )
    current.save(
        update_fields=[
            "status", "lease_token", "lease_until", "last_error", "sent_at", "failed_at",
            "next_attempt_at",
        ]
    )  # fmt: skip
    report(current, answer, now)
    delivery.status = current.status
    return True


def next_status(delivery: Delivery, result: Result) -> DeliveryStatus:
    """Return where a delivery goes after an attempt with this result."""
    if result == Result.SENT:
        return DeliveryStatus.SENT
    used_up = delivery.attempts >= MAX_ATTEMPTS[delivery.alert.level]
    if result == Result.PERMANENT or (used_up and delivery.rung != Rung.EVERYONE):
        return DeliveryStatus.FAILED
    if not delivery.is_wanted:
        return DeliveryStatus.CANCELLED
    return DeliveryStatus.PENDING


def backoff(delivery: Delivery, result: Result) -> timedelta:
    """Return how long to wait: doubling from one second, jittered, capped by level."""
    cap = MAX_BACKOFF[delivery.alert.level]
    wait = min(timedelta(seconds=2 ** min(delivery.attempts - 1, 10)), cap)
    if result == Result.THROTTLED:
        wait = min(wait * 2, cap)
    return wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing


def report(delivery: Delivery, answer: Answer, now: datetime) -> None:
    """Write the timeline line and the log line, and hand over when this person is lost."""
    name = delivery.recipient.user.full_name
    if delivery.status == DeliveryStatus.SENT:
        log(delivery.alert, f"Mail to {name} accepted by the mail server.", now)
    elif delivery.status == DeliveryStatus.FAILED:
        log(delivery.alert, f"Mail to {name} failed for good: {answer.reply}", now)
        logger.error("delivery %s failed: %s", delivery.pk, answer.result)
        hand_over(delivery, now=now)
    elif delivery.status == DeliveryStatus.PENDING:
        log(delivery.alert, f"Mail to {name} not accepted yet: {answer.reply}", now)
        logger.warning("delivery %s will be tried again: %s", delivery.pk, answer.result)
