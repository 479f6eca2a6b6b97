"""A plan, its immutable versions, and their steps with the tablets of each slot."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final

import pgtrigger
from django.db import models
from django.db.models import Exists, OuterRef, Q

from apps.accounts.models import User
from apps.database.kept_rows import immutable
from apps.database.same_clinic import SameClinic
from apps.patients.models import DRILL_CLINIC, Clinic, Patient
from apps.tapers.tablets import by_drug, dose_words

EARLIEST_ZONE: Final = timedelta(hours=14)  # no place on earth is further ahead of UTC


class PlanQuerySet(models.QuerySet["TaperPlan"]):
    """Reads of plans."""

    def active(self) -> "PlanQuerySet":
        """Return plans that a prescriber activated and nobody has ended."""
        return self.filter(status=TaperPlan.Status.ACTIVE)

    def due(self, now: datetime) -> "PlanQuerySet":
        """Return active plans whose next step may have begun by `now` and is not settled.

        The day is the earliest of any zone, so that nobody is missed; the caller looks
        at the patient's own. Held plans wait for a person and are left out.
        """
        latest_day = (now + EARLIEST_ZONE).date()
        step = TaperStep.objects.filter(
            version=OuterRef("in_force"),
            number=OuterRef("begun_step") + 1,
            start_on__lte=latest_day,
        )
        held = Q(holds__isnull=False, holds__released_at__isnull=True)
        return self.active().filter(Exists(step)).exclude(held)


# A content hash that differs, or one signature where two are needed, is no signature.
SIGNED_OR_REFUSED = """
    IF NOT EXISTS (
        SELECT 1 FROM tapers_signature s JOIN tapers_planversion v ON v.id = s.version_id
        WHERE v.id = NEW.in_force_id AND v.plan_id = NEW.id
          AND s.meaning = 'prescribe' AND s.content_hash = v.content_hash
          AND (NOT v.needs_second OR EXISTS (
              SELECT 1 FROM tapers_signature t WHERE t.version_id = v.id
                AND t.meaning = 'second' AND t.content_hash = v.content_hash
                AND t.signer_id <> s.signer_id))
    ) THEN
        RAISE EXCEPTION 'plan_active_is_signed: an unsigned version cannot be in force';
    END IF;
    RETURN NEW;
"""


class TaperPlan(models.Model):
    """One patient's taper; a patient has at most one active plan."""

    class Status(models.TextChoices):
        """Only an active plan reaches a patient."""

        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        INPATIENT = "inpatient", "In hospital"
        ENDED = "ended", "Ended"
        DISCARDED = "discarded", "Put away"

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
    in_force = models.ForeignKey(
        "PlanVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The signed version the patient follows.",
    )
    begun_step = models.PositiveSmallIntegerField(
        default=1, help_text="The last step the clock has let begin; see today.py."
    )
    care_level_note = models.TextField(
        blank=True, help_text="Why outpatient care is right for a patient of high risk."
    )

    left_at = models.DateTimeField(
        null=True, blank=True, help_text="When it ended or was handed over to a hospital."
    )
    left_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    left_reason = models.CharField(max_length=300, blank=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="plan_of_clinic"
            ),
            models.UniqueConstraint(
                fields=["patient"], condition=Q(status="active"), name="plan_one_active"
            ),
            models.CheckConstraint(condition=~Q(clinic=DRILL_CLINIC), name="plan_of_a_person"),
            models.CheckConstraint(
                condition=~Q(status="active")
                | Q(activated_at__isnull=False, activated_by__isnull=False),
                name="plan_active_has_activator",
            ),
            models.CheckConstraint(
                condition=~Q(status="active") | Q(in_force__isnull=False),
                name="plan_active_has_version",
            ),
            models.CheckConstraint(
                condition=Q(left_at__isnull=True) | Q(left_by__isnull=False) & ~Q(left_reason=""),
                name="plan_left_with_a_reason",
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="plan_active_is_signed",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__status="active"),
                func=SIGNED_OR_REFUSED,
            ),
        ]

    def __str__(self) -> str:
        return f"Plan {self.pk}"

    @property
    def version(self) -> "PlanVersion":
        """The version in force; of a plan never in force the latest."""
        if self.in_force is not None:
            return self.in_force
        return self.latest

    @property
    def latest(self) -> "PlanVersion":
        """The version written last, in force or waiting for a signature."""
        version = self.versions.order_by("-number").first()
        if version is None:  # pragma: no cover - create_plan saves both together
            raise PlanVersion.DoesNotExist
        return version


