"""The shape of a triage rule and of its result.

Numbers (level, group, minutes, taper action, text) stand beside each rule's
code; its words (plain meaning, reason, source, mark) come from the rule table
that clinicians review, by rule id.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from apps.clinical.data_symptoms import rows_by
from apps.clinical.triage.facts import Facts

RULE_TABLE = "triage_rules.csv"

Test = Callable[[Facts], bool]


class _Ordered(Enum):
    """An enum whose members are ordered as they are written, mildest first."""

    def __init__(self, _value: str) -> None:
        # The place in the order, the mildest being 0: so many came before.
        self.rank = len(type(self).__members__)

    def __lt__(self, other: "_Ordered") -> bool:
        return self.rank < other.rank

    def __le__(self, other: "_Ordered") -> bool:
        return self.rank <= other.rank

    def __gt__(self, other: "_Ordered") -> bool:
        return self.rank > other.rank

    def __ge__(self, other: "_Ordered") -> bool:
        return self.rank >= other.rank


class Level(_Ordered):
    """How soon a person has to act. Source: triage.md section 1."""

    NONE = "none"
    WATCH = "watch"
    URGENT = "urgent"
    EMERGENCY = "emergency"


class TaperAction(_Ordered):
    """What a result does to coming reductions; never to today's dose.

    In the order triage.md section 1 lists them: ``hold_next`` locks the next
    step until a clinician decides, ``hold_all_reductions`` every step, and
    ``pause_taper`` stops the plan until the cause has resolved.
    """

    NONE = "none"
    REVIEW = "review"
    HOLD_NEXT = "hold_next"
    HOLD_ALL_REDUCTIONS = "hold_all_reductions"
    PAUSE_TAPER = "pause_taper"


@dataclass(frozen=True, slots=True)
class Rule:
    """One triage rule: when it fires, and everything that follows from it.

    ``minutes`` is the time in which the care team has to respond (wall clock).
    ``reads`` names the facts the test looks at; they become its evidence.
    ``dedupe_hours`` is how long the same finding need not be shown again.
    """

    rule_id: str
    level: Level
    group: str
    minutes: int
    taper_action: TaperAction
    text_key: str
    reads: tuple[str, ...]
    test: Test
    plain: str
    rationale: str
    source: str
    mark: str
    dedupe_hours: int

    def evidence(self, facts: Facts) -> Mapping[str, object]:
        """Return the known facts the rule looked at, by name."""
        values = ((name, getattr(facts, name)) for name in self.reads)
        return {name: value for name, value in values if value is not None}


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that fired, with the facts that made it fire."""

    rule_id: str
    level: Level
    group: str
    evidence: Mapping[str, object]
    source: str
    minutes: int
    taper_action: TaperAction
    text_key: str
    plain: str

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as JSON values, for storing."""
        return {
            "rule_id": self.rule_id,
            "level": self.level.value,
            "group": self.group,
            "evidence": {name: _json(value) for name, value in self.evidence.items()},
            "source": self.source,
            "minutes": self.minutes,
            "taper_action": self.taper_action.value,
            "text_key": self.text_key,
            "plain": self.plain,
        }


@dataclass(frozen=True, slots=True)
class Triage:
    """The result of one check-in.

    ``level`` and ``taper_action`` are the most severe of all fired rules and
    ``minutes`` the shortest of their times, None if nothing fired. ``text_keys``
    is what the patient is shown, most severe first. ``dws`` is the daily
    withdrawal score, None unless all ten items were answered.
    """

    level: Level
    fired: tuple[Fired, ...]
    taper_action: TaperAction
    minutes: int | None
    text_keys: tuple[str, ...]
    rules_version: str
    dws: int | None

    def as_dict(self) -> dict[str, Any]:
        """Return the result as JSON values, for storing."""
        return {
            "level": self.level.value,
            "fired": [each.as_dict() for each in self.fired],
            "taper_action": self.taper_action.value,
            "minutes": self.minutes,
            "text_keys": list(self.text_keys),
            "rules_version": self.rules_version,
            "dws": self.dws,
        }


class RuleBook:
    """Collects the rules of one level in the order they are written."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self._rules: list[Rule] = []
        self._words = rows_by(RULE_TABLE, "rule_id")

    def rule(
        self, rule_id: str, group: str, minutes: int, taper: TaperAction, text: str, reads: str
    ) -> Callable[[Test], Test]:
        """Register the decorated test as rule ``rule_id`` and return it unchanged.

        ``reads`` names the facts the test looks at, separated by spaces. A rule
        that the reviewed table does not hold raises ``KeyError`` at import.
        """
        words = self._words[rule_id]

        def register(test: Test) -> Test:
            self._rules.append(
                Rule(
                    rule_id=rule_id,
                    level=self._level,
                    group=group,
                    minutes=minutes,
                    taper_action=taper,
                    text_key=text,
                    reads=tuple(reads.split()),
                    test=test,
                    plain=words["condition_plain"],
                    rationale=words["rationale"],
                    source=words["source"],
                    mark=words["evidence_mark"],
                    dedupe_hours=int(words["dedupe_hours"]),
                )
            )
            return test

        return register

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules registered so far."""
        return tuple(self._rules)


def _json(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple):
        return [_json(each) for each in value]
    return value
