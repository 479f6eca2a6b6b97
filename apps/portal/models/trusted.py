"""The person a patient trusts: what they may see, and until when their link works."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient


class TrustedQuerySet(models.QuerySet["TrustedPerson"]):
    """Reads of trusted people."""

    def live(self) -> "TrustedQuerySet":
        """Return those nobody has taken back."""
        return self.filter(revoked_at__isnull=True).order_by("created_at")


class TrustedPerson(models.Model):
    """Somebody the patient invited. They report danger, and see the dose only if allowed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="trusted_people")
    name = models.CharField(max_length=80, help_text="As the patient calls them.")
    email = models.EmailField(max_length=254)
    language = models.CharField(max_length=2, choices=Patient.Language)
    sees_dose = models.BooleanField(default=False)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Empty when the patient did it.",
    )  # fmt: skip

    objects = TrustedQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "id"], name="trusted_known_in_clinic"),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="trusted_of_clinic"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="trusted_expires_later"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="trusted_has_name"),
            models.UniqueConstraint(
                fields=["patient", "email"],
                condition=Q(revoked_at__isnull=True),
                name="trusted_once_per_address",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["patient", "created_at"])]

    def __str__(self) -> str:
        return f"Trusted person {self.pk}"

    def works(self, now: datetime) -> bool:
        """Answer whether their link still works."""
        return self.revoked_at is None and now < self.expires_at
