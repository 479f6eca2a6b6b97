"""What the dashboard keeps: rows for speed, worked out from the other apps', and what staff
write here themselves (notes, saved views).

One narrow row per patient carries the board and the caseload (ADR 17). Triggers of
PostgreSQL note which patient changed, in the transaction that changed it; `states.py`
works the row out again from the truth. Those can be emptied and rebuilt.
"""

import uuid
from datetime import date, datetime
from typing import ClassVar, Final

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from apps.accounts.models import User
from apps.dashboard.searching import search_expression, search_words
from apps.database.expressions import among
from apps.database.kept_rows import immutable
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient, RiskProfile, StaffMember

# What sorts last where nothing is known: a row without a date, an alert or a score.
NO_DAY: Final = date(9999, 12, 31)
NEVER: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
NO_ALERT: Final = 9
NO_SCORE: Final = -1
NAME_KEY_LENGTH: Final = 162
BLOCKED_LENGTH: Final = 200
FEW_FROM: Final = 3  # letters; shorter beginnings fit so many that the order leads to a page faster


class StateQuerySet(models.QuerySet["PatientState"]):
    """Reads of the state rows; each has its index."""

    def visible_to(self, member: StaffMember) -> "StateQuerySet":
        """Return the rows of the reader's own clinic."""
        return self.filter(clinic_id=member.clinic_id)

    def matching(self, query: str) -> "StateQuerySet":
        """Return patients with a name, reference or phone that begins with each typed word.

        Accents do not matter, and the last digits of a phone number are found too, three or more.
        """
        words = search_words(query)
        if not words:
            return self.none() if query.strip() else self
        raw = SearchQuery(search_expression(words), search_type="raw", config="simple")
        found = self.filter(search=raw)
        if max(map(len, words)) < FEW_FROM:
            return found
        # PostgreSQL takes every prefix for two in a hundred, and would rather read the whole
        # clinic in the order of names than ask the index.
        return self.filter(among("pk", found.values("pk")))

    def silent(self, now: datetime) -> "StateQuerySet":
        """Return followed patients whose check-in is overdue, the longest silence first."""
        return self.filter(silent_from__lte=now).order_by("silent_from")

    def waiting(self) -> "StateQuerySet":
        """Return patients whose next cut waits for a prescriber, the longest first."""
        return self.filter(decision_since__isnull=False).order_by("decision_since")

    def unsigned(self) -> "StateQuerySet":
        """Return patients with a plan that waits for a second signature, the longest first."""
        return self.filter(second_since__isnull=False).order_by("second_since")

    def clock_due(self, now: datetime) -> "StateQuerySet":
        """Return rows that the calendar alone has changed: a day came on which a step begins."""
        return self.filter(refresh_at__lte=now).order_by("refresh_at")


