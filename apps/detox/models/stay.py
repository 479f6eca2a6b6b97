"""A stay in a bed of the clinic's own: rounds of observations, and what was given."""

import uuid
from datetime import datetime
from typing import ClassVar, Final

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.alerts.models.guards import SameClinic, begins, fixed, known
from apps.alerts.states import pairs
from apps.clinical.detox import is_late_entry
from apps.clinical.scoring import CIWA_B_CONCEPTS, CiwaBScore, ciwa_b
from apps.database.kept_rows import immutable, kept
from apps.detox.models.referral import Referral
from apps.detox.states import STAY_TRANSITIONS, StayStatus
from apps.patients.models import Clinic, Patient

ROUND_HOURS_AT_MOST: Final = 24


class StayQuerySet(models.QuerySet["Stay"]):
    """Reads of stays."""

    def current(self) -> "StayQuerySet":
        """Return stays of patients who are in a bed now."""
        return self.filter(status="current")

    def round_overdue(self, now: datetime) -> "StayQuerySet":
        """Return current stays whose next round should have been made by `now`.

        Of somebody who died none is due any more; where that was a slip, it is due again.
        """
        rows = self.current().filter(next_round_at__lt=now)
        return rows.exclude(patient__status=Patient.Status.DECEASED)


class StayStatusChoices(models.TextChoices):
    """The states in words."""

    CURRENT = "current", "In the unit"
    DISCHARGED = "discharged", "Discharged"
    WITHDRAWN = "withdrawn", "Withdrawn: never in the unit"


