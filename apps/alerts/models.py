"""Alert, who is called for it, and every attempt to reach them.

The two state machines of states.py are kept by PostgreSQL too: a row that says
something impossible is refused.
"""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.alerts.ladder import RUNG_LABELS, Level, Rung
from apps.alerts.states import AlertStatus, DeliveryStatus
from apps.patients.models import Clinic, Patient, StaffMember

LEVEL_LABELS = {
    Level.EMERGENCY: "Emergency",
    Level.URGENT: "Urgent",
    Level.WATCH: "Watch",
}
CHANNEL_EMAIL = "email"
# After this long without an accepted mail every staff page says so (design promise 3).
REACH_WITHIN = timedelta(seconds=60)


class AlertQuerySet(models.QuerySet["Alert"]):
    """Reads of alerts."""

    def unresolved(self) -> "AlertQuerySet":
        """Return alerts that still need a person's documented act."""
        return self.exclude(status=AlertStatus.RESOLVED)

    def by_urgency(self) -> "AlertQuerySet":
        """Return the most severe first, then the oldest; open ones before taken ones."""
        return self.order_by("priority", "-status", "opened_at")

    def rung_due(self, now: datetime) -> "AlertQuerySet":
        """Return open alerts whose next rung is to be climbed by `now`."""
        return self.filter(status=AlertStatus.OPEN, next_rung_at__lte=now)

    def ack_overdue(self, now: datetime) -> "AlertQuerySet":
        """Return taken alerts whose owner has documented nothing in time."""
        return self.filter(status=AlertStatus.ACKNOWLEDGED, ack_due_at__lte=now)

    def stranded(self, now: datetime, grace: timedelta) -> "AlertQuerySet":
        """Return alerts whose clock ran out and nothing moved: the broken promise itself."""
        late = now - grace
        return self.filter(
            Q(status=AlertStatus.OPEN, next_rung_at__lte=late)
            | Q(status=AlertStatus.ACKNOWLEDGED, ack_due_at__lte=late)
        )

    def nobody_reached(self, now: datetime) -> "AlertQuerySet":
        """Return open alerts that should have reached somebody by now and have not."""
        return (
            self.filter(status=AlertStatus.OPEN, next_rung__gt=0, opened_at__lte=now - REACH_WITHIN)
            .exclude(deliveries__status=DeliveryStatus.SENT)
            .order_by("priority", "opened_at")
        )


class Alert(models.Model):
    """Something a patient reported that a person must act on."""

    class Outcome(models.TextChoices):
        """What was done; an alert ends only with one of these and a note."""

        SPOKE = "spoke", "Spoke with the patient"
        EMERGENCY_CARE = "emergency_care", "Sent to emergency care"
        PLAN_CHANGED = "plan_changed", "Plan held or changed"
        NO_ANSWER = "no_answer", "Could not reach, welfare check asked for"
        FALSE_ALARM = "false_alarm", "False alarm"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="alerts")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="alerts")
    reference = models.CharField(max_length=12, unique=True)
    level = models.CharField(max_length=10, choices=[(k.value, v) for k, v in LEVEL_LABELS.items()])
    priority = models.PositiveSmallIntegerField()
    # What raised it; ids only, because alerts know nothing of check-ins.
    source_type = models.CharField(max_length=20)
    source_id = models.UUIDField()
    rules = models.JSONField(default=list, help_text="Rule ids that fired, most severe first.")
    status = models.CharField(
        max_length=14,
        choices=[(s.value, s.value.capitalize()) for s in AlertStatus],
        default=AlertStatus.OPEN,
    )
    opened_at = models.DateTimeField()
    response_minutes = models.PositiveIntegerField()
    next_rung = models.PositiveSmallIntegerField(default=0)
    next_rung_at = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    ack_due_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    note = models.TextField(blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source_type", "source_id"], name="alert_once_per_source"
            ),
            models.CheckConstraint(
                condition=Q(level__in=[level.value for level in Level]), name="alert_level_known"
            ),
            models.CheckConstraint(
                condition=Q(
                    status=AlertStatus.OPEN,
                    next_rung_at__isnull=False,
                    owner__isnull=True,
                    ack_due_at__isnull=True,
                    resolved_at__isnull=True,
                )
                | Q(
                    status=AlertStatus.ACKNOWLEDGED,
                    next_rung_at__isnull=True,
                    owner__isnull=False,
                    acknowledged_at__isnull=False,
                    ack_due_at__isnull=False,
                    resolved_at__isnull=True,
                )
                | Q(
                    status=AlertStatus.RESOLVED,
                    next_rung_at__isnull=True,
                    ack_due_at__isnull=True,
                    resolved_at__isnull=False,
                    resolved_by__isnull=False,
                ),
                name="alert_state_possible",
            ),
            models.CheckConstraint(
                condition=~Q(status=AlertStatus.RESOLVED) | (~Q(outcome="") & ~Q(note="")),
                name="alert_resolved_documented",
            ),
        ]
        indexes: ClassVar = [
            # Small for ever: only what still needs somebody is in them.
            models.Index(
                fields=["next_rung_at"], name="alert_rung_due", condition=Q(status=AlertStatus.OPEN)
            ),
            models.Index(
                fields=["ack_due_at"],
                name="alert_ack_due",
                condition=Q(status=AlertStatus.ACKNOWLEDGED),
            ),
            models.Index(
                fields=["clinic", "priority", "opened_at"],
                name="alert_board",
                condition=~Q(status=AlertStatus.RESOLVED),
            ),
            models.Index(fields=["patient", "-opened_at"], name="alert_of_patient"),
        ]

    def __str__(self) -> str:
        return f"Alert {self.reference}"

    @property
    def response(self) -> timedelta:
        """How soon somebody should act, from the rule that fired."""
        return timedelta(minutes=self.response_minutes)

    @property
    def act_by(self) -> datetime:
        """The moment by which somebody should have acted."""
        return self.opened_at + self.response


