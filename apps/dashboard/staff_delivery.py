"""One mail about somebody's access: claim, commit, talk to the mail server, mark.

As for a patient's mails: a locked row with a lease and a token; lease, back-off, connection and
the breaker of the mail server are those of `apps.alerts`.
"""

import logging
import uuid
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Invitation, StaffMail
from apps.alerts import breaker, mail_rows
from apps.alerts.batch import Clock
from apps.alerts.smtp import Answer, MailSession, Result
from apps.audit.actions import record
from apps.dashboard.staff_emails import build
from apps.database.scope import every_clinic
from apps.patients.moving import inside

logger = logging.getLogger(__name__)

OLD: Final = timedelta(days=7)  # a link for a new password says nothing after an hour
BATCH: Final = 500
SENDING_SECONDS: Final = 8.0  # and one attempt more stay below Celery's time limit of a task


def send_waiting() -> None:
    """Put back what a dead sender left behind and send what is due: one beat of any process."""
    sweep_mails(timezone.now())
    deliver_due(timezone.now, seconds=SENDING_SECONDS)


def deliver_due(
    clock: Clock, *, only: uuid.UUID | None = None, limit: int = 200, seconds: float = 3600.0
) -> int:
    """Send due mails one by one; return how many were tried."""
    return mail_rows.send_each(
        lambda session: deliver(clock, session, only), limit=limit, seconds=seconds
    )


def deliver(clock: Clock, session: MailSession, only: uuid.UUID | None = None) -> bool:
    """Send one due mail; False when there is none, or the breaker holds it back."""
    mail = claim(clock(), only)
    if mail is None:
        return False
    if mail.state == StaffMail.State.CANCELLED:
        return True
    with wall(mail):
        settle(mail, mail_rows.hand_over(build(mail), session, clock), clock())
    return True


def wall(mail: StaffMail) -> AbstractContextManager[Any]:
    """Return the scope of the mail's clinic; a person's own mail belongs to none."""
    return inside(mail.clinic_id) if mail.clinic_id else every_clinic()


@transaction.atomic
def claim(now: datetime, only: uuid.UUID | None = None) -> StaffMail | None:
    """Take one due mail under a lease; one that is not wanted any more comes back cancelled."""
    gate = breaker.gate(now)
    if gate is breaker.Gate.NOTHING:
        return None
    due = StaffMail.objects.due(now)
    due = due.filter(pk=only) if only else due
    rows = due.select_for_update(skip_locked=True, of=("self",))
    mail = rows.select_related(
        "user",
        "clinic",
        "invitation__invited_by",
        "role_change__by",
        "role_change__invitation",
        "role_change__member__user",
    ).first()
    if mail is None:
        return None
    with wall(mail):
        if not mail.is_wanted(now):
            mail_rows.finish(mail, StaffMail.State.CANCELLED, now)
            return mail
        if gate is breaker.Gate.ONE_PROBE and not breaker.take_probe(now):
            return None
        mail_rows.lease(mail, now)
    return mail


@transaction.atomic
def settle(mail: StaffMail, answer: Answer, now: datetime) -> bool:
    """Store what came of an attempt; False when it was taken back meanwhile."""
    current: StaffMail | None = mail_rows.still_held(mail)
    if current is None:
        return False
    mail_rows.settle(current, answer, now)
    sent = answer.result == Result.SENT
    if sent and current.invitation_id:
        Invitation.objects.filter(pk=current.invitation_id).update(sent_at=now)
    record(
        "staff_mail.sent" if sent else "staff_mail.not_sent", by=None, now=now,
        clinic_id=current.clinic_id, obj=current, kind=current.kind, attempts=current.attempts,
    )  # fmt: skip
    return True


def sweep_mails(now: datetime) -> int:
    """Make due again what a dead sender left behind, and forget links of last week."""
    moved = 0
    for key in list(StaffMail.objects.lease_expired(now).values_list("pk", flat=True)[:BATCH]):
        moved += take_back(key, now)
    old = StaffMail.objects.filter(kind=StaffMail.Kind.RESET, created_at__lt=now - OLD)
    StaffMail.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()
    return moved


@transaction.atomic
def take_back(mail_id: uuid.UUID, now: datetime) -> bool:
    """Make one mail due again whose sender did not come back in time."""
    lost = StaffMail.objects.lease_expired(now).filter(pk=mail_id)
    mail = lost.select_for_update(skip_locked=True).first()
    if mail is None:
        return False
    with wall(mail):
        mail_rows.settle(mail, Answer(Result.UNCLEAR, "the sender did not come back"), now)
    return True
