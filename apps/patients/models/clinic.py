"""A clinic, its staff and what each person does in it."""

import uuid
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.db import models

from apps.accounts.models import User

# The clinic of the weekly drill. It holds synthetic patients and nobody's data: every list,
# count, export and report is of one clinic, so none of a real clinic can ever hold a drill.
DRILL_CLINIC = uuid.UUID("d7111000-0000-4000-8000-000000000001")


class ClinicQuerySet(models.QuerySet["Clinic"]):
    """Reads of clinics."""

    def real(self) -> "ClinicQuerySet":
        """Return clinics of people, without the one of the drill."""
        return self.exclude(pk=DRILL_CLINIC)

    def staffed(self, *, by: datetime | None = None) -> "ClinicQuerySet":
        """Return clinics in which somebody works, each once; `by` leaves out who joined later."""
        at_work: dict[str, Any] = {"staff__is_active": True, "staff__user__is_active": True}
        if by is not None:
            at_work["staff__user__date_joined__lt"] = by
        return self.filter(**at_work).distinct()


class Clinic(models.Model):
    """One clinic. Two clinics on one installation never see each other."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    time_zone = models.CharField(max_length=64, default="America/New_York")
    phone = models.CharField(max_length=30)
    after_hours_phone = models.CharField(max_length=30)
    emergency_number = models.CharField(max_length=20, default="911")
    crisis_line = models.CharField(max_length=40, default="988")

    objects = ClinicQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def tz(self) -> ZoneInfo:
        """The clinic's own time zone, for staff pages."""
        return ZoneInfo(self.time_zone)

    @property
    def phone_numbers(self) -> dict[str, str]:
        """The values of the placeholders in the patient texts (clinical/triage.md)."""
        return {
            "emergency": self.emergency_number,
            "crisis": self.crisis_line,
            "clinic_phone": self.phone,
            "after_hours": self.after_hours_phone,
        }


class Role(models.TextChoices):
    """What a person does in a clinic; patients/permissions.py says what each may do."""

    PRESCRIBER = "prescriber", "Prescriber"
    NURSE = "nurse", "Nurse"
    PHARMACIST = "pharmacist", "Pharmacist"
    CLINICAL_LEAD = "clinical_lead", "Clinical lead"
    CLINIC_ADMIN = "clinic_admin", "Clinic admin"


class StaffQuerySet(models.QuerySet["StaffMember"]):
    """Reads of memberships."""

    def active(self) -> "StaffQuerySet":
        """Return memberships that are in force: the person and the membership are active."""
        return self.filter(is_active=True, user__is_active=True)


class StaffMember(models.Model):
    """One person's role in one clinic."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="staff")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    is_active = models.BooleanField(default=True)

    objects = StaffQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["user__full_name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "id"], name="staff_known_in_clinic"),
            models.UniqueConstraint(fields=["clinic", "user"], name="staff_once_per_clinic"),
        ]

    def __str__(self) -> str:
        return f"{self.user.full_name}, {self.get_role_display()}"
