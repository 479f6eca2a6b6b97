"""An alert.

The state machine of states.py is kept by PostgreSQL too: a trigger made from the table
refuses a transition that is not in it, and a constraint a row that says something
impossible.
"""

import uuid
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Final, TypeAlias

import pgtrigger
from django.db import models
from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, Value
from django.db.models.functions import Greatest, Now

from apps.accounts.models import User
from apps.alerts.ladder import ACK_CLOCK, MUTE_AT_MOST, PRIORITY, QUIET_AT_MOST, REPEAT_AFTER, Level
from apps.alerts.models.guards import (
    SameClinic,
    begins,
    fixed,
    known,
    once,
)
from apps.alerts.models.reached import reached_by_messages
from apps.alerts.states import ALERT_TRANSITIONS, AlertStatus, pairs
from apps.database.expressions import among
from apps.database.kept_rows import kept
from apps.patients.models import DRILL_CLINIC, Clinic, Patient, StaffMember
from apps.patients.permissions import RIGHTS, Right

ALERT_ROLES = [role for role, rights in RIGHTS.items() if Right.HANDLE_ALERTS in rights]
LEVEL_LABELS = {
    Level.EMERGENCY: "Emergency",
    Level.URGENT: "Urgent",
    Level.WATCH: "Watch",
}
# After this long without an accepted mail every staff page says so (design promise 3).
REACH_WITHIN = timedelta(seconds=60)
MINUTES_OF_RESPONSE = F("response_minutes") * Value(timedelta(minutes=1))


def clock_possible(level: str) -> Q:
    """Return that no clock of this level runs longer than the ladder can have set it.

    Since it was set, or since the present if that is later: a bound against the clock of the
    database alone would refuse alerts, and lose them, whenever ours is ahead of it.
    """
    since = Greatest("clock_set_at", Now())
    waits = Q(next_rung_at__lte=since + Value(REPEAT_AFTER[level]))
    if level != Level.EMERGENCY:
        waits |= Q(next_rung_at__lte=since + MINUTES_OF_RESPONSE)
        waits |= Q(
            next_rung=0,
            next_rung_at__lte=F("muted_until"),
            muted_until__lte=since + Value(MUTE_AT_MOST),
        ) & Q(next_rung_at__lte=since + Value(QUIET_AT_MOST[level]))
    return Q(level=str(level)) & (
        Q(status=AlertStatus.RESOLVED)
        | (Q(status=AlertStatus.OPEN) & waits)
        | Q(status=AlertStatus.ACKNOWLEDGED, ack_due_at__lte=since + Value(ACK_CLOCK[level]))
    )


def may_act(member: str = "") -> Q:
    """Return that a member of staff, reached by this path, may act on an alert now."""
    path = f"{member}__" if member else ""
    return Q(
        **{
            f"{path}is_active": True,
            f"{path}user__is_active": True,
            f"{path}role__in": ALERT_ROLES,
        }
    )


# What an alert is from its first day to its last: a worse report opens one of its own.
ALERT_FIXED = (
    "id", "clinic", "patient", "reference", "level", "priority", "source_type", "source_id",
    "rules", "opened_at", "response_minutes", "drill_of",
)  # fmt: skip
ALERT_ONCE = ("acknowledged_at", "welfare_check_at")


