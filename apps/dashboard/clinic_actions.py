"""Opening a clinic on this installation: what the operator does once, before any page works."""

from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.patients.models import Clinic, Role, StaffMember


class ClinicError(ValueError):
    """The clinic cannot be opened so; the text is for the operator."""


@transaction.atomic
def open_clinic(
    *, clinic: Clinic, email: str, full_name: str, password: str, now: datetime
) -> StaffMember:
    """Store a new clinic with its first admin, who invites everybody else.

    Somebody who works in another clinic here already keeps their name and password: `password`
    is not read then. Raises `ClinicError` for a name that is taken, and Django's
    `ValidationError` for values that no clinic or person can have.
    """
    if Clinic.objects.filter(name=clinic.name).exists():
        raise ClinicError("There is a clinic of this name already. Nothing was changed.")
    clinic.full_clean()
    clinic.save(force_insert=True)
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        user = User(email=email.strip().lower(), full_name=full_name)
        user.set_password(password)
        user.full_clean()
        validate_password(password, user)
        user.save()
    member = StaffMember.objects.create(clinic=clinic, user=user, role=Role.CLINIC_ADMIN)
    record("clinic.opened", by=None, now=now, clinic_id=clinic.pk, obj=member)
    return member
