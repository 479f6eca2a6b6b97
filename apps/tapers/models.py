"""A plan, its immutable versions, their steps with the tablets of each slot, and holds."""

import uuid
from collections import defaultdict
from datetime import date
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.patients.models import Clinic, Patient


class PlanQuerySet(models.QuerySet["TaperPlan"]):
    """Reads of plans."""

    def active(self) -> "PlanQuerySet":
        """Return plans that a prescriber activated and nobody has ended."""
        return self.filter(status=TaperPlan.Status.ACTIVE)


class TaperPlan(models.Model):
    """One patient's taper; a patient has at most one active plan."""

    class Status(models.TextChoices):
        """Only an active plan reaches a patient."""

        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        ENDED = "ended", "Ended"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="plans")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="plans")
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    activated_at = models.DateTimeField(null=True, blank=True)
    activated_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    care_level_note = models.TextField(
        blank=True, help_text="Why outpatient care is right for a patient of high risk."
    )

    objects = PlanQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["patient"], condition=Q(status="active"), name="plan_one_active"
            ),
            models.CheckConstraint(
                condition=~Q(status="active")
                | Q(activated_at__isnull=False, activated_by__isnull=False),
                name="plan_active_has_activator",
            ),
        ]

    def __str__(self) -> str:
        return f"Plan {self.pk}"

    @property
    def version(self) -> "PlanVersion":
        """The latest version."""
        version = self.versions.order_by("-number").first()
        if version is None:  # pragma: no cover - create_plan saves both together
            raise PlanVersion.DoesNotExist
        return version


class PlanVersion(models.Model):
    """What the plan said from some moment on. Never changed once saved."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(TaperPlan, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()
    drug_id = models.CharField(max_length=30)
    request = models.JSONField(help_text="What the engine was asked, as the command line takes it.")
    findings = models.JSONField(default=list)
    content_hash = models.CharField(max_length=64)
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["plan", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "number"], name="version_numbered_once"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="version_immutable", operation=pgtrigger.Update | pgtrigger.Delete
            ),
        ]

    def __str__(self) -> str:
        return f"Version {self.number}"

    @property
    def blocking(self) -> list[dict[str, str]]:
        """Findings that stop activation."""
        return [finding for finding in self.findings if finding["level"] == "block"]


class TaperStep(models.Model):
    """One dose and the days it is for."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="steps")
    number = models.PositiveSmallIntegerField()
    start_on = models.DateField()
    end_on = models.DateField(null=True, blank=True, help_text="Empty for the last step.")
    daily_mg = models.DecimalField(max_digits=9, decimal_places=4)
    cut_pct = models.DecimalField(max_digits=5, decimal_places=1)
    fall_14d_pct = models.DecimalField(max_digits=5, decimal_places=1)
    verdict = models.CharField(max_length=30)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "number"], name="step_numbered_once"),
            models.CheckConstraint(condition=Q(daily_mg__gte=0), name="step_dose_not_negative"),
            models.CheckConstraint(
                condition=Q(end_on__isnull=True) | Q(end_on__gte=models.F("start_on")),
                name="step_ends_after_start",
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="step_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"Step {self.number}"

    @property
    def by_slot(self) -> dict[str, list["SlotPiece"]]:
        """Pieces per slot, in the order of the day."""
        slots: dict[str, list[SlotPiece]] = defaultdict(list)
        for piece in self.pieces.all():
            slots[piece.slot].append(piece)
        return dict(slots)


class SlotPiece(models.Model):
    """So many of one product at one time of day."""

    step = models.ForeignKey(TaperStep, on_delete=models.PROTECT, related_name="pieces")
    position = models.PositiveSmallIntegerField()
    slot = models.CharField(max_length=10)
    product = models.CharField(max_length=80)
    strength_mg = models.DecimalField(max_digits=9, decimal_places=4)
    quantity = models.DecimalField(max_digits=9, decimal_places=4)
    mg = models.DecimalField(max_digits=9, decimal_places=4)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(mg=models.F("strength_mg") * models.F("quantity")),
                name="piece_adds_up",
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="piece_has_quantity"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="piece_immutable", operation=pgtrigger.Update | pgtrigger.Delete
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product}"


class HoldQuerySet(models.QuerySet["PlanHold"]):
    """Reads of holds."""

    def open(self) -> "HoldQuerySet":
        """Return holds nobody has released."""
        return self.filter(released_at__isnull=True)


class PlanHold(models.Model):
    """Locks the next reduction until a clinician decides. Never changes today's dose."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(TaperPlan, on_delete=models.PROTECT, related_name="holds")
    source_type = models.CharField(max_length=20)
    source_id = models.UUIDField()
    action = models.CharField(max_length=24, help_text="What triage asked for.")
    rules = models.JSONField(default=list)
    held_step = models.PositiveSmallIntegerField(help_text="The step that stays in force.")
    opened_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = HoldQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plan", "source_type", "source_id"], name="hold_once_per_source"
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True) | Q(released_by__isnull=False),
                name="hold_released_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"Hold at step {self.held_step}"


def step_in_force(steps: list[TaperStep], holds: list[PlanHold], day: date) -> TaperStep | None:
    """Return the step whose dose is to be taken on `day`; None before the first step.

    An open hold keeps the step that was in force when it was opened, however far the
    calendar has moved on.
    """
    begun = [step for step in steps if step.start_on <= day]
    if not begun:
        return None
    limit = min((hold.held_step for hold in holds), default=begun[-1].number)
    return max((step for step in begun if step.number <= max(limit, 1)), key=lambda s: s.number)