class AlertQuerySet(models.QuerySet["Alert"]):
    """Reads of alerts."""

    def unresolved(self) -> "AlertQuerySet":
        """Return alerts that still need a person's documented act."""
        return self.exclude(status=AlertStatus.RESOLVED)

    def owned_by(self, user: User) -> "AlertQuerySet":
        """Return the alerts this person has taken and not closed."""
        return self.filter(status=AlertStatus.ACKNOWLEDGED, owner=user)

    def by_urgency(self) -> "AlertQuerySet":
        """Return the most severe first, then the oldest; open ones before taken ones."""
        return self.order_by("priority", "-status", "opened_at")

    def rung_due(self, now: datetime) -> "AlertQuerySet":
        """Return open alerts whose next rung is to be climbed by `now`."""
        return self.filter(status=AlertStatus.OPEN, next_rung_at__lte=now)

    def rung_far_ahead(self, now: datetime) -> "AlertQuerySet":
        """Return open alerts whose next rung may lie further ahead than the ladder allows.

        Coarse, so that the many that wait rightly are not read; the caller looks closely.
        """
        half = ExpressionWrapper(
            Value(now, DateTimeField()) + F("response_minutes") * Value(timedelta(seconds=30)),
            output_field=DateTimeField(),
        )
        whole = ExpressionWrapper(
            Value(now, DateTimeField()) + F("response_minutes") * Value(timedelta(minutes=1)),
            output_field=DateTimeField(),
        )
        beyond = (
            Q(level=Level.EMERGENCY, next_rung_at__gt=now + REPEAT_AFTER[Level.EMERGENCY])
            | Q(level=Level.URGENT, next_rung_at__gt=half)
            | Q(level=Level.WATCH, next_rung_at__gt=whole)
        )
        nearest = now + REPEAT_AFTER[Level.EMERGENCY]
        # A muted alert waits for the end of its mute, which is a time of its own.
        muted = Q(next_rung=0, muted_until__gte=F("next_rung_at"))
        return self.filter(beyond, status=AlertStatus.OPEN, next_rung_at__gt=nearest).exclude(muted)

    def ack_overdue(self, now: datetime) -> "AlertQuerySet":
        """Return taken alerts whose owner has documented nothing in time."""
        return self.filter(status=AlertStatus.ACKNOWLEDGED, ack_due_at__lte=now)

    def of_the_departed(self) -> "AlertQuerySet":
        """Return taken alerts whose owner may not act on them any more.

        They left, or changed their work: whichever page or command did it, nobody has them.
        """
        able = StaffMember.objects.filter(
            may_act(), clinic=OuterRef("clinic"), user=OuterRef("owner")
        )
        return self.filter(~Exists(able), status=AlertStatus.ACKNOWLEDGED)

    def stranded(self, now: datetime, grace: timedelta) -> "AlertQuerySet":
        """Return alerts whose clock ran out and nothing moved: the broken promise itself."""
        late = now - grace
        return self.filter(
            Q(status=AlertStatus.OPEN, next_rung_at__lte=late)
            | Q(status=AlertStatus.ACKNOWLEDGED, ack_due_at__lte=late)
        )

    def nobody_reached(self, now: datetime) -> "AlertQuerySet":
        """Return open alerts that should have reached somebody by now and have not.

        Not those that wait for their first rung: a watch alert, or one that is muted.
        """
        late = self.order_by().filter(
            status=AlertStatus.OPEN, next_rung__gt=0, opened_at__lte=now - REACH_WITHIN
        )
        # Every page asks: of the many that somebody was told of in time, none is looked at.
        unsure = late.filter(reached__isnull=True).values("pk")
        gone = StaffMember.objects.exclude(may_act()).order_by().values("pk")
        left = late.filter(among("reached", gone)).values("pk")
        messages: Any = Alert._meta.get_field("deliveries").related_model
        arrived = messages.objects.arrived().filter(alert=OuterRef("pk"))
        doubtful = self.filter(among("pk", unsure.union(left)))
        return doubtful.filter(~Exists(arrived)).order_by("priority", "opened_at")


class AlertOutcome(models.TextChoices):
    """What was done; an alert ends only with one of these and a note."""

    SPOKE = "spoke", "Spoke with the patient"
    EMERGENCY_CARE = "emergency_care", "Sent to emergency care"
    PLAN_CHANGED = "plan_changed", "Plan held or changed"
    NO_ANSWER = "no_answer", "Could not reach the patient"
    FALSE_ALARM = "false_alarm", "False alarm"


# How a drill ends: by itself, and no person can choose it.
DRILL_OUTCOME: Final = "drill"


