"""The shape of a check-in form, and when a question is shown.

Conditions are data (key, operator, values), so a page can evaluate the same
condition in the browser. Source of every question: the check-in item list and
``instruments.md`` sections 4 and 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from apps.clinical.data_symptoms import document
from apps.clinical.errors import ClinicalError

Wording = Mapping[str, str]

LATEST: Mapping[str, int] = {"daily": 2, "weekly": 1}
# Every published version stays here for ever: a phone may hold an old page.
PUBLISHED = frozenset({("daily", 1), ("daily", 2), ("weekly", 1)})

KINDS = frozenset({"single", "multi", "scale", "number", "amount", "temperature", "text", "yes_no"})
NONE_OF_THESE = "none"


class QuestionnaireError(ClinicalError):
    """A form or version that was never published."""


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose: the value stored, and its words per language."""

    value: str | int | bool
    label: Wording


@dataclass(frozen=True, slots=True)
class Condition:
    """One test on an answer or on a fact about the patient, or a list of them.

    ``op`` is ``in``, ``not_in``, ``at_least``, ``at_most`` or ``includes`` (a
    multi-select holds the value); ``any`` and ``all`` combine ``parts``.
    ``source`` is ``answer`` (this form) or ``context`` (known beforehand).
    """

    op: str
    source: str = "answer"
    key: str = ""
    values: tuple[Any, ...] = ()
    parts: tuple["Condition", ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the condition as JSON values, for a page's own script."""
        if self.parts:
            return {"op": self.op, "parts": [part.as_dict() for part in self.parts]}
        return {
            "op": self.op,
            "source": self.source,
            "key": self.key,
            "values": list(self.values),
        }


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a form.

    ``kind`` says how it is answered and what the cleaned answer is: ``single``
    (an option value), ``multi`` (a tuple of option values), ``scale`` (an int),
    ``number`` (an int if ``step`` is 1, else a Decimal, in ``unit``),
    ``amount`` (text with one of ``units``, such as "0.6 mL"; a Decimal where no unit was said),
    ``temperature`` (Decimal degrees Celsius), ``text`` (str), ``yes_no`` (bool).
    """

    key: str
    kind: str
    wording: Wording
    section: str
    options: tuple[Option, ...] = ()
    shown_when: Condition | None = None
    in_daily_score: bool = False
    mandatory: bool = False
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None
    max_length: int | None = None
    unit: Wording = field(default_factory=dict)
    units: tuple[Option, ...] = ()
    hint: Wording = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """A group of questions under one heading (for scales, their common stem)."""

    key: str
    heading: Wording


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """One published version of a check-in form; it never changes."""

    kind: str
    version: int
    title: Wording
    sections: tuple[Section, ...]
    items: tuple[Item, ...]
    credits: tuple[Wording, ...] = ()

    def item(self, key: str) -> Item:
        """Return the question ``key``; an unknown key raises QuestionnaireError."""
        for item in self.items:
            if item.key == key:
                return item
        raise QuestionnaireError(f"The {self.kind} form has no question {key!r}.")

    def items_of(self, section: str) -> tuple[Item, ...]:
        """Return the questions under one heading, in the order they are asked."""
        return tuple(item for item in self.items if item.section == section)

    @property
    def score_keys(self) -> tuple[str, ...]:
        """Return the keys that add up to the daily withdrawal score."""
        return tuple(item.key for item in self.items if item.in_daily_score)


@cache
def get_questionnaire(kind: str, version: int) -> Questionnaire:
    """Return a published form, old versions included.

    An unknown kind or version raises ``QuestionnaireError``.
    """
    if (kind, version) not in PUBLISHED:
        raise QuestionnaireError(f"There is no {kind} questionnaire version {version}.")
    raw = document(f"checkin_{kind}_v{version}.json")
    sets = {name: _options(values) for name, values in raw["option_sets"].items()}
    return Questionnaire(
        kind=raw["kind"],
        version=raw["version"],
        title=raw["title"],
        sections=tuple(Section(each["key"], each["heading"]) for each in raw["sections"]),
        items=tuple(_item(each, sets) for each in raw["items"]),
        credits=tuple(raw["credits"]),
    )


def is_shown(
    item: Item, answers: Mapping[str, object], context: Mapping[str, object] | None = None
) -> bool:
    """Tell whether a question is asked, given the answers so far.

    ``answers`` are cleaned answers of the same form. ``context`` may hold
    ``last_supply_days``, ``days_since_supply``, ``last_si``, ``days_since_asq``,
    ``age`` and ``cannot_be_pregnant``. A context fact that is not known shows
    the question: asking once too often is the safe side. An unanswered question
    never shows its follow-up.
    """
    if item.shown_when is None:
        return True
    return _holds(item.shown_when, answers, context or {})


def _holds(
    condition: Condition, answers: Mapping[str, object], context: Mapping[str, object]
) -> bool:
    if condition.op == "any":
        return any(_holds(part, answers, context) for part in condition.parts)
    if condition.op == "all":
        return all(_holds(part, answers, context) for part in condition.parts)
    known = context if condition.source == "context" else answers
    value = known.get(condition.key)
    if value is None:
        return condition.source == "context"
    return _compare(condition.op, value, condition.values)


def _compare(op: str, value: Any, wanted: tuple[Any, ...]) -> bool:
    if op == "in":
        return value in wanted
    if op == "not_in":
        return value not in wanted
    if op == "includes":
        return bool(wanted[0] in value)
    if op == "at_least":
        return bool(value >= wanted[0])
    return bool(value <= wanted[0])


def _options(raw: list[dict[str, Any]]) -> tuple[Option, ...]:
    return tuple(Option(each["value"], each["label"]) for each in raw)


def _item(raw: dict[str, Any], sets: Mapping[str, tuple[Option, ...]]) -> Item:
    options = raw.get("options", [])
    condition = raw.get("shown_when")
    return Item(
        key=raw["key"],
        kind=raw["kind"],
        wording=raw["wording"],
        section=raw["section"],
        options=sets[options] if isinstance(options, str) else _options(options),
        shown_when=_condition(condition) if condition else None,
        in_daily_score=raw["in_daily_score"],
        mandatory=raw["mandatory"],
        minimum=_decimal(raw.get("minimum")),
        maximum=_decimal(raw.get("maximum")),
        step=_decimal(raw.get("step")),
        max_length=raw.get("max_length"),
        unit=raw.get("unit", {}),
        units=_options(raw.get("units", [])),
        hint=raw.get("hint", {}),
    )


def _condition(raw: dict[str, Any]) -> Condition:
    if "parts" in raw:
        return Condition(op=raw["op"], parts=tuple(_condition(part) for part in raw["parts"]))
    return Condition(
        op=raw["op"], source=raw["source"], key=raw["key"], values=tuple(raw["values"])
    )


def _decimal(raw: str | None) -> Decimal | None:
    return None if raw is None else Decimal(raw)
