"""One reminder mail: claim, commit, talk to the mail server, mark.

The claim is one locked row with a lease and a token, as for alerts; connection, sorting
of answers and the breaker of the mail server are those of `apps.alerts`.
"""

import logging
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from apps.alerts import breaker
from apps.alerts.delivery import note_server
from apps.alerts.smtp import Answer, MailSession, Result
from apps.alerts.ways import server_name
from apps.audit.actions import record
from apps.checkins.actions import link_for
from apps.checkins.emails import reminder_mail
from apps.checkins.models import Reminder, policy_of

logger = logging.getLogger(__name__)
Clock = Callable[[], datetime]

MAX_ATTEMPTS: Final = 10  # about two hours
FIRST_BACKOFF: Final = timedelta(seconds=15)
LONGEST_BACKOFF: Final = timedelta(minutes=30)
MAILS: Final = 2
SECOND_MAIL_OF_A_WEEK: Final = timedelta(hours=8)  # [proposal]; of a day: CheckInPolicy


def deliver_due(clock: Clock, *, limit: int = 200, seconds: float = 3600.0) -> int:
    """Send due reminders one by one through one connection; return how many were tried.

    Begins none after `seconds`, so that a task's time limit never cuts a mail in two.
    """
    give_up = time.monotonic() + seconds
    with MailSession() as session:
        for count in range(limit):
            if time.monotonic() > give_up or not deliver(clock, session):
                return count
    return limit


def deliver(clock: Clock, session: MailSession) -> bool:
    """Send one due reminder; False when there is none, or the breaker holds it back."""
    claimed = claim(clock())
    if claimed is None:
        return False
    live, token = claimed
    begun = clock()
    answer = session.send(reminder_mail(live, token))
    note_server(server_name(), answer, begun, clock)  # first: meanwhile others feed the same server
    settle(live, answer, clock())
    return True


@transaction.atomic
def claim(now: datetime) -> tuple[Reminder, str] | None:
    """Take one due window under a lease, with the token of its link.

    Every attempt at a window carries the same link, so that a mail which arrives twice
    still opens one check-in.
    """
    gate = breaker.gate(now)
    if gate is breaker.Gate.NOTHING:
        return None
    due = Reminder.objects.mail_due(now).select_for_update(skip_locked=True, of=("self",))
    live = due.select_related("patient", "clinic").first()
    if live is None or (gate is breaker.Gate.ONE_PROBE and not breaker.take_probe(now)):
        return None
    live.state, live.lease_token = Reminder.State.SENDING, uuid.uuid4()
    live.lease_until = now + timedelta(seconds=settings.ALERT_LEASE_SECONDS)
    live.next_attempt_at, live.attempts = None, live.attempts + 1
    live.save(update_fields=["state", "lease_token", "lease_until", "next_attempt_at", "attempts"])
    return live, link_for(live, now)


@transaction.atomic
def settle(live: Reminder, answer: Answer, now: datetime) -> bool:
    """Store what came of an attempt; False when it was answered or cancelled meanwhile."""
    held = Reminder.objects.select_for_update().filter(
        pk=live.pk, lease_token=live.lease_token, state=Reminder.State.SENDING
    )
    current = held.first()
    if current is None:
        return False
    after(current, answer, now)
    current.lease_token = current.lease_until = None
    current.save(
        update_fields=[
            "state", "lease_token", "lease_until", "next_attempt_at", "attempts", "mails_sent",
            "last_error",
        ]
    )  # fmt: skip
    event = "reminder.sent" if answer.result == Result.SENT else "reminder.not_sent"
    record(
        event, by=None, now=now, clinic_id=current.clinic_id, patient_id=current.patient_id,
        obj=current, mails_sent=current.mails_sent, attempts=current.attempts,
    )  # fmt: skip
    return True


def after(current: Reminder, answer: Answer, now: datetime) -> None:
    """Set where a window goes after an attempt: the second mail, another try, or the end."""
    if answer.result == Result.SENT:
        current.mails_sent, current.attempts, current.last_error = current.mails_sent + 1, 0, ""
        second_at = max(now, current.due_at) + second_mail_after(current)
        again = current.mails_sent < MAILS and second_at < current.closes_at
        current.state = Reminder.State.PENDING if again else Reminder.State.SENT
        current.next_attempt_at = second_at if again else None
        return
    current.last_error = answer.reply
    if answer.result == Result.PERMANENT or current.attempts >= MAX_ATTEMPTS:
        current.state, current.next_attempt_at = Reminder.State.FAILED, None
        logger.error("reminder %s cannot be delivered", current.pk)
        return
    wait = min(FIRST_BACKOFF * 2 ** (current.attempts - 1), LONGEST_BACKOFF)
    current.state, current.next_attempt_at = Reminder.State.PENDING, now + wait


def second_mail_after(current: Reminder) -> timedelta:
    """Return how long after the first mail of a window the second one goes out."""
    if current.kind == Reminder.Kind.WEEKLY:
        return SECOND_MAIL_OF_A_WEEK
    return timedelta(hours=policy_of(current.clinic_id).second_mail_hours)


@transaction.atomic
def take_back(reminder_id: uuid.UUID, now: datetime) -> bool:
    """Make one window due again whose sender did not come back in time."""
    lost = Reminder.objects.lease_expired(now).filter(pk=reminder_id)
    current = lost.select_for_update(skip_locked=True).first()
    if current is None:
        return False
    after(current, Answer(Result.UNCLEAR, "the sender did not come back"), now)
    current.lease_token = current.lease_until = None
    current.save(
        update_fields=["state", "lease_token", "lease_until", "next_attempt_at", "last_error"]
    )
    return True
