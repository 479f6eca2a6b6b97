"""The weekly drill of each clinic: its synthetic patient, and how every drill went."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from apps.alerts.models.alert import Alert
from apps.patients.models import DRILL_CLINIC, Clinic, Patient

OF_THE_DRILL = f"""
IF NOT EXISTS (
    SELECT FROM patients_patient WHERE id = NEW.patient_id AND clinic_id = '{DRILL_CLINIC}'
) THEN RAISE EXCEPTION 'A synthetic patient is of the clinic of the drill and of no other.';
END IF; RETURN NEW;
"""


class SyntheticPatient(models.Model):
    """The invented patient whose red flag proves one clinic's rota, people and gateways."""

    patient = models.OneToOneField(
        Patient, primary_key=True, on_delete=models.PROTECT, related_name="+"
    )
    clinic = models.OneToOneField(Clinic, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(clinic=DRILL_CLINIC), name="synthetic_for_a_real_clinic"
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="synthetic_of_the_drill",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=OF_THE_DRILL,
            ),
        ]

    def __str__(self) -> str:
        return f"Synthetic patient for {self.clinic}"


class DrillQuerySet(models.QuerySet["Drill"]):
    """Reads of drills."""

    def latest_of_each(self) -> "DrillQuerySet":
        """Return the last drill of each clinic."""
        own = self.filter(clinic__isnull=False)
        return own.order_by("clinic_id", "-started_at").distinct("clinic_id")

    def under_way(self) -> "DrillQuerySet":
        """Return drills that have not ended."""
        return self.filter(ended_at__isnull=True)


class Drill(models.Model):
    """One synthetic red flag on its way to a clinic's people, and how long it took."""

    started_at = models.DateTimeField()
    clinic = models.ForeignKey(
        Clinic, null=True, on_delete=models.PROTECT, related_name="drills",
        help_text="Whose people it went to; empty for drills of the time before each had its own.",
    )  # fmt: skip
    alert = models.OneToOneField(Alert, on_delete=models.PROTECT, related_name="+")
    accepted_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # The report of it to the clinic's leads.
    told_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)

    objects = DrillQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-started_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True, seconds__isnull=True)
                | Q(accepted_at__isnull=False, seconds__gte=0),
                name="drill_accepted_is_timed",
            ),
            models.UniqueConstraint(
                fields=["clinic"], condition=Q(ended_at__isnull=True), name="drill_one_at_a_time"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["clinic", "-started_at"], name="drill_latest"),
        ]

    def __str__(self) -> str:
        return f"Drill of {self.started_at:%Y-%m-%d %H:%M}"
