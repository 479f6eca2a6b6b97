"""The year after the last dose: use that began again, met with a plan."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.alerts.models.guards import SameClinic
from apps.clinical.dependence import RARE_DAYS_PER_WEEK
from apps.database.kept_rows import immutable
from apps.patients.models import Clinic, Patient


class Restart(models.Model):
    """Use began again, and what was agreed about it. A fact and a plan, never a fault."""

    class Seen(models.TextChoices):
        """How it became known."""

        TOLD = "told", "The patient told us"
        CHECK_IN = "check_in", "By a check-in"
        PHARMACY = "pharmacy", "By the pharmacy or the PDMP"
        OTHER = "other", "Otherwise, see the plan"

    class Next(models.TextChoices):
        """What was agreed."""

        NEW_TAPER = "new_taper", "A new plan to taper"
        STOP_AGAIN = "stop_again", "A few doses only: none from now on"
        STAY = "stay", "Stay at a dose for now"
        SPECIALIST = "specialist", "A specialist's advice first"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="restarts")
    seen_how = models.CharField(max_length=8, choices=Seen)
    taken = models.CharField(max_length=300, help_text="What is taken, in the patient's words.")
    days_per_week = models.PositiveSmallIntegerField(help_text="On how many days of a week.")
    agreed = models.CharField(max_length=10, choices=Next)
    plan = models.TextField(max_length=2000, help_text="What was agreed with the patient.")
    last_dose_on = models.DateField(
        null=True, blank=True, help_text="The last day of use, where none is taken any more."
    )
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-recorded_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(taken="") & ~Q(plan=""), name="restart_met_with_a_plan"
            ),
            models.CheckConstraint(
                condition=Q(agreed="stop_again", last_dose_on__isnull=False)
                | ~Q(agreed="stop_again") & Q(last_dose_on__isnull=True),
                name="restart_says_whether_it_goes_on",
            ),
            models.CheckConstraint(
                condition=Q(days_per_week__gte=1, days_per_week__lte=7)
                & (~Q(agreed="stop_again") | Q(days_per_week__lte=RARE_DAYS_PER_WEEK)),
                name="restart_stops_only_what_is_rare",
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="restart_of_clinic"
            ),
        ]
        triggers: ClassVar = [immutable("restart_immutable")]

    def __str__(self) -> str:
        return f"Restart {self.recorded_at:%Y-%m-%d}"
