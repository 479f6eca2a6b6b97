"""Putting a mail about somebody's access into the row from which it is sent."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import StaffMail, User
from apps.dashboard.tasks import staff_bell
from apps.database.scope import every_clinic


def put(now: datetime, **subject: Any) -> StaffMail:
    """Store one mail inside the caller's transaction; it leaves after the commit."""
    mail = StaffMail.objects.create(created_at=now, **{"next_attempt_at": now, **subject})
    transaction.on_commit(lambda: staff_bell.ring([mail.pk]))
    return mail


@every_clinic()
@transaction.atomic
def ask_for_reset(*, address: str, now: datetime) -> StaffMail:
    """Have a link for a new password sent to this address, if it is an active person's.

    A stranger's address costs the same work and the same row; whether a mail leaves is up to the
    worker, so that neither the answer nor its time tells who has an account.
    """
    user = User.objects.filter(email=address.strip().lower(), is_active=True).first()
    ends = {} if user else {
        "state": StaffMail.State.NOBODY, "next_attempt_at": None, "ended_at": now,
    }  # fmt: skip
    return put(now, kind=StaffMail.Kind.RESET, user=user, **ends)