class PatientState(models.Model):
    """How one patient stands now: what the board, the caseload and the counts read."""

    class Stage(models.TextChoices):
        """Where the patient is on the way."""

        NO_PLAN = "no_plan", "No plan yet"
        DRAFT = "draft", "Plan not signed"
        STARTS = "starts", "Starts soon"
        TAPERING = "tapering", "Tapering"
        HELD = "held", "Held"
        ARRIVED = "arrived", "At the goal"
        OVER = "over", "Plan ended"
        AGAIN = "again", "Taking some again"
        PAUSED = "paused", "Paused"
        HOSPITAL = "hospital", "In hospital"
        LEFT = "left", "No longer followed"

    class Trend(models.TextChoices):
        """Symptoms since the present step, against the two weeks before it."""

        WORSE = "worse", "Worse"
        SAME = "same", "About the same"
        BETTER = "better", "Better"

    patient = models.OneToOneField(
        Patient, primary_key=True, on_delete=models.CASCADE, related_name="state"
    )
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    # Without accents: Álvarez stands among the As whatever the database thinks of Á.
    name_key = models.CharField(
        max_length=NAME_KEY_LENGTH, help_text="Family and given name, lower case."
    )
    search = SearchVectorField()
    stage = models.CharField(max_length=10, choices=Stage)
    tier = models.CharField(max_length=10, choices=RiskProfile.Tier, blank=True)
    tier_rank = models.PositiveSmallIntegerField(default=0)
    drug_id = models.CharField(max_length=30, blank=True)
    daily_mg = models.DecimalField(
        max_digits=9, decimal_places=4, default=0, help_text="Of this drug alone, to sort by."
    )
    dose = models.CharField(
        max_length=200, blank=True, help_text="Today's, of each drug; two are never added up."
    )
    step = models.PositiveSmallIntegerField(null=True, blank=True)
    steps = models.PositiveSmallIntegerField(default=0)
    next_on = models.DateField(null=True, blank=True)
    next_dose = models.CharField(max_length=200, blank=True)
    blocked = models.CharField(
        max_length=BLOCKED_LENGTH, blank=True, help_text="Why the next cut waits."
    )
    decision_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when a prescriber is waited for."
    )
    second_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when a version waits for a second signature."
    )
    trend = models.CharField(max_length=6, choices=Trend, blank=True)
    score = models.SmallIntegerField(null=True, blank=True, help_text="The last, of 40.")
    last_check_in_at = models.DateTimeField(null=True, blank=True)
    silent_from = models.DateTimeField(
        null=True, blank=True, help_text="When the wait for the next check-in is over."
    )
    alert_rank = models.PositiveSmallIntegerField(
        default=NO_ALERT, help_text="The most severe alert that is not closed; 9 is none."
    )
    alerts = models.PositiveSmallIntegerField(default=0, help_text="Not closed.")
    refresh_at = models.DateTimeField(
        null=True, blank=True, help_text="When the calendar alone changes this row."
    )

    objects = StateQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="state_of_clinic"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["clinic", "name_key", "patient"], name="state_by_name"),
            models.Index(fields=["clinic", "stage", "name_key"], name="state_by_stage"),
            models.Index(fields=["clinic", "tier_rank", "patient"], name="state_by_tier"),
            models.Index(fields=["clinic", "alert_rank", "patient"], name="state_by_alert"),
            models.Index(fields=["clinic", "daily_mg", "patient"], name="state_by_dose"),
            models.Index(
                F("clinic"), Coalesce("next_on", Value(NO_DAY)), F("patient"), name="state_by_next"
            ),
            models.Index(
                F("clinic"),
                Coalesce("last_check_in_at", Value(NEVER)),
                F("patient"),
                name="state_by_heard",
            ),
            models.Index(
                F("clinic"),
                Coalesce("score", Value(NO_SCORE)),
                F("patient"),
                name="state_by_score",
            ),
            models.Index(
                fields=["clinic", "silent_from"],
                condition=Q(silent_from__isnull=False),
                name="state_silent",
            ),
            models.Index(
                fields=["clinic", "decision_since"],
                condition=Q(decision_since__isnull=False),
                name="state_waiting",
            ),
            models.Index(
                fields=["clinic", "second_since"],
                condition=Q(second_since__isnull=False),
                name="state_unsigned",
            ),
            models.Index(
                fields=["refresh_at"],
                condition=Q(refresh_at__isnull=False),
                name="state_clock_due",
            ),
            GinIndex(fields=["search"], name="state_search", fastupdate=False),
        ]

    def __str__(self) -> str:
        return f"State of {self.patient_id}"


class PatientChange(models.Model):
    """A note that a patient's row is older than the truth; made by triggers alone.

    One row per patient and transaction, so that a change that is not committed yet can
    never be swept away with one that is (ADR 17).
    """

    patient_id = models.UUIDField()
    transaction = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["patient_id", "transaction"], name="change_once_per_transaction"
            ),
        ]

    def __str__(self) -> str:
        return f"Change of {self.patient_id}"


class SavedView(models.Model):
    """A person's own way of looking at the caseload: filters and order, never a search."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=40)
    chosen = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["clinic", "user", "name"], name="saved_view_named_once"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="saved_view_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class PatientNote(models.Model):
    """A note of the staff about a patient. Never changed; a correction is a note of its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="staff_notes")
    text = models.TextField(max_length=4000)
    written_at = models.DateTimeField()
    written_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    corrects = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrected_by"
    )

    class Meta:
        ordering: ClassVar = ["-written_at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["patient", "-written_at"], name="note_of_patient")
        ]
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="note_of_clinic"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="note_says_something"),
            models.CheckConstraint(
                condition=Q(corrects__isnull=True) | ~Q(corrects=F("id")), name="note_not_of_itself"
            ),
        ]
        triggers: ClassVar = [
            immutable("patient_note_immutable"),
        ]

    def __str__(self) -> str:
        return f"Note of {self.written_at:%Y-%m-%d}"


class ClinicDay(models.Model):
    """One clinic's counts of one day, for the overview: numbers, no patient (ADR 26)."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    day = models.DateField(help_text="By the clinic's calendar.")
    counts = models.JSONField(default=dict, help_text="What happened that day; see counting.py.")
    standing = models.JSONField(
        null=True, blank=True,
        help_text="How many patients were at each stage, with each risk; kept from that day on.",
    )  # fmt: skip
    counted_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["day"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "day"], name="clinic_day_once"),
        ]

    def __str__(self) -> str:
        return f"Counts of {self.day}"
