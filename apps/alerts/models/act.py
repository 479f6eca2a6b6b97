"""What people did about an alert, what they chose not to hear, and an alert's timeline."""

import uuid
from datetime import datetime
from typing import ClassVar, Final, TypeAlias

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.alerts.ladder import MUTE_AT_MOST, Level
from apps.alerts.models.alert import Alert
from apps.alerts.models.guards import SameClinic, fixed, known, never_emptied, once
from apps.clinical.triage import RULES_BY_ID
from apps.database.kept_rows import kept
from apps.patients.models import Clinic, Patient

# Only what says "more of the same" can be muted. Never a red flag: a seizure, a fall, a
# thought of suicide, a missed supply [proposal; groups of clinical/triage_rules.csv].
MUTABLE_GROUPS: Final = ("trend", "engagement", "governance", "post_taper")
MUTABLE_LEVELS: Final = (Level.WATCH.value, Level.URGENT.value)
# Rule, group and level as the table of rules has them.
MUTABLE: Final = [
    (rule.rule_id, rule.group, rule.level.value)
    for rule in RULES_BY_ID.values()
    if rule.group in MUTABLE_GROUPS and rule.level.value in MUTABLE_LEVELS
]


class ActKind(models.TextChoices):
    """What was done. The first six are interim: the alert stays with its owner."""

    NO_ANSWER = "no_answer", "Called, no answer"
    LEFT_MESSAGE = "left_message", "Left a message to call back"
    SPOKE = "spoke", "Spoke with the patient, more to do"
    CONTACT = "contact", "Called the emergency contact"
    WELFARE_CHECK = "welfare_check", "Asked for a welfare check"
    REFERRED = "referred", "Referred to a specialist or hospital"
    HANDED_OVER = "handed_over", "Handed over"
    CLOSED = "closed", "Closed"
    REOPENED = "reopened", "Opened again"


class AlertAct(models.Model):
    """One documented act on an alert: who, when, what, and a note. Never changed."""

    Kind: TypeAlias = ActKind

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="acts")
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=14, choices=Kind)
    note = models.TextField()
    outcome = models.CharField(max_length=20, choices=Alert.Outcome, blank=True)
    given_to = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering: ClassVar = ["at", "id"]
        constraints: ClassVar = [
            known("act_kind_known", "kind", ActKind),
            known("act_outcome_known", "outcome", Alert.Outcome, blank=True),
            models.CheckConstraint(condition=~Q(note=""), name="act_has_a_note"),
            models.CheckConstraint(
                condition=Q(kind="closed") ^ Q(outcome=""), name="act_closed_with_an_outcome"
            ),
            models.CheckConstraint(
                condition=Q(kind="handed_over") ^ Q(given_to__isnull=True),
                name="act_handed_over_to_somebody",
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="act_immutable", operation=pgtrigger.Update),
            kept("act_kept"),
            never_emptied("act_never_emptied"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


# Who has it changes; nothing is done for the patient by that.
PASSED_ON: Final = [AlertAct.Kind.HANDED_OVER, AlertAct.Kind.REOPENED]
INTERIM_ACTS: Final = [
    AlertAct.Kind.NO_ANSWER,
    AlertAct.Kind.LEFT_MESSAGE,
    AlertAct.Kind.SPOKE,
    AlertAct.Kind.CONTACT,
    AlertAct.Kind.WELFARE_CHECK,
    AlertAct.Kind.REFERRED,
]


class MuteQuerySet(models.QuerySet["Mute"]):
    """Reads of mutes."""

    def in_force(self, now: datetime) -> "MuteQuerySet":
        """Return mutes that began and neither ran out nor were ended by `now`."""
        return self.filter(starts_at__lte=now, ends_at__gt=now, ended_at__isnull=True)


class Mute(models.Model):
    """One rule of one patient that tells nobody at once for a while; the board still shows it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="mutes")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="mutes")
    rule = models.CharField(max_length=30)
    rule_group = models.CharField(max_length=20)
    level = models.CharField(max_length=10)
    reason = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = MuteQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(level__in=MUTABLE_LEVELS, rule_group__in=MUTABLE_GROUPS)
                & ~Q(rule__startswith="E"),
                name="mute_never_a_red_flag",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at"))
                & Q(ends_at__lte=F("starts_at") + MUTE_AT_MOST),
                name="mute_has_an_end",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="mute_has_a_reason"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="mute_ended_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["patient", "rule"],
                condition=Q(ended_at__isnull=True),
                name="mute_once_per_rule",
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="mute_of_clinic"
            ),
        ]
        triggers: ClassVar = [
            # Judged when it is made: a mute of the past stands when the table of rules changes.
            pgtrigger.Protect(
                name="mute_of_a_rule_that_may_be",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition(
                    "NOT (NEW.rule, NEW.rule_group, NEW.level) IN "
                    f"({', '.join(str(triple) for triple in sorted(MUTABLE))})"
                ),
            ),
            fixed(
                "mute_stays_itself",
                "id",
                "clinic",
                "patient",
                "rule",
                "rule_group",
                "level",
                "reason",
                "starts_at",
                "ends_at",
                "created_by",
            ),
            once("mute_ended_once", "ended_at", "ended_by_id"),
            kept("mute_kept"),
        ]

    def __str__(self) -> str:
        return f"Mute of {self.rule}"


class AlertEvent(models.Model):
    """One line of an alert's timeline, including what was not sent and why."""

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=300)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        triggers: ClassVar = [
            pgtrigger.Protect(name="alert_event_immutable", operation=pgtrigger.Update),
            kept("alert_event_kept"),
            never_emptied("alert_event_never_emptied"),
        ]

    def __str__(self) -> str:
        return self.text