class Alert(models.Model):
    """Something a patient reported that a person must act on."""

    Outcome: TypeAlias = AlertOutcome

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
    next_rung = models.PositiveIntegerField(default=0)
    next_rung_at = models.DateTimeField(null=True, blank=True)
    clock_set_at = models.DateTimeField(
        help_text="When the clock that runs, of the next rung or of the owner, was last set."
    )
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    ack_due_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(
        max_length=20, choices=[*Outcome.choices, (DRILL_OUTCOME, "Drill")], blank=True
    )
    note = models.TextField(blank=True)
    welfare_check_at = models.DateTimeField(
        null=True, blank=True, help_text="When a welfare check was first asked for."
    )
    muted_until = models.DateTimeField(
        null=True, blank=True, help_text="Every rule that fired was muted: nobody is told before."
    )

    reached = models.ForeignKey(
        StaffMember, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        db_index=False, editable=False,
        help_text="One whom a message has reached, kept by PostgreSQL; empty says nothing.",
    )  # fmt: skip
    drill_of = models.ForeignKey(
        Clinic, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="A drill: nobody is ill, and this clinic's people are told, timed and spared.",
    )  # fmt: skip

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source_type", "source_id"], name="alert_once_per_source"
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="alert_of_clinic"
            ),
            SameClinic(
                field="owner_id",
                to="patients_staffmember",
                column="user_id",
                name="alert_owner_of_clinic",
            ),
            SameClinic(
                field="resolved_by_id",
                to="patients_staffmember",
                column="user_id",
                name="alert_closed_in_clinic",
            ),
            known("alert_level_known", "level", Level),
            known("alert_outcome_known", "outcome", [*AlertOutcome, DRILL_OUTCOME], blank=True),
            models.CheckConstraint(
                condition=reduce(
                    or_, (Q(level=str(level), priority=rank) for level, rank in PRIORITY.items())
                ),
                name="alert_priority_of_level",
            ),
            models.CheckConstraint(condition=~Q(rules=[]), name="alert_has_rules"),
            models.CheckConstraint(
                condition=reduce(or_, map(clock_possible, Level)), name="alert_clock_possible"
            ),
            models.CheckConstraint(
                condition=Q(
                    status=AlertStatus.OPEN,
                    next_rung_at__isnull=False,
                    owner__isnull=True,
                    ack_due_at__isnull=True,
                    resolved_at__isnull=True,
                    resolved_by__isnull=True,
                    outcome="",
                    note="",
                )
                | Q(
                    status=AlertStatus.ACKNOWLEDGED,
                    next_rung_at__isnull=True,
                    owner__isnull=False,
                    acknowledged_at__isnull=False,
                    ack_due_at__isnull=False,
                    resolved_at__isnull=True,
                    resolved_by__isnull=True,
                    outcome="",
                    note="",
                )
                | Q(
                    status=AlertStatus.RESOLVED,
                    next_rung_at__isnull=True,
                    ack_due_at__isnull=True,
                    resolved_at__isnull=False,
                ),
                name="alert_state_possible",
            ),
            # An alert ends only with a person's act; a drill without one, and it is nobody's.
            models.CheckConstraint(
                condition=~Q(status=AlertStatus.RESOLVED)
                | (Q(resolved_by__isnull=False) & ~Q(outcome=DRILL_OUTCOME))
                | Q(resolved_by__isnull=True, outcome=DRILL_OUTCOME, drill_of__isnull=False),
                name="alert_ended_by_a_person",
            ),
            models.CheckConstraint(
                condition=Q(drill_of__isnull=True)
                | (Q(clinic=DRILL_CLINIC, owner__isnull=True) & ~Q(drill_of=DRILL_CLINIC)),
                name="alert_drill_apart",
            ),
            models.CheckConstraint(
                condition=~Q(status=AlertStatus.RESOLVED) | (~Q(outcome="") & ~Q(note="")),
                name="alert_resolved_documented",
            ),
            # Silence after an emergency is no end of it: somebody has to go and look [proposal].
            models.CheckConstraint(
                condition=~Q(level=Level.EMERGENCY.value, outcome="no_answer")
                | Q(welfare_check_at__isnull=False),
                name="alert_no_answer_needs_welfare_check",
            ),
            models.CheckConstraint(
                condition=~Q(level=Level.EMERGENCY.value) | Q(muted_until__isnull=True),
                name="alert_emergency_never_muted",
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
                fields=["clinic", "priority", "-status", "opened_at"],
                name="alert_board",
                condition=~Q(status=AlertStatus.RESOLVED),
            ),
            models.Index(
                fields=["clinic", "opened_at"],
                name="alert_unreached",
                condition=Q(status=AlertStatus.OPEN, next_rung__gt=0, reached__isnull=True),
            ),
            models.Index(
                fields=["reached"],
                name="alert_reached_open",
                condition=Q(status=AlertStatus.OPEN, reached__isnull=False),
            ),
            models.Index(fields=["patient", "-opened_at"], name="alert_of_patient"),
            models.Index(fields=["opened_at"], name="alert_by_time"),  # for /metrics
        ]
        triggers: ClassVar = [
            pgtrigger.FSM(
                name="alert_transition", field="status", transitions=pairs(ALERT_TRANSITIONS)
            ),
            # What was documented is never rewritten while it is closed; who opens it again
            # leaves it in the acts.
            pgtrigger.Protect(
                name="alert_closed_for_good",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.status = 'resolved' AND NEW.status = 'resolved' AND "
                    "(OLD.outcome, OLD.note, OLD.resolved_at, OLD.resolved_by_id, "
                    "OLD.owner_id) IS DISTINCT FROM (NEW.outcome, NEW.note, NEW.resolved_at, "
                    "NEW.resolved_by_id, NEW.owner_id)"
                ),
            ),
            begins("alert_begins_open", ALERT_TRANSITIONS),
            fixed("alert_stays_itself", *ALERT_FIXED),
            once("alert_known_once", *ALERT_ONCE),
            *reached_by_messages(),
            kept("alert_never_deleted", also="OLD.status <> 'resolved'"),
        ]

    def __str__(self) -> str:
        return f"Alert {self.reference}"

    @property
    def told_clinic_id(self) -> uuid.UUID:
        """The clinic whose rota, ladder and people it goes to."""
        key: uuid.UUID = self.drill_of_id or self.clinic_id
        return key

    @property
    def response(self) -> timedelta:
        """How soon somebody should act, from the rule that fired."""
        return timedelta(minutes=self.response_minutes)

    @property
    def act_by(self) -> datetime:
        """The moment by which somebody should have acted."""
        return self.opened_at + self.response
