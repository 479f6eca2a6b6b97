"""Clinic, staff, patient and what is known of the patient's risk.

Every row names its clinic, so that one query, one constraint and one policy can keep
clinics apart.
"""

import uuid
from datetime import date
from decimal import Decimal
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from apps.accounts.models import User

SLOTS = ("morning", "noon", "evening", "night")


class Clinic(models.Model):
    """One clinic. Two clinics on one installation never see each other."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    time_zone = models.CharField(max_length=64, default="America/New_York")
    phone = models.CharField(max_length=30)
    after_hours_phone = models.CharField(max_length=30)
    emergency_number = models.CharField(max_length=20, default="911")
    crisis_line = models.CharField(max_length=40, default="988")

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
            models.UniqueConstraint(fields=["clinic", "user"], name="staff_once_per_clinic"),
        ]

    def __str__(self) -> str:
        return f"{self.user.full_name}, {self.get_role_display()}"


class PatientQuerySet(models.QuerySet["Patient"]):
    """Reads of patients."""

    def visible_to(self, member: StaffMember) -> "PatientQuerySet":
        """Return the patients this member of staff may know of: those of their own clinic."""
        return self.filter(clinic_id=member.clinic_id)

    def matching(self, query: str) -> "PatientQuerySet":
        """Return patients whose name, reference or phone contains each typed word."""
        found = self
        for word in query.split()[:6]:
            found = found.filter(
                Q(given_name__icontains=word)
                | Q(family_name__icontains=word)
                | Q(reference__iexact=word)
                | Q(phone__contains=word)
            )
        return found


class Patient(models.Model):
    """A person the clinic takes off a benzodiazepine."""

    class Status(models.TextChoices):
        """Whether the clinic follows this person now; only `active` ones are reminded."""

        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        IN_HOSPITAL = "in_hospital", "In hospital"
        ENDED = "ended", "Ended"
        DECEASED = "deceased", "Deceased"

    class Language(models.TextChoices):
        """Languages of the patient pages."""

        EN = "en", "English"
        ES = "es", "Español"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="patients")
    reference = models.CharField(max_length=12, help_text="Short number for mails and phone calls.")
    given_name = models.CharField(max_length=80)
    family_name = models.CharField(max_length=80)
    birth_date = models.DateField()
    email = models.EmailField(max_length=254, blank=True)
    phone = models.CharField(max_length=30, blank=True)
    emergency_contact = models.CharField(max_length=160, blank=True)
    language = models.CharField(max_length=2, choices=Language, default=Language.EN)
    time_zone = models.CharField(max_length=64)
    calendar_names_drug = models.BooleanField(
        default=False, help_text="Only if the patient wants the medicine's name in their calendar."
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.ACTIVE)
    registered_at = models.DateTimeField()
    registered_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = PatientQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["family_name", "given_name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "reference"], name="patient_reference_once"),
            models.UniqueConstraint(fields=["clinic", "id"], name="patient_of_clinic"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["clinic", "family_name", "given_name"]),
            models.Index(Lower("email"), name="patient_email"),
        ]

    def __str__(self) -> str:
        return f"Patient {self.reference}"

    @property
    def full_name(self) -> str:
        """Given and family name, for staff pages only."""
        return f"{self.given_name} {self.family_name}"

    @property
    def tz(self) -> ZoneInfo:
        """The patient's own time zone: a step starts at midnight there."""
        return ZoneInfo(self.time_zone)

    def age_on(self, day: date) -> int:
        """Return completed years of age on `day`."""
        before_birthday = (day.month, day.day) < (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - before_birthday


class Medication(models.Model):
    """The benzodiazepine a patient takes now: drug, dose per slot, how long."""

    class Pattern(models.TextChoices):
        """How regularly it is taken; ASAM table 2 tells dependence by it."""

        DAILY = "daily", "Every day"
        MOST_DAYS = "most_days", "4 to 6 days a week"
        RARELY = "rarely", "3 days a week or fewer, as needed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="medication")
    drug_id = models.CharField(max_length=30)
    morning_mg = models.DecimalField(max_digits=9, decimal_places=4, default=Decimal(0))
    noon_mg = models.DecimalField(max_digits=9, decimal_places=4, default=Decimal(0))
    evening_mg = models.DecimalField(max_digits=9, decimal_places=4, default=Decimal(0))
    night_mg = models.DecimalField(max_digits=9, decimal_places=4, default=Decimal(0))
    taken_months = models.PositiveSmallIntegerField(validators=[MinValueValidator(0)])
    pattern = models.CharField(max_length=10, choices=Pattern, default=Pattern.DAILY)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(morning_mg__gte=0, noon_mg__gte=0, evening_mg__gte=0, night_mg__gte=0)
                & Q(morning_mg__gt=0 - F("noon_mg") - F("evening_mg") - F("night_mg")),
                name="medication_has_a_dose",
            ),
        ]

    def __str__(self) -> str:
        return f"Medication of {self.patient_id}"

    @property
    def slots(self) -> dict[str, Decimal]:
        """Milligrams per slot, only the slots that have a dose."""
        doses = {slot: getattr(self, f"{slot}_mg") for slot in SLOTS}
        return {slot: mg for slot, mg in doses.items() if mg}

    @property
    def daily_mg(self) -> Decimal:
        """Milligrams in a whole day."""
        return sum(self.slots.values(), Decimal(0))


class RiskProfile(models.Model):
    """Facts of the intake that triage and the seizure-risk tier read."""

    class Tier(models.TextChoices):
        """Seizure-risk tier, computed by apps.clinical.risk."""

        LOW = "low", "Low"
        MODERATE = "moderate", "Moderate"
        HIGH = "high", "High"

    patient = models.OneToOneField(
        Patient, primary_key=True, on_delete=models.PROTECT, related_name="risk"
    )
    prior_wd_seizure = models.BooleanField("seizure in an earlier withdrawal", default=False)
    prior_wd_delirium = models.BooleanField("delirium in an earlier withdrawal", default=False)
    epilepsy = models.BooleanField("epilepsy or any other seizure", default=False)
    aud = models.BooleanField("alcohol use disorder, past or in remission", default=False)
    heavy_alcohol = models.BooleanField("heavy drinking now", default=False)
    opioid_rx = models.BooleanField("takes an opioid", default=False)
    naloxone_on_file = models.BooleanField("has naloxone", default=False)
    anticoagulant = models.BooleanField("takes a blood thinner", default=False)
    liver_disease = models.BooleanField("severe liver disease", default=False)
    chronic_halluc = models.BooleanField("long-standing hallucinations", default=False)
    psychotic_or_bipolar = models.BooleanField("bipolar or psychotic disorder", default=False)
    pregnancy_known = models.BooleanField("pregnant", default=False)
    street_supply = models.BooleanField("street or unknown supply", default=False)
    tier = models.CharField(max_length=10, choices=Tier)
    tier_points = models.PositiveSmallIntegerField(default=0)
    tier_reasons = models.JSONField(default=list)
    assessed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.get_tier_display()} risk"
