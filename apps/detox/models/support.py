"""What helps beside the taper: therapy and its visits, adjunct medicines, the coping plan."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.alerts.models.guards import SameClinic, fixed
from apps.database.kept_rows import immutable, kept
from apps.patients.models import Clinic, Patient


class Therapy(models.Model):
    """A referral to treatment by talking or training; offered to everybody (ASAM-18)."""

    class Kind(models.TextChoices):
        """What it is."""

        CBT_I = "cbt_i", "CBT-I, for insomnia"
        CBT = "cbt", "CBT"
        GROUP = "group", "Group CBT for withdrawal"
        OTHER = "other", "Other treatment"

    class Ended(models.TextChoices):
        """How it ended."""

        FINISHED = "finished", "Finished"
        NOT_BEGUN = "not_begun", "Did not begin"
        LEFT = "left", "The patient stopped"
        OTHER = "other", "Other"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="therapies")
    kind = models.CharField(max_length=8, choices=Kind)
    with_whom = models.CharField(max_length=200, help_text="Therapist, group or programme.")
    aim = models.TextField(max_length=2000, blank=True)
    referred_at = models.DateTimeField()
    referred_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended = models.CharField(max_length=10, choices=Ended, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering: ClassVar = ["-referred_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "id"], name="therapy_known_in_clinic"),
            models.CheckConstraint(condition=~Q(with_whom=""), name="therapy_is_with_somebody"),
            models.CheckConstraint(
                condition=Q(ended="", ended_at__isnull=True, ended_by__isnull=True)
                | ~Q(ended="") & Q(ended_at__gte=F("referred_at"), ended_by__isnull=False),
                name="therapy_ends_by_somebody",
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="therapy_of_clinic"
            ),
        ]
        triggers: ClassVar = [
            fixed(
                "therapy_stays_itself", "id", "clinic", "patient", "kind", "with_whom", "aim",
                "referred_at", "referred_by",
            ),
            kept("therapy_kept"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.get_kind_display()


class TherapyVisit(models.Model):
    """One appointment: whether the patient came. Never changed, one a day."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    therapy = models.ForeignKey(Therapy, on_delete=models.PROTECT, related_name="visits")
    held_on = models.DateField()
    came = models.BooleanField()
    note = models.TextField(max_length=2000, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-held_on"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["therapy", "held_on"], name="visit_once_a_day"),
            SameClinic(field="therapy_id", to="detox_therapy", column="id", name="visit_of_clinic"),
        ]
        triggers: ClassVar = [immutable("visit_immutable")]

    def __str__(self) -> str:
        return f"Visit {self.held_on}"


class AdjunctMedicine(models.Model):
    """A medicine given against symptoms beside the taper, with the warnings its prescriber read."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="adjuncts")
    name = models.CharField(max_length=120)
    for_what = models.CharField(max_length=200)
    warnings = models.JSONField(default=list, help_text="As the guideline said at that time.")
    started_on = models.DateField()
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_on = models.DateField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering: ClassVar = [F("ended_on").desc(nulls_first=True), "name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(for_what=""), name="adjunct_is_named_and_meant"
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True, ended_by__isnull=True)
                | Q(ended_on__gte=F("started_on"), ended_by__isnull=False),
                name="adjunct_ends_after_it_began",
            ),
            models.UniqueConstraint(
                fields=["patient", "name"], condition=Q(ended_on__isnull=True),
                name="adjunct_once_at_a_time",
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="adjunct_of_clinic"
            ),
        ]  # fmt: skip
        triggers: ClassVar = [
            fixed(
                "adjunct_stays_itself", "id", "clinic", "patient", "name", "for_what", "warnings",
                "started_on", "recorded_at", "recorded_by",
            ),
            kept("adjunct_kept"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Adjunct since {self.started_on}"


class CopingPlan(models.Model):
    """What helps this patient through a bad hour, in their words; the newest one counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="coping_plans")
    signs = models.TextField(max_length=1000, blank=True)
    helps = models.TextField(max_length=2000)
    people = models.TextField(max_length=1000, blank=True)
    remember = models.TextField(max_length=1000, blank=True)
    written_at = models.DateTimeField()
    written_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Empty: the patient.",
    )  # fmt: skip

    class Meta:
        ordering: ClassVar = ["-written_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(helps=""), name="coping_says_what_helps"),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="coping_of_clinic"
            ),
        ]
        triggers: ClassVar = [immutable("coping_immutable")]

    @property
    def by_the_patient(self) -> bool:
        """Whether the patient wrote this version alone."""
        return self.written_by_id is None

    def __str__(self) -> str:
        return f"Coping plan {self.written_at:%Y-%m-%d}"
