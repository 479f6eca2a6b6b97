"""A patient's yes to the use of rows about them for research, and its end."""

import uuid
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.database.kept_rows import kept
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient


class ResearchConsentQuerySet(models.QuerySet["ResearchConsent"]):
    """Reads of consents to research."""

    def in_force(self) -> "ResearchConsentQuerySet":
        """Return what was not taken back; each patient has one at most."""
        return self.filter(withdrawn_at__isnull=True)


class ResearchConsent(models.Model):
    """A patient said yes, on their own pages or on paper. Only its end may be added.

    There is no row for a no: who has none in force is in no export.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="research_consents")
    version = models.CharField(max_length=20)
    language = models.CharField(max_length=2)
    text_hash = models.CharField(max_length=64, help_text="Of the very words that were shown.")
    given_at = models.DateTimeField(help_text="When it was given here, or entered from paper.")
    signed_on = models.DateField(null=True, blank=True, help_text="The day on the paper.")
    recorded_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Who has the paper; nobody where the patient said yes on their own pages.",
    )  # fmt: skip
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Whom the patient told; nobody where they took it back themself.",
    )  # fmt: skip

    objects = ResearchConsentQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="research_of_clinic"
            ),
            models.UniqueConstraint(
                fields=["patient"], condition=Q(withdrawn_at__isnull=True), name="research_one"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("given_at")),
                name="research_withdrawn_later",
            ),
            models.CheckConstraint(
                condition=Q(recorded_by__isnull=True, signed_on__isnull=True)
                | Q(recorded_by__isnull=False, signed_on__isnull=False),
                name="research_paper_has_a_day",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_by__isnull=True) | Q(withdrawn_at__isnull=False),
                name="research_told_of_an_end",
            ),
        ]
        triggers: ClassVar = [
            kept("research_kept"),
            pgtrigger.Protect(
                name="research_ends_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
            pgtrigger.ReadOnly(
                name="research_as_given",
                fields=["clinic", "patient", "version", "language", "text_hash", "given_at",
                        "signed_on", "recorded_by"],
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Consent to research, version {self.version}"

    @property
    def way(self) -> str:
        """Return how the yes came."""
        return "on paper" if self.signed_on else "on the own pages"
