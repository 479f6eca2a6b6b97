"""What a patient takes: the benzodiazepine to be tapered, others beside it, earlier tapers."""

import uuid
from decimal import Decimal
from typing import ClassVar, Final

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.clinical.regimen import Taken
from apps.patients.models.patient import Patient

SLOTS: Final = ("morning", "noon", "evening", "night")
DOSES_GIVEN: Final = Q(morning_mg__gte=0, noon_mg__gte=0, evening_mg__gte=0, night_mg__gte=0) & Q(
    morning_mg__gt=0 - F("noon_mg") - F("evening_mg") - F("night_mg")
)


class Pattern(models.TextChoices):
    """How regularly it is taken; ASAM table 2 tells dependence by it."""

    DAILY = "daily", "Every day"
    MOST_DAYS = "most_days", "As needed, 4 to 6 days a week"
    RARELY = "rarely", "As needed, rarely: 3 days a week or fewer"


# The days a week that each pattern allows, and what is taken for it when nobody said.
DAYS_OF: Final = {
    Pattern.DAILY: (7, 7, 7),
    Pattern.MOST_DAYS: (4, 6, 5),
    Pattern.RARELY: (0, 3, 3),
}
DAYS_FIT_PATTERN: Final = (
    Q(pattern="daily", days_per_week=7)
    | Q(pattern="most_days", days_per_week__range=(4, 6))
    | Q(pattern="rarely", days_per_week__range=(0, 3))
)


def usual_days(pattern: str) -> int:
    """Return the days a week that stand for a pattern when nobody counted: the most likely."""
    return DAYS_OF[Pattern(pattern)][2]


class SlotDoses(models.Model):
    """A drug with its dose at each time of day, how often and for how long."""

    Pattern = Pattern

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    drug_id = models.CharField(max_length=30)
    morning_mg = models.DecimalField(max_digits=9, decimal_places=4, default=Decimal(0))
    noon_mg = models.DecimalField(max_digits=9, decimal_places=4, default=Decimal(0))
    evening_mg = models.DecimalField(max_digits=9, decimal_places=4, default=Decimal(0))
    night_mg = models.DecimalField(max_digits=9, decimal_places=4, default=Decimal(0))
    taken_months = models.PositiveSmallIntegerField(validators=[MinValueValidator(0)])
    months_told_on = models.DateField(
        null=True, blank=True, help_text="When the months were told; empty at registration."
    )
    pattern = models.CharField(max_length=10, choices=Pattern, default=Pattern.DAILY)
    days_per_week = models.PositiveSmallIntegerField(default=7)

    class Meta:
        abstract = True

    @property
    def slots(self) -> dict[str, Decimal]:
        """Milligrams per slot, only the slots that have a dose."""
        doses = {slot: getattr(self, f"{slot}_mg") for slot in SLOTS}
        return {slot: mg for slot, mg in doses.items() if mg}

    @property
    def daily_mg(self) -> Decimal:
        """Milligrams of a day on which it is taken."""
        return sum(self.slots.values(), Decimal(0))

    @property
    def taken(self) -> Taken:
        """The same as apps.clinical judges it."""
        return Taken(self.drug_id, self.daily_mg, self.taken_months, self.days_per_week)


class Medication(SlotDoses):
    """The benzodiazepine a patient takes now and is to be taken off."""

    class Reason(models.TextChoices):
        """Why it was first prescribed; blank when nobody asked."""

        PANIC = "panic", "Panic disorder"
        GAD = "gad", "Generalised anxiety"
        INSOMNIA = "insomnia", "Insomnia"
        EPILEPSY = "epilepsy", "Epilepsy"
        OTHER = "other", "Other"

    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="medication")
    reason = models.CharField(max_length=10, choices=Reason, blank=True)
    reason_other = models.CharField(max_length=120, blank=True)
    dose_confirmed = models.BooleanField(
        default=False, help_text="An unusual dose was shown back, and a person said it is right."
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=DOSES_GIVEN, name="medication_has_a_dose"),
            models.CheckConstraint(condition=DAYS_FIT_PATTERN, name="medication_days_fit"),
            models.CheckConstraint(
                condition=Q(reason="other") & ~Q(reason_other="")
                | ~Q(reason="other") & Q(reason_other=""),
                name="medication_other_reason_in_words",
            ),
        ]

    def __str__(self) -> str:
        return f"Medication of {self.patient_id}"

    @property
    def is_for_epilepsy(self) -> bool:
        """Whether it was prescribed for seizures: tapering it needs a specialist."""
        return self.reason == self.Reason.EPILEPSY


class FurtherMedicine(SlotDoses):
    """Another benzodiazepine or Z-drug taken beside the one to be tapered."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="further_medicines")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=DOSES_GIVEN, name="further_has_a_dose"),
            models.CheckConstraint(condition=DAYS_FIT_PATTERN, name="further_days_fit"),
            models.UniqueConstraint(fields=["patient", "position"], name="further_position_once"),
        ]

    def __str__(self) -> str:
        return f"Further medicine of {self.patient_id}"


class PriorTaper(models.Model):
    """An earlier attempt to come off, and how it ended."""

    class Ended(models.TextChoices):
        """How it ended."""

        OFF = "off", "Came off and stayed off for a while"
        LOWER = "lower", "Stayed at a lower dose"
        SYMPTOMS = "symptoms", "Given up because of withdrawal symptoms"
        SEIZURE = "seizure", "Ended with a seizure or delirium"
        RETURNED = "returned", "The first illness came back"
        OTHER = "other", "Other"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="prior_tapers")
    position = models.PositiveSmallIntegerField()
    when = models.CharField(max_length=40, help_text="As the patient remembers it: 2019, spring.")
    ended = models.CharField(max_length=10, choices=Ended)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(when=""), name="prior_taper_has_a_time"),
            models.UniqueConstraint(
                fields=["patient", "position"], name="prior_taper_position_once"
            ),
        ]

    def __str__(self) -> str:
        return f"Earlier taper of {self.patient_id}"
