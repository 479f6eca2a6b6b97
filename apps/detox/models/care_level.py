"""The answers to the level-of-care questions, what they suggest and what was decided."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.alerts.models.guards import SameClinic, known
from apps.database.kept_rows import immutable
from apps.patients.models import Clinic, Patient, RiskProfile


class CareChoices(models.TextChoices):
    """The levels of `apps.clinical.level_of_care.Care`, in words."""

    OUTPATIENT = "outpatient", "Outpatient"
    DAILY = "daily_contact", "Outpatient with daily contact"
    INPATIENT = "inpatient", "Inpatient"


class CareAssessment(models.Model):
    """One clinician's answers to ASAM-07 with the decision. Never changed once made."""

    Level = CareChoices

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="care_assessments")
    harm = models.BooleanField(help_text="ASAM-07a")
    unmanageable = models.BooleanField(help_text="ASAM-07b")
    severe_withdrawal = models.BooleanField(help_text="ASAM-07c")
    tier = models.CharField(max_length=10, choices=RiskProfile.Tier)
    severe_sign = models.BooleanField(help_text="An emergency alert came since the last answers.")
    suggested = models.CharField(max_length=14, choices=CareChoices)
    because = models.JSONField(default=list)
    decided = models.CharField(max_length=14, choices=CareChoices)
    sign_off = models.TextField(
        max_length=2000, blank=True, help_text="Why the decision differs from what is suggested."
    )
    assessed_at = models.DateTimeField()
    assessed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-assessed_at"]
        indexes: ClassVar = [models.Index(fields=["patient", "-assessed_at"])]
        constraints: ClassVar = [
            known("care_suggested_known", "suggested", CareChoices),
            known("care_decided_known", "decided", CareChoices),
            models.CheckConstraint(
                condition=Q(decided=F("suggested")) | ~Q(sign_off=""),
                name="care_other_decision_signed_off",
            ),
            models.CheckConstraint(
                condition=Q(harm=False, unmanageable=False, severe_withdrawal=False)
                | Q(suggested=CareChoices.INPATIENT.value),
                name="care_any_yes_suggests_inpatient",
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="care_of_clinic"
            ),
        ]
        triggers: ClassVar = [
            immutable("care_immutable"),
        ]

    def __str__(self) -> str:
        return f"{self.get_decided_display()}, {self.assessed_at:%Y-%m-%d}"
