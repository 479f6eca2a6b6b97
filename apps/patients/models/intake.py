"""The intake's own record: every change of it, PDMP checks, documented stops."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.database.kept_rows import immutable
from apps.database.same_clinic import SameClinic
from apps.patients.models.clinic import Clinic
from apps.patients.models.patient import Patient


class Section(models.TextChoices):
    """A part of the intake that is saved by itself, in the order in which it is asked."""

    PERSON = "person", "Person and contact"
    MEDICINE = "medicine", "What they take now"
    HISTORY = "history", "Withdrawal so far"
    HEALTH = "health", "Health"
    SUBSTANCES = "substances", "Alcohol, opioids, other substances"
    CHECKS = "checks", "Other medicines and PDMP"


class IntakeEntry(models.Model):
    """One saved change of the intake: which fields, what they said and say now."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="intake_entries")
    number = models.PositiveIntegerField()
    section = models.CharField(max_length=10, choices=Section)
    changes = models.JSONField(help_text="A list of [field, before, after], in words.")
    taken_before = models.JSONField(
        null=True, help_text="Drug and milligrams a day until this entry, where they changed."
    )
    saved_at = models.DateTimeField()
    saved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="intake_of_clinic"
            ),
            models.UniqueConstraint(fields=["patient", "number"], name="intake_numbered_once"),
        ]
        triggers: ClassVar = [immutable("intake_entry_immutable")]

    def __str__(self) -> str:
        return f"Intake entry {self.number}"


class PdmpCheck(models.Model):
    """Somebody looked at the prescription drug monitoring program (ASAM-02)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="pdmp_checks")
    checked_on = models.DateField()
    checked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-checked_on", "-recorded_at"]
        triggers: ClassVar = [immutable("pdmp_immutable")]

    def __str__(self) -> str:
        return f"PDMP checked {self.checked_on}"


class StopDecision(models.Model):
    """The documented path of ASAM-05: stop, or a short taper, because dependence is unlikely."""

    class Kind(models.TextChoices):
        """What was decided."""

        STOP = "stop", "Stop"
        SHORT_TAPER = "short_taper", "Short taper"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="stop_decisions")
    kind = models.CharField(max_length=12, choices=Kind)
    reason = models.TextField(max_length=2000, help_text="Why risks outweigh benefits.")
    told_to_report = models.BooleanField(help_text="Told to report rebound or withdrawal.")
    told_may_restart = models.BooleanField(help_text="Told it may be restarted and tapered.")
    because = models.JSONField(default=list, help_text="What the rule said at that moment.")
    decided_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-decided_at"]
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="stop_of_clinic"
            ),
            models.CheckConstraint(
                condition=~Q(reason="") & Q(told_to_report=True, told_may_restart=True),
                name="stop_is_documented",
            ),
        ]
        triggers: ClassVar = [immutable("stop_immutable")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.decided_at:%Y-%m-%d}"
