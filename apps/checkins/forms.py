"""A questionnaire as a web form: built from its data, in the patient's language.

Not a Django form: questions, options and conditions come from apps.clinical, and a
wrong answer must never take a red flag down with it.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from django.http import QueryDict

from apps.checkins.claims import without_claims
from apps.clinical.questionnaires import (
    CleanedAnswers,
    Condition,
    Item,
    Option,
    Questionnaire,
    clean_answers,
    is_shown,
    missing_mandatory,
)
from apps.clinical.texts import patient_text
from apps.clinical.triage import Level, assess, emergency_options

MISSING = {
    "en": "Please choose an answer.",
    "es": "Elija una respuesta, por favor.",
}
MISSING_MULTI = {
    "en": "Please tick all that fit, or “None of these”.",
    "es": "Marque todo lo que corresponda, o «Nada de esto».",
}


# Asked beside the versioned questions and stored with the check-in.
REQUESTS: Mapping[str, Mapping[str, str]] = {
    "call_today": {
        "en": "Yes, please call me today",
        "es": "Sí, llámenme hoy, por favor",
    },
    "stay": {
        "en": "I want to stay at this dose for now",
        "es": "Quiero quedarme en esta dosis por ahora",
    },
}
# Where a page shows requests again that it must refuse [proposal].
ASKED_FOR = {"en": "You asked for", "es": "Usted pidió"}


def read_uuid(data: QueryDict | None) -> UUID:
    """Return the id the page was made with; a broken one gets a new id, never an error."""
    try:
        return UUID(str(data.get("submission_id", "")) if data else "")
    except ValueError:
        return uuid4()


def read_moment(data: QueryDict | None, name: str) -> datetime | None:
    """Return a moment by the device's clock, None when it says nothing readable."""
    try:
        found = datetime.fromisoformat(str(data.get(name, "")) if data else "")
    except ValueError:
        return None
    return found if found.tzinfo else None


@lru_cache(maxsize=8)
def advice_keys(kind: str) -> Mapping[tuple[str, str], tuple[str, str]]:
    """Return {(item, option): (text key, level)} of the answers that show advice at the tap.

    Without a patient's profile, because the page must reveal nothing about the patient.
    """
    return {
        (option.item_key, str(option.value)): (option.text_key, option.level.value)
        for option in emergency_options()
        if option.questionnaire == kind
    }


