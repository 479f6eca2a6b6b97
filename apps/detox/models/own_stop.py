"""A stop that the patient made alone, some time ago: a past fact, by a prescriber's signature."""

import uuid
from datetime import datetime
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.database.kept_rows import immutable
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient


class OwnStop(models.Model):
    """None is taken since a day that is over. Nobody of the clinic stopped it (ADR 92)."""

    class Known(models.TextChoices):
        """Whose word it is."""

        PATIENT = "patient", "The patient told us"
        RELATIVE = "relative", "Somebody close to the patient told us"
        SEEN = "seen", "It was seen: tablets counted, a test, the PDMP"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="own_stops")
    last_dose_on = models.DateField(help_text="The last day on which some was taken.")
    known_by = models.CharField(max_length=8, choices=Known)
    said_on = models.DateField(help_text="The day on which it was said or seen.")
    told = models.TextField(max_length=2000, help_text="What was said, and how it went since.")
    needs_second = models.BooleanField(help_text="A second prescriber has to sign it.")
    because = models.JSONField(default=list, help_text="Why it needs a second name, in sentences.")
    daily_until = models.DateField(
        null=True,
        blank=True,
        help_text="The last day of daily check-ins; none if long ago.",
    )
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    signed_with = models.CharField(max_length=20)

    class Meta:
        ordering: ClassVar = ["-recorded_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "id"], name="own_stop_known_in_clinic"),
            models.CheckConstraint(
                condition=~(Q(told="") | Q(signed_with="")), name="own_stop_is_whole"
            ),
            models.CheckConstraint(
                condition=Q(said_on__gt=F("last_dose_on")), name="own_stop_is_past"
            ),
            models.CheckConstraint(
                condition=Q(needs_second=False) | ~Q(because=[]), name="own_stop_says_why_two"
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="own_stop_of_clinic"
            ),
        ]  # fmt: skip
        triggers: ClassVar = [immutable("own_stop_immutable")]

    def __str__(self) -> str:
        return f"None since {self.last_dose_on}"

    @property
    def settled_at(self) -> datetime | None:
        """When as many prescribers had said it as it needs, None while a second name is missing."""
        if not self.needs_second:
            return self.recorded_at
        return self.second.signed_at if hasattr(self, "second") else None


class OwnStopSignature(models.Model):
    """A second prescriber's name under a stop that the patient made alone; never changed."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    own_stop = models.OneToOneField(OwnStop, on_delete=models.PROTECT, related_name="second")
    reason = models.TextField(max_length=2000, help_text="Why the signer agrees.")
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    signed_with = models.CharField(max_length=20)
    signed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="own_stop_id", to="detox_ownstop", column="id",
                name="own_stop_signature_of_clinic",
            ),
            models.CheckConstraint(
                condition=~Q(reason="") & ~Q(signed_with=""), name="own_stop_signature_has_reason"
            ),
        ]  # fmt: skip
        triggers: ClassVar = [
            immutable("own_stop_signature_immutable"),
            pgtrigger.Trigger(
                name="own_stop_signature_second_person",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NOT EXISTS (
                        SELECT FROM detox_ownstop WHERE id = NEW.own_stop_id
                        AND needs_second AND recorded_by_id <> NEW.signed_by_id
                    ) THEN
                        RAISE EXCEPTION
                            'own_stop_signature_second_person: another prescriber signs';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"Second signature {self.signed_at:%Y-%m-%d}"
