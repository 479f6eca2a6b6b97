"""A patient: who they are, how to reach them, whether the clinic follows them now."""

import uuid
from datetime import date
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.accounts.models import User
from apps.database.kept_rows import kept
from apps.patients.models.clinic import Clinic, StaffMember


class PatientQuerySet(models.QuerySet["Patient"]):
    """Reads of patients."""

    def visible_to(self, member: StaffMember) -> "PatientQuerySet":
        """Return the patients this member of staff may know of: those of their own clinic."""
        return self.filter(clinic_id=member.clinic_id)


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

    class Sex(models.TextChoices):
        """As a health record carries it; blank when nobody asked."""

        FEMALE = "female", "Female"
        MALE = "male", "Male"
        OTHER = "other", "Other"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="patients")
    reference = models.CharField(max_length=12, help_text="Short number for mails and phone calls.")
    given_name = models.CharField(max_length=80)
    family_name = models.CharField(max_length=80)
    birth_date = models.DateField()
    sex = models.CharField(max_length=6, choices=Sex, blank=True)
    address = models.CharField(max_length=240, blank=True)
    email = models.EmailField(max_length=254, blank=True)
    email_proved = models.CharField(
        max_length=254, blank=True, default="", db_default="",
        help_text="The address by whose mail the patient agreed or signed in: reminders go there.",
    )  # fmt: skip
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

    # Here, and not in the apps that set them, because every check-in asks for them.
    last_dose_on = models.DateField(
        null=True, blank=True, help_text="The last day on which the medicine was taken."
    )
    daily_until = models.DateField(
        null=True,
        blank=True,
        help_text="Asked every day until then: home from a detox unit.",
    )
    in_hospital_since = models.DateTimeField(
        null=True, blank=True,
        help_text="When we were told; empty while not there, and where older than this column.",
    )  # fmt: skip
    paused_since = models.DateTimeField(
        null=True, blank=True,
        help_text="When it was said; empty while not paused, and where older than this column.",
    )  # fmt: skip
    status_before_death = models.CharField(
        max_length=12, choices=Status, blank=True, default="", db_default="",
        help_text="Where a slip leads back to; empty while alive, or older than this column.",
    )  # fmt: skip
    days_told_elsewhere = models.JSONField(
        default=dict, blank=True, db_default=models.Value({}, models.JSONField()),
        help_text="The most days a week told of each drug in the record that was brought in.",
    )  # fmt: skip
    intake_version = models.PositiveIntegerField(
        default=0, help_text="The number of the last intake entry: two editors see each other."
    )

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
            # Whom nobody asks any more: looked for every few seconds among all windows.
            models.Index(fields=["id"], condition=~Q(status="active"), name="patient_not_active"),
        ]
        triggers: ClassVar = [kept("patient_kept")]

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
