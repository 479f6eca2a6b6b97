"""Detox units a clinic refers to, and referrals with their states and clocks."""

import uuid
from datetime import datetime
from typing import ClassVar, Final

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.alerts.models import Alert
from apps.alerts.models.guards import SameClinic, begins, fixed, known
from apps.alerts.states import pairs
from apps.database.kept_rows import immutable, kept
from apps.detox.states import LIVE, REFERRAL_TRANSITIONS, ReferralStatus
from apps.patients.models import Clinic, Patient

ANSWER_HOURS: Final = 4  # [proposal] until the clinic agrees another time with the unit
ARRIVE_HOURS: Final = 24  # [proposal]
HOURS_AT_MOST: Final = 14 * 24
HOURS: Final = [MinValueValidator(1), MaxValueValidator(HOURS_AT_MOST)]


class FacilityQuerySet(models.QuerySet["Facility"]):
    """Reads of the directory."""

    def open_to(self, clinic_id: uuid.UUID) -> "FacilityQuerySet":
        """Return the units this clinic refers to now, the preferred first."""
        return self.filter(clinic_id=clinic_id, is_active=True).order_by("-is_preferred", "name")


class Facility(models.Model):
    """A detox unit in a clinic's directory; `is_own` has beds in this clinic."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="facilities")
    name = models.CharField(max_length=120)
    phone = models.CharField(max_length=40)
    address = models.CharField(max_length=240, blank=True)
    takes = models.CharField(
        max_length=300, blank=True, help_text="Whom it takes and whom not, in words."
    )
    is_own = models.BooleanField(default=False, help_text="Beds of this clinic.")
    is_preferred = models.BooleanField(default=False)
    answer_hours = models.PositiveSmallIntegerField(default=ANSWER_HOURS, validators=HOURS)
    arrive_hours = models.PositiveSmallIntegerField(default=ARRIVE_HOURS, validators=HOURS)
    is_active = models.BooleanField(default=True)

    objects = FacilityQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "name"], name="facility_named_once"),
            models.UniqueConstraint(fields=["clinic", "id"], name="facility_of_clinic"),
            models.CheckConstraint(
                condition=Q(answer_hours__range=(1, HOURS_AT_MOST))
                & Q(arrive_hours__range=(1, HOURS_AT_MOST)),
                name="facility_hours_possible",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ReferralQuerySet(models.QuerySet["Referral"]):
    """Reads of referrals."""

    def live(self) -> "ReferralQuerySet":
        """Return referrals that are not over."""
        return self.filter(status__in=LIVE)


class ReferralStatusChoices(models.TextChoices):
    """The states in words."""

    SENT = "sent", "Sent"
    ACCEPTED = "accepted", "Accepted"
    ADMITTED = "admitted", "Admitted"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    DISCHARGED = "discharged", "Discharged"


class Referral(models.Model):
    """One patient handed over to a detox unit; `document` is what was handed over, for good."""

    Status = ReferralStatusChoices

    class How(models.TextChoices):
        """How the hand-over reached the unit."""

        PHONE = "phone", "By phone, the document follows"
        FAX = "fax", "By fax"
        SECURE = "secure", "By secure message"
        CARRIED = "carried", "The patient carries it"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="referrals")
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="referrals")
    alert = models.ForeignKey(
        Alert, null=True, blank=True, on_delete=models.PROTECT, related_name="referrals"
    )
    reason = models.TextField(max_length=2000)
    how = models.CharField(max_length=8, choices=How, default=How.PHONE)
    document = models.JSONField(help_text="The hand-over as it was at sending.")
    status = models.CharField(
        max_length=10, choices=ReferralStatusChoices, default=ReferralStatusChoices.SENT
    )
    sent_at = models.DateTimeField()
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="By when the unit answers, or the patient arrives."
    )

    objects = ReferralQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-sent_at"]
        indexes: ClassVar = [models.Index(fields=["patient", "-sent_at"])]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "id"], name="referral_known_in_clinic"),
            known("referral_status_known", "status", ReferralStatus),
            models.UniqueConstraint(
                fields=["patient"], condition=Q(status__in=LIVE), name="referral_one_live"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="referral_has_a_reason"),
            # Somebody waits for an answer, then for the patient; afterwards nobody waits.
            models.CheckConstraint(
                condition=Q(status__in=("sent", "accepted"), due_at__isnull=False)
                | Q(due_at__isnull=True) & ~Q(status__in=("sent", "accepted")),
                name="referral_clock_runs_while_waiting",
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="referral_of_clinic"
            ),
            SameClinic(
                field="facility_id", to="detox_facility", column="id",
                name="referral_to_own_directory",
            ),
        ]  # fmt: skip
        triggers: ClassVar = [
            pgtrigger.FSM(
                name="referral_transition", field="status", transitions=pairs(REFERRAL_TRANSITIONS)
            ),
            begins("referral_begins_sent", REFERRAL_TRANSITIONS),
            fixed(
                "referral_stays_itself", "id", "clinic", "patient", "facility", "alert", "reason",
                "how", "document", "sent_at", "sent_by",
            ),
            kept("referral_kept"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Referral, {self.get_status_display().lower()}"

    def is_late(self, now: datetime) -> bool:
        """Answer whether the unit or the patient should have been heard of by now."""
        return self.due_at is not None and now > self.due_at


class ReferralStep(models.Model):
    """One change of a referral: who, when, to what, and a note. Never changed."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    referral = models.ForeignKey(Referral, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=ReferralStatusChoices)
    note = models.TextField(max_length=2000, blank=True)
    happened_at = models.DateTimeField(
        null=True, blank=True, help_text="When the patient was admitted, where it was told later."
    )

    class Meta:
        ordering: ClassVar = ["at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(happened_at__isnull=True)
                | Q(happened_at__lte=F("at"), status="admitted"),
                name="referral_told_after_it_happened",
            ),
            SameClinic(
                field="referral_id",
                to="detox_referral",
                column="id",
                name="referral_step_of_clinic",
            ),
            # Why not is always said.
            models.CheckConstraint(
                condition=~Q(status__in=("declined", "withdrawn")) | ~Q(note=""),
                name="referral_refusal_has_a_reason",
            ),
        ]
        triggers: ClassVar = [
            immutable("referral_step_immutable"),
        ]

    def __str__(self) -> str:
        return self.get_status_display()

    @property
    def since(self) -> datetime:
        """From when this state held: as it was told, else when it was written down."""
        return self.happened_at or self.at
