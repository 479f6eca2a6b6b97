"""The end of a stay, what has to happen after it, and the second name under a stop at once."""

import uuid
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.alerts.models.guards import SameClinic
from apps.database.kept_rows import immutable
from apps.detox.models.referral import Referral
from apps.patients.models import Clinic, Patient


class Discharge(models.Model):
    """One patient home from a detox unit: what is still taken, and until when we ask each day."""

    class Left(models.TextChoices):
        """What is left to taper."""

        SOME = "some", "Still takes a benzodiazepine: it is tapered further"
        NONE = "none", "Takes none any more"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="discharges")
    referral = models.OneToOneField(Referral, on_delete=models.PROTECT, related_name="discharge")
    left = models.CharField(max_length=4, choices=Left)
    taken = models.CharField(
        max_length=300, blank=True, help_text="What is taken now, as the unit's letter says it."
    )
    last_dose_on = models.DateField(null=True, blank=True)
    summary = models.TextField(max_length=4000)
    discharged_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    contact_by = models.DateTimeField(help_text="72 hours after the discharge (INP-09).")
    daily_until = models.DateField(help_text="14 days of daily check-ins (INP-09).")
    needs_second = models.BooleanField(
        default=False, db_default=False,
        help_text="None is taken after a short stay: a second prescriber has to sign it.",
    )  # fmt: skip
    short_because = models.TextField(
        max_length=2000, blank=True, db_default="",
        help_text="Why it is right that none is taken after so short a stay.",
    )  # fmt: skip

    class Meta:
        ordering: ClassVar = ["-discharged_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "id"], name="discharge_known_in_clinic"),
            models.CheckConstraint(
                condition=Q(needs_second=False) | Q(left="none") & ~Q(short_because=""),
                name="discharge_short_has_a_reason",
            ),
            SameClinic(
                field="referral_id",
                to="detox_referral",
                column="id",
                name="discharge_referral_of_clinic",
            ),
            models.CheckConstraint(
                condition=Q(left="some", last_dose_on__isnull=True) & ~Q(taken="")
                | Q(left="none", last_dose_on__isnull=False, taken=""),
                name="discharge_says_what_is_left",
            ),
            models.CheckConstraint(
                condition=Q(contact_by__gt=F("discharged_at")), name="discharge_contact_later"
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="discharge_of_clinic"
            ),
        ]
        triggers: ClassVar = [
            immutable("discharge_immutable"),
        ]

    def __str__(self) -> str:
        return f"Discharge {self.discharged_at:%Y-%m-%d}"

    @property
    def awaits_second(self) -> bool:
        """Whether nobody may take "none any more" for settled yet: a second name is missing."""
        return self.needs_second and not hasattr(self, "second")

    @property
    def is_none_settled(self) -> bool:
        """Whether none is taken any more, and as many prescribers say so as it needs."""
        return self.left == self.Left.NONE and not self.awaits_second


class DischargeSignature(models.Model):
    """A second prescriber's name under "takes none any more" after a short stay; never changed."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    discharge = models.OneToOneField(Discharge, on_delete=models.PROTECT, related_name="second")
    reason = models.TextField(max_length=2000, help_text="Why the signer agrees.")
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    signed_with = models.CharField(max_length=20)
    signed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="discharge_id", to="detox_discharge", column="id",
                name="discharge_signature_of_clinic",
            ),
            models.CheckConstraint(
                condition=~Q(reason="") & ~Q(signed_with=""), name="discharge_signature_has_reason"
            ),
        ]  # fmt: skip
        triggers: ClassVar = [
            immutable("discharge_signature_immutable"),
            pgtrigger.Trigger(
                name="discharge_signature_second_person",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NOT EXISTS (
                        SELECT FROM detox_discharge WHERE id = NEW.discharge_id
                        AND needs_second AND recorded_by_id <> NEW.signed_by_id
                    ) THEN
                        RAISE EXCEPTION
                            'discharge_signature_second_person: another prescriber signs';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"Second signature {self.signed_at:%Y-%m-%d}"
