"""One message to one person: claim, commit, talk to the mail server, mark.

The claim is one locked row with a lease and a token; only the holder of the token may
mark the result, so a sender that comes back after its lease changes nothing. Nothing
is sent inside a transaction.
"""

import logging
import random
import smtplib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.db import transaction

from apps.alerts.emails import alert_mail
from apps.alerts.escalation import hand_over, log
from apps.alerts.ladder import Level, Rung
from apps.alerts.models import Delivery, DeliveryAttempt
from apps.alerts.states import AlertStatus, DeliveryStatus, check_delivery_transition

logger = logging.getLogger(__name__)
Clock = Callable[[], datetime]

# Tries per person before the next person is told as well [proposal]. "Everyone" has no
# limit: there is nobody left to hand over to.
MAX_ATTEMPTS: Final[dict[str, int]] = {Level.EMERGENCY: 4, Level.URGENT: 6, Level.WATCH: 8}
# Longest wait between two tries: an emergency is out within seconds of a server's return.
MAX_BACKOFF: Final[dict[str, timedelta]] = {
    Level.EMERGENCY: timedelta(seconds=8),
    Level.URGENT: timedelta(minutes=1),
    Level.WATCH: timedelta(minutes=5),
}


class Result(StrEnum):
    """What came of one attempt."""

    SENT = "sent"
    TEMPORARY = "temporary"
    THROTTLED = "throttled"
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one attempt with the server's own words."""

    result: Result
    reply: str


def deliver(clock: Clock, *, delivery_id: uuid.UUID | None = None) -> Delivery | None:
    """Send the most urgent due message, or the one named, and store what came of it.

    Returns None when there is nothing to claim: not due, taken by another sender, or
    the alert is no longer open. Safe to call from many processes at once and twice for
    the same id.
    """
    delivery = claim(clock(), delivery_id)
    if delivery is None:
        return None
    answer = send(delivery, clock())
    settle(delivery, answer, clock())
    return delivery


@transaction.atomic
def claim(now: datetime, delivery_id: uuid.UUID | None = None) -> Delivery | None:
    """Take one due delivery under a lease; the attempt is on record before it is made."""
    due = Delivery.objects.due(now)
    if delivery_id is not None:
        due = due.filter(pk=delivery_id)
    delivery: Delivery | None = due.select_for_update(skip_locked=True, of=("self",)).first()
    if delivery is None:
        return None
    check_delivery_transition(DeliveryStatus(delivery.status), DeliveryStatus.SENDING)
    delivery.status = DeliveryStatus.SENDING
    delivery.lease_token = uuid.uuid4()
    delivery.lease_until = now + timedelta(seconds=settings.ALERT_LEASE_SECONDS)
    delivery.attempts += 1
    delivery.save(update_fields=["status", "lease_token", "lease_until", "attempts"])
    DeliveryAttempt.objects.create(delivery=delivery, number=delivery.attempts, started_at=now)
    return delivery


def send(delivery: Delivery, now: datetime) -> Answer:
    """Hand the mail to the server and sort its answer. Never raises for a mail failure.

    Django's SMTP backend has a time limit on every socket operation (EMAIL_TIMEOUT),
    so a server that hangs is a temporary failure.
    """
    try:
        alert_mail(delivery, now).send()
    except smtplib.SMTPRecipientsRefused as error:
        code, reply = next(iter(error.recipients.values()))
        return Answer(sort_code(code), words(code, reply))
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused) as error:
        # The server minds us, not the recipient: another person's mail fares no better,
        # and someone may mend the settings meanwhile.
        return Answer(Result.TEMPORARY, words(error.smtp_code, error.smtp_error))
    except smtplib.SMTPResponseException as error:
        return Answer(sort_code(error.smtp_code), words(error.smtp_code, error.smtp_error))
    except (smtplib.SMTPException, OSError) as error:
        return Answer(Result.TEMPORARY, f"{type(error).__name__}: {error}"[:300])
    return Answer(Result.SENT, "accepted")


def sort_code(code: int) -> Result:
    """Sort an SMTP reply code: 421, 450 and 452 ask for patience, 5xx is final."""
    if code in (421, 450, 452):
        return Result.THROTTLED
    return Result.PERMANENT if code >= 500 else Result.TEMPORARY


def words(code: int, reply: bytes | str) -> str:
    """Return the server's own words, on one line and short."""
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return " ".join(f"{code} {text}".split())[:300]


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
    if delivery.alert.status != AlertStatus.OPEN:
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
