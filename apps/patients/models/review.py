"""Risk-benefit reviews: how often a clinic holds them, and what each one found (ASAM-01)."""

import uuid
from datetime import date
from typing import ClassVar, Final

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Least

from apps.accounts.models import User
from apps.clinical.profile import RB_REVIEW_DAYS
from apps.clinical.reviews import STRICT_REVIEW_DAYS, review_due_on
from apps.database.kept_rows import immutable
from apps.database.same_clinic import SameClinic
from apps.patients.models.clinic import Clinic
from apps.patients.models.patient import Patient


class ReviewPolicy(models.Model):
    """How often a clinic reviews; without a row the guideline's days hold."""

    clinic = models.OneToOneField(
        Clinic, primary_key=True, on_delete=models.PROTECT, related_name="review_policy"
    )
    usual_days = models.PositiveSmallIntegerField(default=RB_REVIEW_DAYS)
    strict_days = models.PositiveSmallIntegerField(
        default=STRICT_REVIEW_DAYS, help_text="With an opioid or a substance use disorder."
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(strict_days__gte=1)
                & Q(strict_days__lte=F("usual_days"))
                & Q(usual_days__lte=RB_REVIEW_DAYS),
                name="review_days_within_the_guideline",
            ),
        ]

    def __str__(self) -> str:
        return f"Reviews every {self.usual_days} or {self.strict_days} days"


class RiskBenefitReview(models.Model):
    """One review of whether the medicine still does more good than harm. Never changed."""

    class Outcome(models.TextChoices):
        """What follows from it."""

        TAPER = "taper", "Start or go on with the taper"
        STAY = "stay", "Stay at this dose for now"
        CHANGE = "change", "Change the plan"
        REFER = "refer", "Refer, or change the level of care"
        CONTINUE = "continue", "Benefits outweigh risks: continue the medicine"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="reviews")
    reviewed_on = models.DateField()
    outcome = models.CharField(max_length=10, choices=Outcome)
    note = models.TextField(max_length=4000)
    next_due_on = models.DateField()
    pdmp_checked = models.BooleanField(default=False)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-reviewed_on", "-recorded_at"]
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="review_of_clinic"
            ),
            models.CheckConstraint(
                condition=Q(next_due_on__gt=F("reviewed_on")), name="review_next_is_later"
            ),
            models.CheckConstraint(condition=~Q(note=""), name="review_has_a_note"),
        ]
        indexes: ClassVar = [models.Index(fields=["patient", "-reviewed_on"])]
        triggers: ClassVar = [immutable("review_immutable")]

    def __str__(self) -> str:
        return f"Reviewed {self.reviewed_on}"


# PostgreSQL's LEAST leaves out what is empty.
OWED_ON: Final = Least("due_on", "renewal_on")


class ReviewClock(models.Model):
    """When a followed patient's next review is due, as a row: a restart forgets nothing.

    `due_on` counts days (W16 hangs on it alone), `renewal_on` comes from the supply records;
    the review is owed on the sooner of both.
    """

    patient = models.OneToOneField(
        Patient, primary_key=True, on_delete=models.PROTECT, related_name="review_clock"
    )
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField()
    interval_days = models.PositiveSmallIntegerField()
    renewal_on = models.DateField(
        null=True, blank=True, help_text="The first renewal that no review has weighed."
    )

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id",
                to="patients_patient",
                column="id",
                name="review_clock_of_clinic",
            ),
            models.CheckConstraint(
                condition=Q(interval_days__gte=1, interval_days__lte=RB_REVIEW_DAYS),
                name="review_clock_within_the_guideline",
            ),
        ]
        indexes: ClassVar = [
            models.Index(F("clinic"), OWED_ON, name="review_owed"),
        ]

    def __str__(self) -> str:
        return f"Review due {self.owed_on}"

    @property
    def owed_on(self) -> date:
        """The day of the next review."""
        return review_due_on(self.due_on, self.renewal_on)

    @property
    def is_by_renewal(self) -> bool:
        """Whether a renewal calls for the review before its interval does."""
        return self.owed_on < self.due_on
