"""One mail of these pages: claim, commit, talk to the mail server, mark.

As for reminders: a locked row with a lease and a token; lease, back-off, connection and the
breaker of the mail server are those of `apps.alerts`.
"""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from apps.alerts import breaker, mail_rows
from apps.alerts.batch import Clock
from apps.alerts.smtp import Answer, MailSession, Result
from apps.audit.actions import record
from apps.patients.moving import clinic_by_clinic, inside, move_each
from apps.portal.emails import build
from apps.portal.models import PortalMail, SignInCode

logger = logging.getLogger(__name__)

OLD: Final = timedelta(days=7)  # a code says nothing after ten minutes
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
    if mail.state == PortalMail.State.CANCELLED:
        return True
    with inside(mail.wall):
        settle(mail, mail_rows.hand_over(build(mail), session, clock), clock())
    return True


@transaction.atomic
def claim(now: datetime, only: uuid.UUID | None = None) -> PortalMail | None:
    """Take one due mail under a lease; one that is not wanted any more comes back cancelled."""
    gate = breaker.gate(now)
    if gate is breaker.Gate.NOTHING:
        return None
    due = PortalMail.objects.due(now)
    due = due.filter(pk=only) if only else due
    mail = (
        due.select_for_update(skip_locked=True, of=("self",))
        .select_related("patient", "clinic", "invitation", "trusted", "code")
        .first()
    )
    if mail is None:
        return None
    with inside(mail.wall):
        if not mail.is_wanted(now):
            mail_rows.finish(mail, PortalMail.State.CANCELLED, now)
            return mail
        if gate is breaker.Gate.ONE_PROBE and not breaker.take_probe(now):
            return None
        mail_rows.lease(mail, now)
    return mail


@transaction.atomic
def settle(mail: PortalMail, answer: Answer, now: datetime) -> bool:
    """Store what came of an attempt; False when it was taken back meanwhile."""
    current: PortalMail | None = mail_rows.still_held(mail)
    if current is None:
        return False
    mail_rows.settle(current, answer, now)
    record(
        "portal_mail.sent" if answer.result == Result.SENT else "portal_mail.not_sent",
        by=None, now=now, clinic_id=current.clinic_id, patient_id=current.patient_id, obj=current,
        kind=current.kind, attempts=current.attempts,
    )  # fmt: skip
    return True


def sweep_mails(now: datetime) -> int:
    """Make due again what a dead sender left behind, and forget codes of last week."""
    lost = PortalMail.objects.lease_expired(now).values_list("pk", "clinic_id")[:BATCH]
    moved = move_each(lost, take_back, now, logger, "mails: %s could not be taken back")
    forget_codes(now)
    return moved


@transaction.atomic
def take_back(mail_id: uuid.UUID, now: datetime) -> bool:
    """Make one mail due again whose sender did not come back in time."""
    lost = PortalMail.objects.lease_expired(now).filter(pk=mail_id)
    mail = lost.select_for_update(skip_locked=True).first()
    if mail is None:
        return False
    mail_rows.settle(mail, Answer(Result.UNCLEAR, "the sender did not come back"), now)
    return True


def forget_codes(now: datetime) -> int:
    """Remove codes of last week with their mails; the audit record keeps who signed in."""
    old = SignInCode.objects.filter(created_at__lt=now - OLD).order_by("created_at")
    forgotten = 0
    for keys in clinic_by_clinic(old.values_list("pk", "patient__clinic_id")[:BATCH]):
        with transaction.atomic():
            PortalMail.objects.filter(code__in=keys).delete()
            forgotten += SignInCode.objects.filter(pk__in=keys).delete()[0]
    return forgotten
