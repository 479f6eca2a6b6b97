"""One reminder mail: claim, commit, talk to the mail server, mark.

The claim is one locked row with a lease and a token; lease, back-off, connection and the
breaker of the mail server are those of `apps.alerts`.
"""

import logging
import uuid
from datetime import datetime

from django.db import transaction

from apps.alerts import breaker, mail_rows
from apps.alerts.batch import Clock
from apps.alerts.smtp import Answer, MailSession, Result
from apps.audit.actions import record
from apps.checkins.emails import reminder_mail
from apps.checkins.link_actions import link_for
from apps.checkins.mails import go_on, told_apart
from apps.checkins.models import Reminder
from apps.patients.moving import inside

logger = logging.getLogger(__name__)


def deliver_due(clock: Clock, *, limit: int = 200, seconds: float = 3600.0) -> int:
    """Send due reminders one by one; return how many were tried."""
    return mail_rows.send_each(
        lambda session: deliver(clock, session), limit=limit, seconds=seconds
    )


def deliver(clock: Clock, session: MailSession) -> bool:
    """Send one due reminder; False when there is none, or the breaker holds it back."""
    claimed = claim(clock())
    if claimed is None:
        return False
    live, token = claimed
    with inside(live.clinic_id):
        answer = mail_rows.hand_over(reminder_mail(live, token), session, clock)
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
    with inside(live.clinic_id):
        mail_rows.lease(live, now)
        return live, link_for(live, now)


@transaction.atomic
def settle(live: Reminder, answer: Answer, now: datetime) -> bool:
    """Store what came of an attempt; False when it was answered or cancelled meanwhile."""
    current: Reminder | None = mail_rows.still_held(live)
    if current is None:
        return False
    if answer.result == Result.SENT:
        current.mailed_to = [*current.mailed_to, told_apart(live.patient.email)]
    after(current, answer, now)
    current.lease_token = current.lease_until = None
    current.save(
        update_fields=[
            "state", "lease_token", "lease_until", "next_attempt_at", "attempts", "mails_sent",
            "mailed_to", "last_error",
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
        go_on(current, now)
        return
    current.last_error = answer.reply
    wait = mail_rows.wait_before_next(answer, current.attempts)
    if wait is None:
        current.state, current.next_attempt_at = Reminder.State.FAILED, None
        logger.error("reminder %s cannot be delivered", current.pk)
        return
    current.state, current.next_attempt_at = Reminder.State.PENDING, now + wait


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