class VersionQuerySet(models.QuerySet["PlanVersion"]):
    """Reads of versions."""

    def in_force_at(self, moment: datetime) -> "VersionQuerySet":
        """Return versions put in force by `moment`, the one that was in force first."""
        return self.filter(enactment__at__lte=moment).order_by("-enactment__at", "-number")


class PlanVersion(models.Model):
    """What the plan said from some moment on. Never changed once saved."""

    class Kind(models.TextChoices):
        """The decision that made it."""

        START = "start", "First plan"
        HOLD = "hold", "Hold"
        GO_ON = "go_on", "Go on"
        STEP_BACK = "step_back", "Step back"
        SLOW = "slow", "Slow down"
        METHOD = "method", "Change the method"
        GOAL = "goal", "Change the goal"
        STOP = "stop", "Stay at this dose"
        END = "end", "End the plan"
        INPATIENT = "inpatient", "Move to hospital"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(TaperPlan, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()
    drug_id = models.CharField(max_length=30)
    request = models.JSONField(help_text="What the engine was asked, as the command line takes it.")
    findings = models.JSONField(default=list)
    content_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.START)
    change = models.JSONField(default=dict, help_text="What was asked of the version before.")
    course = models.JSONField(default=dict, help_text="What the engine needs to go on from here.")
    needs_second = models.BooleanField(
        default=False, help_text="It falls too fast: a second prescriber must sign too."
    )
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = VersionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["plan", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "number"], name="version_numbered_once"),
        ]
        triggers: ClassVar = [
            immutable("version_immutable"),
        ]

    def __str__(self) -> str:
        return f"Version {self.number}"

    @property
    def switches(self) -> bool:
        """Whether its steps are of more than one drug, so that each dose needs its name."""
        return self.request["method"]["kind"] == "switch" or bool(self.course.get("earlier_drugs"))

    @property
    def blocking(self) -> list[dict[str, str]]:
        """Findings that stop activation."""
        return [finding for finding in self.findings if finding["level"] == "block"]


class Enactment(models.Model):
    """The moment a version came into force. Never changed once saved."""

    version = models.OneToOneField(
        PlanVersion, primary_key=True, on_delete=models.PROTECT, related_name="enactment"
    )
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        triggers: ClassVar = [
            immutable("enactment_immutable"),
        ]

    def __str__(self) -> str:
        return f"In force from {self.at:%Y-%m-%d %H:%M}"


def fetch_doses(steps: Iterable["TaperStep"]) -> None:
    """Fetch the tablets of steps whose doses cannot be told without: one query, or none."""
    wanting = [step for step in steps if step.version.switches and not step.has_pieces]
    if wanting:
        models.prefetch_related_objects(wanting, "pieces")


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
            immutable("step_immutable"),
        ]

    def __str__(self) -> str:
        return f"Step {self.number}"

    @property
    def by_drug(self) -> dict[str, Decimal]:
        """A day's milligrams of each drug: two of them while a switch runs.

        `daily_mg` is their sum, which says nothing then. Only a version that switches
        needs the tablets for it; see `fetch_doses`.
        """
        if self.has_pieces or self.version.switches:
            return by_drug(self.pieces.all())
        return {self.version.drug_id: self.daily_mg} if self.daily_mg else {}

    @property
    def has_pieces(self) -> bool:
        """Whether the tablets were fetched with the step."""
        return "pieces" in getattr(self, "_prefetched_objects_cache", {})

    @property
    def dose(self) -> str:
        """A day's milligrams in words; two drugs are never added up."""
        return dose_words(self.by_drug, named=self.version.switches)

    def is_cut_after(self, before: "TaperStep") -> bool:
        """Answer whether less is taken than in the step before, as the pace rules weigh it.

        Milligrams of two drugs do not compare, so of a switch only the weighed cut counts.
        """
        if self.version.switches:
            return self.cut_pct > 0
        return self.cut_pct > 0 or self.daily_mg < before.daily_mg

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
            immutable("piece_immutable"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product}"
