"""The end of a stay, and what has to happen after it."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.alerts.models.guards import SameClinic
from apps.database.kept_rows import immutable
from apps.detox.models.referral import Referral
from apps.patients.models import Clinic, Patient


class Discharge(models.Model):
    """One patient home from a detox unit: what is still taken, and until when we ask each day."""

    class Left(models.TextChoices):
        """What is left to taper."""

        SOME = "some", "Still takes a benzodiazepine: it is tapered further"
        NONE = "none", "Takes none any more"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="discharges")
    referral = models.OneToOneField(Referral, on_delete=models.PROTECT, related_name="discharge")
    left = models.CharField(max_length=4, choices=Left)
    taken = models.CharField(
        max_length=300, blank=True, help_text="What is taken now, as the unit's letter says it."
    )
    last_dose_on = models.DateField(null=True, blank=True)
    summary = models.TextField(max_length=4000)
    discharged_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    contact_by = models.DateTimeField(help_text="72 hours after the discharge (INP-09).")
    daily_until = models.DateField(help_text="14 days of daily check-ins (INP-09).")

    class Meta:
        ordering: ClassVar = ["-discharged_at"]
        constraints: ClassVar = [
            SameClinic(
                field="referral_id",
                to="detox_referral",
                column="id",
                name="discharge_referral_of_clinic",
            ),
            models.CheckConstraint(
                condition=Q(left="some", last_dose_on__isnull=True) & ~Q(taken="")
                | Q(left="none", last_dose_on__isnull=False, taken=""),
                name="discharge_says_what_is_left",
            ),
            models.CheckConstraint(
                condition=Q(contact_by__gt=F("discharged_at")), name="discharge_contact_later"
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="discharge_of_clinic"
            ),
        ]
        triggers: ClassVar = [
            immutable("discharge_immutable"),
        ]

    def __str__(self) -> str:
        return f"Discharge {self.discharged_at:%Y-%m-%d}"
