"""The quality ledger: what each rule's alerts were worth, and another threshold tried on the past.

Reads only. A trial assesses check-ins that are stored; it stores nothing and changes no rule.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from django.db.models import Count, Min, Q

from apps.alerts.models import LEVEL_LABELS, PASSED_ON, Alert, AlertAct
from apps.checkins.models import CheckIn
from apps.clinical.triage import RULES_BY_ID, Level
from apps.clinical.what_if import level_with
from apps.dashboard.counting import earliest
from apps.patients.models import Clinic

ACTED: Final = {
    Alert.Outcome.SPOKE, Alert.Outcome.EMERGENCY_CARE, Alert.Outcome.PLAN_CHANGED,
}  # fmt: skip
TRIED_AT_MOST: Final = 5_000
LISTED: Final = 50


@dataclass
class Line:
    """What one rule's alerts came to in a period."""

    rule_id: str
    fired: int = 0
    acted: int = 0
    false: int = 0
    still_open: int = 0
    handed_over: int = 0
    reopened: int = 0
    to_ack: list[timedelta] = field(default_factory=list)
    to_act: list[timedelta] = field(default_factory=list)

    @property
    def plain(self) -> str:
        """The rule in plain words; an id of an older version is shown as it is."""
        known = RULES_BY_ID.get(self.rule_id)
        return known.plain if known else self.rule_id

    @property
    def level(self) -> str:
        """The rule's own level."""
        known = RULES_BY_ID.get(self.rule_id)
        return known.level.value if known else ""

    @property
    def level_label(self) -> str:
        """The level in words."""
        return LEVEL_LABELS.get(self.level, self.level)  # type: ignore[call-overload, no-any-return]

    @property
    def median_to_ack(self) -> str:
        """The middle time until somebody took it, in words."""
        return in_words(self.to_ack)

    @property
    def median_to_act(self) -> str:
        """The middle time until the first documented act, in words."""
        return in_words(self.to_act)


def ledger_of(clinic: Clinic, since: datetime, until: datetime) -> list[Line]:
    """Return a line per rule that raised an alert in the period, the busiest first. One query.

    Taken is when anybody first took it, whoever had it later; who closes an alert without
    taking it has taken it then. Handing it over or opening it again is no act for the patient.
    """
    lines: dict[str, Line] = {}
    rows = Alert.objects.filter(clinic=clinic, opened_at__gte=since, opened_at__lt=until)
    found = rows.annotate(
        acted_at=Min("acts__at", filter=~Q(acts__kind__in=PASSED_ON)),
        handed_over=Count("acts", filter=Q(acts__kind=AlertAct.Kind.HANDED_OVER)),
        reopened=Count("acts", filter=Q(acts__kind=AlertAct.Kind.REOPENED)),
    ).values_list(
        "rules", "outcome", "opened_at", "acknowledged_at", "acted_at", "handed_over", "reopened"
    )
    for rules, outcome, opened_at, acknowledged_at, acted_at, handed_over, reopened in found:
        taken_at = earliest(acknowledged_at, acted_at)
        for rule in rules:
            line = lines.setdefault(rule, Line(rule))
            line.fired += 1
            line.acted += outcome in ACTED
            line.false += outcome == Alert.Outcome.FALSE_ALARM
            line.still_open += not outcome
            line.handed_over += handed_over
            line.reopened += reopened
            if taken_at:
                line.to_ack.append(taken_at - opened_at)
            if acted_at:
                line.to_act.append(acted_at - opened_at)
    return sorted(lines.values(), key=lambda line: (-line.fired, line.rule_id))


def in_words(times: Iterable[timedelta]) -> str:
    """Return the middle of some times: 40 s, 12 min, 3.5 h, or that there is none yet."""
    seconds = [time.total_seconds() for time in times]
    if not seconds:
        return "none yet"
    middle = median(seconds)
    if middle < 60:
        return f"{middle:.0f} s"
    return f"{middle / 60:.0f} min" if middle < 5400 else f"{middle / 3600:.1f} h"


@dataclass
class Trial:
    """What another number would have made of the past."""

    assessed: int = 0
    is_cut: bool = False
    more: list[dict[str, Any]] = field(default_factory=list)
    fewer: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def difference(self) -> int:
        """How many alerts more there would have been; fewer when negative."""
        return len(self.more) - len(self.fewer)


def try_threshold(
    clinic: Clinic, rule_id: str, number: int, since: datetime, until: datetime
) -> Trial:
    """Assess the clinic's check-ins of a period again with another number. Stores nothing.

    Two queries: the newest check-ins, at most 5,000, and the alerts they raised.
    """
    rows = CheckIn.objects.filter(
        clinic=clinic, questionnaire="daily", received_at__gte=since, received_at__lt=until
    )
    newest = rows.select_related("triage", "patient").order_by("-received_at")
    past = list(newest[: TRIED_AT_MOST + 1])
    trial = Trial(is_cut=len(past) > TRIED_AT_MOST)
    raised = dict(
        Alert.objects.filter(clinic=clinic, source_id__in=[row.pk for row in past]).values_list(
            "source_id", "reference"
        )
    )
    kinds = defaultdict(list, {"more": trial.more, "fewer": trial.fewer, "changed": trial.changed})
    for row in past[:TRIED_AT_MOST]:
        trial.assessed += 1
        was = Level(row.triage.level)
        fired = [finding["rule_id"] for finding in row.triage.fired]
        becomes = level_with(rule_id, number, answers=row.answers, fired=fired)
        if becomes != was:
            kinds[kind_of(was, becomes)].append(
                {
                    "reference": raised.get(row.pk, ""),
                    "patient": row.patient,
                    "at": row.received_at,
                    "was": was.value,
                    "becomes": becomes.value,
                }
            )
    return trial


def kind_of(was: Level, becomes: Level) -> str:
    """Return whether this is an alert more, an alert fewer, or one of another level."""
    if was == Level.NONE:
        return "more"
    return "fewer" if becomes == Level.NONE else "changed"
