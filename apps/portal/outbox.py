"""Putting a mail into the row from which it is sent, and taking waiting ones back."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.patients.models import Patient
from apps.portal.models import PortalMail
from apps.portal.tasks import mail_bell


def put(patient: Patient | None, now: datetime, **subject: Any) -> PortalMail:
    """Store one mail inside the caller's transaction; it leaves after the commit.

    `subject` is one of invitation, code, trusted. Without a patient the row is as big and
    the bell rings as loud, but nothing is sent: who asks must not see the difference.
    """
    (kind,) = subject
    mail = PortalMail.objects.create(
        clinic_id=patient.clinic_id if patient else None,
        patient=patient,
        kind=kind,
        state=PortalMail.State.PENDING if patient else PortalMail.State.NOBODY,
        created_at=now,
        next_attempt_at=now if patient else None,
        ended_at=None if patient else now,
        **subject,
    )
    transaction.on_commit(lambda: mail_bell.ring([mail.pk]))
    return mail


def cancel(mails: Any, now: datetime) -> int:
    """End waiting mails; one in a sender's hand finds its lease gone."""
    live = mails.filter(state__in=(PortalMail.State.PENDING, PortalMail.State.SENDING))
    done: int = live.update(
        state=PortalMail.State.CANCELLED, ended_at=now, next_attempt_at=None, lease_token=None,
        lease_until=None,
    )  # fmt: skip
    return done