class AlertEvent(models.Model):
    """One line of an alert's timeline, including what was not sent and why."""

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=300)

    class Meta:
        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return self.text


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Reads of deliveries."""

    def due(self, now: datetime) -> "DeliveryQuerySet":
        """Return messages to be tried by `now`, most severe first, then oldest.

        None for an alert that somebody has taken meanwhile.
        """
        return (
            self.filter(
                status=DeliveryStatus.PENDING,
                next_attempt_at__lte=now,
                alert__status=AlertStatus.OPEN,
            )
            .select_related("alert__clinic", "recipient__user")
            .order_by("priority", "next_attempt_at")
        )

    def lease_expired(self, now: datetime) -> "DeliveryQuerySet":
        """Return messages whose sender has died or hung: nobody knows whether they left."""
        return self.filter(status=DeliveryStatus.SENDING, lease_until__lte=now)

    def reachable(self) -> "DeliveryQuerySet":
        """Return messages that have arrived or still may."""
        return self.filter(
            status__in=[DeliveryStatus.PENDING, DeliveryStatus.SENDING, DeliveryStatus.SENT]
        )


class Delivery(models.Model):
    """One message about one alert to one person on one rung."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="deliveries")
    recipient = models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, default=CHANNEL_EMAIL)
    rung = models.CharField(max_length=10, choices=[(r.value, RUNG_LABELS[r]) for r in Rung])
    round = models.PositiveSmallIntegerField(help_text="Step of the ladder, from 0.")
    priority = models.PositiveSmallIntegerField()
    status = models.CharField(
        max_length=10,
        choices=[(s.value, s.value.capitalize()) for s in DeliveryStatus],
        default=DeliveryStatus.PENDING,
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["alert", "recipient", "channel", "round"], name="delivery_once_per_round"
            ),
            models.CheckConstraint(
                condition=Q(
                    status=DeliveryStatus.PENDING,
                    next_attempt_at__isnull=False,
                    lease_token__isnull=True,
                    sent_at__isnull=True,
                    failed_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.SENDING,
                    lease_token__isnull=False,
                    lease_until__isnull=False,
                    sent_at__isnull=True,
                    failed_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.SENT,
                    sent_at__isnull=False,
                    lease_token__isnull=True,
                    failed_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.FAILED,
                    failed_at__isnull=False,
                    lease_token__isnull=True,
                    sent_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.CANCELLED,
                    lease_token__isnull=True,
                    sent_at__isnull=True,
                    failed_at__isnull=True,
                ),
                name="delivery_state_possible",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["priority", "next_attempt_at"],
                name="delivery_due",
                condition=Q(status=DeliveryStatus.PENDING),
            ),
            models.Index(
                fields=["lease_until"],
                name="delivery_leased",
                condition=Q(status=DeliveryStatus.SENDING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} of {self.alert.reference}, round {self.round}"


class DeliveryAttempt(models.Model):
    """One try to hand a message to the mail server, with the server's own words."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="tries")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=12, default="started")
    reply = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_numbered_once"),
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number}: {self.result}"


class ShiftQuerySet(models.QuerySet["Shift"]):
    """Reads of the rota."""

    def at(self, moment: datetime) -> "ShiftQuerySet":
        """Return shifts that cover this moment, of people who are active now."""
        return self.filter(
            starts_at__lte=moment,
            ends_at__gt=moment,
            member__is_active=True,
            member__user__is_active=True,
        )


class Shift(models.Model):
    """One person on one rung of the rota for a span of time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="shifts")
    member = models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="shifts")
    rung = models.CharField(
        max_length=10, choices=[(r.value, RUNG_LABELS[r]) for r in Rung if r != Rung.EVERYONE]
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    objects = ShiftQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("starts_at")), name="shift_ends_after_start"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["clinic", "rung", "ends_at"])]

    def __str__(self) -> str:
        return f"{self.get_rung_display()} {self.starts_at:%Y-%m-%d %H:%M}"


class Heartbeat(models.Model):
    """When a background process last showed a sign of life."""

    name = models.CharField(max_length=20, primary_key=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.beat_at:%H:%M:%S}"
