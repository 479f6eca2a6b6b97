"""How long a clinic keeps records, what stops a removal, and what was removed by whose word."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.alerts.models.guards import fixed, known, once
from apps.database.kept_rows import kept
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient
from apps.retention.rules import LONGEST_YEARS, SHORTEST_YEARS, Kind

NEVER_REMOVED = pgtrigger.Delete


class RetentionRules(models.Model):
    """A clinic's years per kind of record; without a row nothing is ever removed."""

    clinic = models.OneToOneField(
        Clinic, primary_key=True, on_delete=models.PROTECT, related_name="retention_rules"
    )
    adult_years = models.PositiveSmallIntegerField()
    minor_years = models.PositiveSmallIntegerField()
    deceased_years = models.PositiveSmallIntegerField()
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    **{f"{kind}_years__gte": shortest, f"{kind}_years__lte": LONGEST_YEARS}
                ),
                name=f"retention_{kind}_years_possible",
            )
            for kind, shortest in SHORTEST_YEARS.items()
        ]

    def __str__(self) -> str:
        return f"Retention rules of {self.clinic_id}, version {self.version}"

    @property
    def years(self) -> Mapping[Kind, int]:
        """Years per kind of record."""
        return {kind: getattr(self, f"{kind}_years") for kind in Kind}


def rules_of(clinic_id: UUID) -> RetentionRules | None:
    """Return the clinic's rules, None where nobody has set any."""
    return RetentionRules.objects.filter(clinic_id=clinic_id).first()


class LegalHoldQuerySet(models.QuerySet["LegalHold"]):
    """Reads of legal holds."""

    def in_force(self) -> "LegalHoldQuerySet":
        """Return those that nobody has ended."""
        return self.filter(ended_at=None)


class LegalHold(models.Model):
    """A record that must not go, whatever its age: a lawsuit, an inquiry, a complaint."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="legal_holds")
    reason = models.CharField(max_length=500)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    end_reason = models.CharField(max_length=500, blank=True)

    objects = LegalHoldQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-set_at"]
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="hold_of_clinic"
            ),
            models.UniqueConstraint(
                fields=["patient"], condition=Q(ended_at=None), name="legal_hold_one_in_force"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="legal_hold_has_a_reason"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None, end_reason="")
                | (Q(ended_at__gte=F("set_at"), ended_by__isnull=False) & ~Q(end_reason="")),
                name="legal_hold_ended_by_somebody",
            ),
        ]
        triggers: ClassVar = [
            # While it is in force it stops even the job that may remove everything else: the
            # patient's row cannot go before it.
            kept("legal_hold_kept", also="OLD.ended_at IS NULL"),
            fixed("legal_hold_as_set", "clinic", "patient", "reason", "set_at", "set_by"),
            once("legal_hold_ended_once", "ended_at", "ended_by_id"),
        ]

    def __str__(self) -> str:
        return f"Legal hold {self.pk}"


class DecisionQuerySet(models.QuerySet["ErasureDecision"]):
    """Reads of signed removals."""

    def to_do(self, now: datetime) -> "DecisionQuerySet":
        """Return those that have begun and are neither withdrawn nor done."""
        return self.filter(begins_at__lte=now, withdrawn_at=None, done_at=None)


class ErasureDecision(models.Model):
    """A clinical lead signed that these records go; it begins a week later."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=500)
    rules = models.JSONField(help_text="The years per kind that were in force.")
    signed_at = models.DateTimeField()
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=12, help_text="How the signer proved who they are.")
    content_hash = models.CharField(max_length=64)
    begins_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    done_at = models.DateTimeField(null=True, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-signed_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(begins_at__gt=F("signed_at")), name="erasure_begins_later"
            ),
            models.CheckConstraint(condition=~Q(note=""), name="erasure_has_a_note"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, withdrawn_by=None)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False, done_at=None),
                name="erasure_withdrawn_by_somebody",
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="erasure_decision_kept", operation=NEVER_REMOVED),
            fixed(
                "erasure_as_signed",
                "clinic",
                "note",
                "rules",
                "signed_at",
                "signed_by",
                "method",
                "content_hash",
                "begins_at",
            ),
            once("erasure_ended_once", "withdrawn_at", "withdrawn_by_id", "done_at"),
        ]

    def __str__(self) -> str:
        return f"Erasure {self.pk}"

    def can_be_withdrawn(self, now: datetime) -> bool:
        """Answer whether it has not begun."""
        return self.withdrawn_at is None and now < self.begins_at


class ErasureItem(models.Model):
    """One record of such a decision, and what became of it. Holds no name; outlives the record."""

    class State(models.TextChoices):
        """What became of it."""

        WAITING = "waiting", "Waiting"
        ERASED = "erased", "Removed"
        KEPT = "kept", "Kept"

    decision = models.ForeignKey(ErasureDecision, on_delete=models.PROTECT, related_name="items")
    # Without a foreign key: this row is what is left.
    patient_id = models.UUIDField()
    reference = models.CharField(max_length=12)
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in Kind])
    due_on = models.DateField()
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    settled_at = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0, help_text="How many rows were removed.")
    why_kept = models.CharField(max_length=200, blank=True)
    listed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it went on the list that a restore reads."
    )

    class Meta:
        ordering: ClassVar = ["reference"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["decision", "patient_id"], name="erasure_item_once_per_decision"
            ),
            known("erasure_item_kind_known", "kind", Kind),
            models.CheckConstraint(
                condition=Q(state="waiting", settled_at=None, rows=0, why_kept="", listed_at=None)
                | Q(state="erased", settled_at__isnull=False, rows__gt=0, why_kept="")
                | Q(state="kept", settled_at__isnull=False, rows=0, listed_at=None)
                & ~Q(why_kept=""),
                name="erasure_item_state_possible",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["settled_at"],
                condition=Q(state="erased", listed_at=None),
                name="erasure_item_unlisted",
            ),
            models.Index(fields=["patient_id"], name="erasure_item_of_patient"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="erasure_item_kept", operation=NEVER_REMOVED),
            fixed(
                "erasure_item_as_signed", "decision", "patient_id", "reference", "kind", "due_on"
            ),
            once("erasure_item_settled_once", "settled_at", "listed_at"),
        ]

    def __str__(self) -> str:
        return f"{self.reference}: {self.get_state_display()}"
