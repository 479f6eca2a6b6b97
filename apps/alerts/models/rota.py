"""Who is on call: the weekly pattern, its exceptions, and the shifts that come of them."""

import uuid
from datetime import datetime
from typing import ClassVar, TypeAlias

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.alerts.ladder import RUNG_LABELS, Rung
from apps.alerts.models.alert import may_act
from apps.alerts.models.guards import keys, known
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, StaffMember

ROTA_RUNGS = [(r.value, RUNG_LABELS[r]) for r in Rung if r != Rung.EVERYONE]
WEEKDAYS = [
    (0, "Monday"),
    (1, "Tuesday"),
    (2, "Wednesday"),
    (3, "Thursday"),
    (4, "Friday"),
    (5, "Saturday"),
    (6, "Sunday"),
]


class ShiftQuerySet(models.QuerySet["Shift"]):
    """Reads of the rota."""

    def at(self, moment: datetime) -> "ShiftQuerySet":
        """Return shifts that cover this moment, of people who may be called now."""
        return self.of_active().filter(starts_at__lte=moment, ends_at__gt=moment)

    def of_active(self) -> "ShiftQuerySet":
        """Return shifts of people who are active and handle alerts now: nobody else is called."""
        return self.filter(may_act("member"))

    def between(self, start: datetime, end: datetime) -> "ShiftQuerySet":
        """Return shifts that touch this stretch of time, in its order."""
        touching = self.filter(starts_at__lt=end, ends_at__gt=start)
        people = touching.select_related("member__user", "member__quiet_hours")
        return people.order_by("starts_at", "rung")


class Shift(models.Model):
    """One person on one rung of the rota for a span of time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="shifts")
    member = models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="shifts")
    rung = models.CharField(max_length=10, choices=ROTA_RUNGS)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    generated = models.BooleanField(
        default=False, help_text="Made from the weekly pattern, and made anew when that changes."
    )

    objects = ShiftQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="member_id", to="patients_staffmember", column="id", name="shift_of_clinic"
            ),
            known("shift_rung_known", "rung", keys(ROTA_RUNGS)),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="shift_ends_after_start"
            ),
            models.UniqueConstraint(
                fields=["clinic", "rung", "member", "starts_at"],
                condition=Q(generated=True),
                name="shift_generated_once",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["clinic", "rung", "ends_at"])]

    def __str__(self) -> str:
        return f"{self.get_rung_display()} {self.starts_at:%Y-%m-%d %H:%M}"


class WeeklyTurn(models.Model):
    """One line of the weekly pattern, in the clinic's own time.

    One that ends at or before its start ends on the next day.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="turns")
    member = models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="turns")
    rung = models.CharField(max_length=10, choices=ROTA_RUNGS)
    weekday = models.PositiveSmallIntegerField(choices=WEEKDAYS)
    starts = models.TimeField()
    ends = models.TimeField()

    class Meta:
        ordering: ClassVar = ["weekday", "starts", "rung"]
        constraints: ClassVar = [
            SameClinic(
                field="member_id", to="patients_staffmember", column="id", name="turn_of_clinic"
            ),
            known("turn_rung_known", "rung", keys(ROTA_RUNGS)),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="turn_on_a_weekday"),
            models.UniqueConstraint(
                fields=["clinic", "rung", "member", "weekday", "starts"], name="turn_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M} to {self.ends:%H:%M}"

    @property
    def ends_next_day(self) -> bool:
        """Whether the turn goes over midnight."""
        return self.ends <= self.starts


class ChangeReason(models.TextChoices):
    """Why; no free text, because a colleague's illness is nobody's business."""

    SWAP = "swap", "Swap"
    AWAY = "away", "Away"
    EXTRA = "extra", "Extra cover"


class RotaChange(models.Model):
    """An exception to the pattern: somebody else, somebody more, or nobody, for a while."""

    Reason: TypeAlias = ChangeReason

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="rota_changes")
    rung = models.CharField(max_length=10, choices=ROTA_RUNGS)
    away = models.ForeignKey(
        StaffMember, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    member = models.ForeignKey(
        StaffMember, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=6, choices=Reason)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            SameClinic(
                field="away_id",
                to="patients_staffmember",
                column="id",
                name="rota_change_away_of_clinic",
            ),
            SameClinic(
                field="member_id",
                to="patients_staffmember",
                column="id",
                name="rota_change_member_of_clinic",
            ),
            known("change_rung_known", "rung", keys(ROTA_RUNGS)),
            known("change_reason_known", "reason", ChangeReason),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="change_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(away__isnull=False) | Q(member__isnull=False),
                name="change_of_somebody",
            ),
            models.CheckConstraint(
                condition=Q(away__isnull=True) | Q(member__isnull=True) | ~Q(away=F("member")),
                name="change_to_somebody_else",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} {self.starts_at:%Y-%m-%d %H:%M}"


class ClinicLadder(models.Model):
    """When the rungs of one level are climbed in one clinic; never slower than triage.md asks.

    No wait between two rungs is longer than the default one, so no rung is later either.

    Minutes after the alert opened for an emergency; for the other levels per cent of the
    response time of the rule that fired.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="ladders")
    level = models.CharField(max_length=10)
    remind = models.PositiveSmallIntegerField(null=True, blank=True)
    backup = models.PositiveSmallIntegerField()
    lead = models.PositiveSmallIntegerField()
    everyone = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "level"], name="ladder_once_per_level"),
            models.CheckConstraint(
                condition=Q(backup__gte=1, lead__gte=F("backup"), everyone__gte=F("lead")),
                name="ladder_climbs",
            ),
            models.CheckConstraint(
                condition=Q(
                    level="emergency",
                    remind__isnull=True,
                    backup__lte=5,
                    lead__lte=F("backup") + 5,
                    everyone__lte=F("lead") + 5,
                )
                | Q(
                    level__in=["urgent", "watch"],
                    remind__gte=1,
                    remind__lte=50,
                    backup__gt=F("remind"),
                    backup__lte=F("remind") + 50,
                    lead__lte=F("backup") + 50,
                    everyone__lte=F("lead") + 50,
                ),
                name="ladder_never_slower",
            ),
        ]

    def __str__(self) -> str:
        return f"Ladder of {self.level}"

    @property
    def times(self) -> tuple[int | None, int, int, int]:
        """Remind, backup, lead, everyone, as apps.alerts.ladder takes them."""
        return self.remind, self.backup, self.lead, self.everyone
