"""A questionnaire as a web form: built from its data, in the patient's language.

Not a Django form: questions, options and conditions come from apps.clinical, and a
wrong answer must never take a red flag down with it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.http import QueryDict

from apps.checkins.claims import without_claims
from apps.clinical.questionnaires import (
    CleanedAnswers,
    Condition,
    Item,
    Option,
    Questionnaire,
    clean_answers,
    missing_mandatory,
)
from apps.clinical.texts import patient_text
from apps.clinical.triage import Level, emergency_options

MISSING = {
    "en": "Please choose an answer.",
    "es": "Elija una respuesta, por favor.",
}
MISSING_MULTI = {
    "en": "Please tick all that fit, or “None of these”.",
    "es": "Marque todo lo que corresponda, o «Nada de esto».",
}


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
    ) -> None:
        self.questionnaire = questionnaire
        self.language = language
        self.phone_numbers = phone_numbers
        self.raw = self.read(data) if data is not None else {}
        self.is_bound = data is not None
        self.cleaned: CleanedAnswers = clean_answers(questionnaire, self.raw)
        self.missing = (
            missing_mandatory(questionnaire, self.cleaned.answers) if self.is_bound else ()
        )

    def read(self, data: QueryDict) -> dict[str, Any]:
        """Return the posted values of this questionnaire's own questions."""
        return {
            item.key: data.getlist(item.key) if item.kind == "multi" else data.get(item.key, "")
            for item in self.questionnaire.items
        }

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

    @property
    def is_valid(self) -> bool:
        """Answer whether everything mandatory is there and everything given can be read."""
        return self.is_bound and not self.errors

    def sections(self) -> list[dict[str, Any]]:
        """Return the page: sections, their questions, their options with advice."""
        return [
            {
                "key": section.key,
                "title": section.heading[self.language],
                "items": [self.item(item) for item in self.questionnaire.items_of(section.key)],
            }
            for section in self.questionnaire.sections
        ]

    def item(self, item: Item) -> dict[str, Any]:
        """Return one question for the template."""
        given = self.raw.get(item.key)
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
            "value": given if isinstance(given, str) else "",
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

    def shown_when(self, condition: Condition | None) -> dict[str, Any] | None:
        """Return {key, values} of the answers that show a question; None shows it always."""
        if condition is None or condition.parts or condition.source != "answer":
            return None
        values = [str(value) for value in condition.values]
        if condition.op == "not_in":
            options = self.questionnaire.item(condition.key).options
            values = [str(o.value) for o in options if str(o.value) not in values]
        return {"key": condition.key, "values": values}
