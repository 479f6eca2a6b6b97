"""Standing orders: what a colleague does after each step of a taper, without being asked."""

import uuid
from datetime import datetime
from typing import ClassVar, Final

from django.db import models
from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient, StaffMember

LATEST_DAY: Final = 90
DAYS_AT_MOST: Final = 10


class StandingOrder(models.Model):
    """A prescriber's template: on these days after a step begins, this is done."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="standing_orders")
    name = models.CharField(max_length=80)
    title = models.CharField(max_length=120, help_text="What to do: the task's title.")
    days = models.JSONField(help_text="Days after a step begins, such as [3, 10].")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "id"], name="order_known_in_clinic"),
            models.UniqueConstraint(
                fields=["clinic", "name"],
                condition=Q(ended_at__isnull=True),
                name="standing_order_named_once",
            ),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(title="") & ~Q(days=[]), name="standing_order_says_what"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="standing_order_ended_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DutyQuerySet(models.QuerySet["StandingDuty"]):
    """Reads of duties."""

    def in_force(self) -> "DutyQuerySet":
        """Return duties that nobody has ended."""
        return self.filter(ended_at__isnull=True)

    def due(self, now: datetime) -> QuerySet["StandingDuty"]:
        """Return duties to be looked at: a new day has begun for the patient."""
        return self.in_force().filter(next_look_at__lte=now).order_by("next_look_at")


class StandingDuty(models.Model):
    """A standing order in force for one patient, and who does it; nobody named is the team."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey(StandingOrder, on_delete=models.PROTECT, related_name="duties")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="standing_duties")
    owner = models.ForeignKey(
        StaffMember, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    next_look_at = models.DateTimeField(help_text="When the next day of the patient begins.")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = DutyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["started_at"]
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="duty_of_clinic"
            ),
            SameClinic(
                field="order_id",
                to="checkins_standingorder",
                column="id",
                name="duty_order_of_clinic",
            ),
            SameClinic(
                field="owner_id",
                to="patients_staffmember",
                column="id",
                name="duty_owner_of_clinic",
            ),
            models.UniqueConstraint(
                fields=["order", "patient"],
                condition=Q(ended_at__isnull=True),
                name="standing_duty_once",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="standing_duty_ended_by_somebody",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_look_at"], condition=Q(ended_at__isnull=True), name="duty_look_due"
            ),
        ]

    def __str__(self) -> str:
        return f"Duty {self.pk}"