class CheckInForm:
    """Answers to one questionnaire: cleaned, judged complete or not, and shown again."""

    def __init__(
        self,
        questionnaire: Questionnaire,
        language: str,
        phone_numbers: Mapping[str, str],
        data: QueryDict | None = None,
        context: Mapping[str, object] | None = None,
        not_asked: Collection[str] = (),
    ) -> None:
        self.questionnaire = questionnaire
        self.language = language
        self.phone_numbers = phone_numbers
        self.known = context or {}
        self.not_asked = not_asked
        self.units: dict[str, str] = {}
        self.raw = self.read(data) if data is not None else {}
        self.is_bound = data is not None
        self.submission_id = read_uuid(data)
        self.reported_at = read_moment(data, "reported_at")
        self.sent_at = read_moment(data, "sent_at")
        self.at_once = data is not None and "at_once" in data
        asked = data.getlist("requests") if data is not None else []
        self.requests = [kind for kind in REQUESTS if kind in asked]
        self.cleaned: CleanedAnswers = clean_answers(questionnaire, self.raw)
        self.missing = (
            missing_mandatory(questionnaire, self.cleaned.answers, not_asked)
            if self.is_bound
            else ()
        )

    def read(self, data: QueryDict) -> dict[str, Any]:
        """Return the posted values of this questionnaire's own questions."""
        return {
            item.key: data.getlist(item.key) if item.kind == "multi" else self.text_of(item, data)
            for item in self.questionnaire.items
        }

    def text_of(self, item: Item, data: QueryDict) -> str:
        """Return what was posted for one question, an amount with the unit that was tapped."""
        # PostgreSQL stores no NUL; nobody types one.
        text = data.get(item.key, "").replace("\x00", "")
        unit = data.get(unit_field(item), "").replace("\x00", "") if item.units else ""
        if not unit:
            return text
        self.units[item.key] = unit
        return f"{text} {unit}" if text.strip() else text

    @property
    def answers(self) -> Mapping[str, object]:
        """Every answer that could be read."""
        return self.cleaned.answers

    @property
    def errors(self) -> dict[str, str]:
        """One sentence per question that is missing or cannot be read, in page order."""
        found = {}
        for item in self.questionnaire.items:
            if item.key in self.cleaned.errors:
                found[item.key] = self.cleaned.errors[item.key][self.language]
            elif item.key in self.missing:
                words = MISSING_MULTI if item.kind == "multi" else MISSING
                found[item.key] = words[self.language]
        return found

    def sections(self) -> list[dict[str, Any]]:
        """Return the page: sections, their questions, their options with advice."""
        found = []
        for section in self.questionnaire.sections:
            items = [
                self.item(item)
                for item in self.questionnaire.items_of(section.key)
                if self.is_on_page(item)
            ]
            if items:
                heading = section.heading[self.language]
                found.append({"key": section.key, "title": heading, "items": items})
        return found

    def may_be_sent(self) -> bool:
        """Answer whether the answers go out: complete, or too grave to wait for the others.

        An emergency never waits. What is urgent goes out incomplete when the patient asked
        to send it at once.
        """
        if not self.is_bound or not self.errors:
            return self.is_bound
        level = assess(self.answers).level
        return level >= Level.EMERGENCY or (self.at_once and level >= Level.URGENT)

    def typed(self) -> list[dict[str, str]]:
        """Return what was given, in words and as it was typed, for a page that must refuse it."""
        found = []
        for item in self.questionnaire.items:
            given = self.raw.get(item.key)
            values = given if isinstance(given, list) else [given]
            words = {self.posted_value(each): each.label[self.language] for each in item.options}
            said = "; ".join(words.get(value, value) for value in values if value)
            if said:
                found.append({"question": item.wording[self.language], "answer": said})
        asked = "; ".join(REQUESTS[kind][self.language] for kind in self.requests)
        return [*found, {"question": ASKED_FOR[self.language], "answer": asked}] if asked else found

    def tap_texts(self) -> list[dict[str, str]]:
        """Return the advice that the answers given have shown at their tap, most severe first."""
        chosen = [
            option
            for item in self.questionnaire.items
            for option in self.item(item)["options"]
            if option["checked"] and option["advice_text"]
        ]
        chosen.sort(key=lambda option: option["advice_level"] != Level.EMERGENCY.value)
        return list({option["advice_text"]: option for option in chosen}.values())

    def request_options(self) -> list[dict[str, Any]]:
        """Return what a patient may ask for beside the questions."""
        return [
            {"value": kind, "label": words[self.language], "checked": kind in self.requests}
            for kind, words in REQUESTS.items()
        ]

    def is_on_page(self, item: Item) -> bool:
        """Answer whether a question may be asked; what was answered or is wrong stays."""
        if item.key in self.cleaned.answers or item.key in self.cleaned.errors:
            return True
        if item.key in self.not_asked:
            return False
        return possible(item.shown_when, self.known) is not False

    def item(self, item: Item) -> dict[str, Any]:
        """Return one question for the template."""
        given, unit = self.raw.get(item.key), self.units.get(item.key, "")
        error = self.errors.get(item.key) if self.is_bound else None
        return {
            "item": item.key,
            "name": item.key,
            "kind": {"temperature": "number", "yes_no": "single"}.get(item.kind, item.kind),
            "wording": item.wording[self.language],
            "hint": item.hint.get(self.language, ""),
            "unit": item.unit.get(self.language, ""),
            "min": item.minimum,
            "max": item.maximum,
            "max_length": item.max_length,
            "value": as_typed(given, unit),
            "unit_name": unit_field(item),
            "units": [
                {
                    "value": each.value,
                    "label": each.label[self.language],
                    "checked": each.value == unit,
                }
                for each in item.units
            ],
            "options": [self.option(item, option, given) for option in item.options],
            "shown_when": self.shown_when(item.shown_when),
            "mandatory": item.mandatory,
            "errors": [error] if error else [],
        }

    def option(self, item: Item, option: Option, given: Any) -> dict[str, Any]:
        """Return one option with the advice that its tap shows."""
        value = self.posted_value(option)
        text_key, level = advice_keys(self.questionnaire.kind).get(
            (item.key, str(option.value)), ("", "")
        )
        chosen = given if isinstance(given, list) else [given]
        return {
            "value": value,
            "label": option.label[self.language],
            "checked": value in chosen,
            "advice_key": text_key,
            "advice_level": level,
            "advice_text": self.tap_advice(item, text_key, level),
        }

    def tap_advice(self, item: Item, text_key: str, level: str) -> str:
        """Return what an answer shows at its tap: nothing is sent yet, so nobody knows yet."""
        if level != Level.EMERGENCY.value and not (level and item.key == "si"):
            return ""
        text = patient_text(text_key, self.language, **self.phone_numbers)
        return without_claims(text, self.language)

    def posted_value(self, option: Option) -> str:
        """Return an option's value as the browser sends it."""
        if isinstance(option.value, bool):
            return "yes" if option.value else "no"
        return str(option.value)

    def shown_when(self, condition: Condition | None) -> str:
        """Return "key:value value|key:value" of the answers that show a question.

        Empty shows it always: no condition, or one that the record already meets.
        """
        if condition is None or possible(condition, self.known) is True:
            return ""
        parts = condition.parts or (condition,)
        return "|".join(
            f"{part.key}:{' '.join(self.values_that_show(part))}"
            for part in parts
            if part.source == "answer"
        )

    def values_that_show(self, part: Condition) -> list[str]:
        """Return the values, as the browser sends them, of the answers that meet a condition."""
        return [
            self.posted_value(option)
            for option in self.questionnaire.item(part.key).options
            if meets(part, option.value)
        ]


def unit_field(item: Item) -> str:
    """Return the name of the field that tells an amount's unit."""
    return f"{item.key}_unit"


def as_typed(given: Any, unit: str) -> str:
    """Return what stands in a question's own field, without the unit that was tapped beside it."""
    text = given if isinstance(given, str) else ""
    return text.removesuffix(f" {unit}") if unit else text


def possible(condition: Condition | None, known: Mapping[str, object]) -> bool | None:
    """Return True or False where the record alone decides, None where an answer may.

    A fact that is not known counts as met, as in `is_shown`.
    """
    if condition is None:
        return True
    if condition.parts:
        found = [possible(part, known) for part in condition.parts]
        decided = condition.op == "any"  # one True decides "any", one False decides "all"
        if decided in found:
            return decided
        return None if None in found else not decided
    if condition.source == "answer":
        return None
    value = known.get(condition.key)
    return True if value is None else meets(condition, value)


def meets(condition: Condition, value: object) -> bool:
    """Answer whether one value meets a plain condition."""
    test = replace(condition, source="answer", key="value")
    item = Item(key="", kind="single", wording={}, section="", shown_when=test)
    given = (value,) if condition.op == "includes" else value
    return is_shown(item, {"value": given})