class Stay(models.Model):
    """One stay. Who orders it says how often a round is made; the guideline names no number."""

    Status = StayStatusChoices

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="stays")
    referral = models.OneToOneField(Referral, on_delete=models.PROTECT, related_name="stay")
    bed = models.CharField(max_length=40, blank=True)
    round_hours = models.PositiveSmallIntegerField(help_text="Hours between two rounds.")
    next_round_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(
        max_length=10, choices=StayStatusChoices, default=StayStatusChoices.CURRENT
    )
    began_at = models.DateTimeField()
    began_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = StayQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-began_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "id"], name="stay_known_in_clinic"),
            SameClinic(
                field="referral_id",
                to="detox_referral",
                column="id",
                name="stay_referral_of_clinic",
            ),
            known("stay_status_known", "status", StayStatus),
            models.UniqueConstraint(
                fields=["patient"], condition=Q(status="current"), name="stay_one_current"
            ),
            models.CheckConstraint(
                condition=Q(round_hours__range=(1, ROUND_HOURS_AT_MOST)),
                name="stay_rounds_possible",
            ),
            models.CheckConstraint(
                condition=Q(status="current", next_round_at__isnull=False)
                | Q(status__in=("discharged", "withdrawn"), next_round_at__isnull=True),
                name="stay_clock_runs_while_there",
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="stay_of_clinic"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_round_at"], condition=Q(status="current"), name="stay_round_due"
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.FSM(
                name="stay_transition", field="status", transitions=pairs(STAY_TRANSITIONS)
            ),
            begins("stay_begins_current", STAY_TRANSITIONS),
            fixed("stay_stays_itself", "id", "clinic", "patient", "referral", "began_at",
                  "began_by"),
            kept("stay_kept"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Stay from {self.began_at:%Y-%m-%d}"

    def is_round_overdue(self, now: datetime) -> bool:
        """Answer whether the next round should have been made by `now`; of who died none is due."""
        due = self.next_round_at
        return due is not None and due < now and self.patient.status != Patient.Status.DECEASED


class Round(models.Model):
    """One observation round: vital signs, sedation, CIWA-B anchors. Never changed once signed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    stay = models.ForeignKey(Stay, on_delete=models.PROTECT, related_name="rounds")
    submission_id = models.UUIDField(unique=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    pulse = models.PositiveSmallIntegerField(null=True, blank=True, help_text="per minute")
    systolic = models.PositiveSmallIntegerField(null=True, blank=True, help_text="mmHg")
    diastolic = models.PositiveSmallIntegerField(null=True, blank=True, help_text="mmHg")
    breaths = models.PositiveSmallIntegerField(null=True, blank=True, help_text="per minute")
    oxygen = models.PositiveSmallIntegerField(null=True, blank=True, help_text="SpO2, percent")
    temp_c = models.DecimalField(max_digits=3, decimal_places=1, null=True, blank=True)
    sedation = models.PositiveSmallIntegerField()
    ataxia = models.BooleanField(default=False)
    nystagmus = models.BooleanField(default=False)
    slurred_speech = models.BooleanField(default=False)
    fall = models.BooleanField(default=False)
    is_dangerous = models.BooleanField(
        default=False, db_default=False, help_text="Whoever made the round says: call help now."
    )
    anchors = ArrayField(
        models.PositiveSmallIntegerField(), null=True, blank=True,
        help_text="The twenty CIWA-B anchors from left to right; empty when not scored.",
    )  # fmt: skip
    note = models.TextField(max_length=2000, blank=True)
    recorded_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was written down; empty: at once."
    )

    class Meta:
        ordering: ClassVar = ["-at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(recorded_at__isnull=True) | Q(recorded_at__gte=F("at")),
                name="round_recorded_after",
            ),
            SameClinic(field="stay_id", to="detox_stay", column="id", name="round_of_clinic"),
            models.CheckConstraint(condition=Q(sedation__lte=4), name="round_sedation_known"),
            models.CheckConstraint(
                condition=Q(anchors__isnull=True) | Q(anchors__len=len(CIWA_B_CONCEPTS)),
                name="round_anchors_all_or_none",
            ),
            models.CheckConstraint(
                condition=Q(oxygen__isnull=True) | Q(oxygen__lte=100), name="round_oxygen_possible"
            ),
            models.CheckConstraint(
                condition=Q(systolic__isnull=True, diastolic__isnull=True)
                | Q(systolic__gt=F("diastolic")),
                name="round_pressure_possible",
            ),
        ]
        triggers: ClassVar = [immutable("round_immutable")]

    def __str__(self) -> str:
        return f"Round {self.at:%Y-%m-%d %H:%M}"

    @property
    def is_late(self) -> bool:
        """Whether it was written down long after it was made."""
        return self.recorded_at is not None and is_late_entry(self.at, self.recorded_at)

    @property
    def score(self) -> CiwaBScore | None:
        """The CIWA-B total with its band, None when it was not scored."""
        return ciwa_b(self.anchors) if self.anchors else None


class DoseRecord(models.Model):
    """One dose the team gave, or held, signed by who did. A record: no field is worked out."""

    class Kind(models.TextChoices):
        """Whether it was given."""

        GIVEN = "given", "Given"
        HELD = "held", "Held"

    class Why(models.TextChoices):
        """Why a dose was held."""

        SEDATION = "sedation", "Sedation"
        BREATHING = "breathing", "Breathing or oxygen"
        UNSTEADY = "unsteady", "Ataxia, nystagmus or slurred speech"
        REFUSED = "refused", "The patient did not want it"
        OTHER = "other", "Other, see the note"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    stay = models.ForeignKey(Stay, on_delete=models.PROTECT, related_name="doses")
    submission_id = models.UUIDField(unique=True)
    kind = models.CharField(max_length=5, choices=Kind)
    medicine = models.CharField(max_length=80, help_text="As the order names it.")
    amount = models.CharField(max_length=60, blank=True, help_text="With its unit, as given.")
    route = models.CharField(max_length=30, blank=True)
    ordered_by = models.CharField(max_length=120, help_text="Whose order it is.")
    held_because = models.CharField(max_length=10, choices=Why, blank=True)
    sedation = models.PositiveSmallIntegerField(help_text="Just before the dose (INP-07).")
    breaths = models.PositiveSmallIntegerField(help_text="Per minute, just before the dose.")
    note = models.TextField(max_length=2000, blank=True)
    at = models.DateTimeField()
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    signed_with = models.CharField(max_length=20)
    signed_at = models.DateTimeField()
    is_late = models.BooleanField(
        default=False, db_default=False,
        help_text="Signed long after it was given, or after the discharge.",
    )  # fmt: skip
    corrects = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrected_by"
    )

    class Meta:
        ordering: ClassVar = ["-at", "-signed_at"]
        constraints: ClassVar = [
            SameClinic(field="stay_id", to="detox_stay", column="id", name="dose_record_of_clinic"),
            models.CheckConstraint(
                condition=Q(kind="given", held_because="") & ~Q(amount="")
                | Q(kind="held") & ~Q(held_because=""),
                name="dose_given_with_amount_or_held_with_reason",
            ),
            models.CheckConstraint(
                condition=~Q(held_because="other") | ~Q(note=""), name="dose_other_has_note"
            ),
            models.CheckConstraint(
                condition=~Q(medicine="") & ~Q(ordered_by="") & ~Q(signed_with=""),
                name="dose_is_signed_and_ordered",
            ),
            models.CheckConstraint(condition=Q(sedation__lte=4), name="dose_sedation_known"),
            models.CheckConstraint(condition=Q(signed_at__gte=F("at")), name="dose_signed_after"),
        ]
        triggers: ClassVar = [immutable("dose_immutable")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M}"
