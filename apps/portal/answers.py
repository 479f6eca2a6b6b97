"""A check-in as it was answered, in the words it was asked in."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.checkins.forms import REQUESTS
from apps.checkins.models import CheckIn
from apps.clinical.questionnaires import Item, amount_words, get_questionnaire


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One question with its answer."""

    question: str
    answer: str


def answers_of(check_in: CheckIn) -> list[AnswerRow]:
    """Return question and answer in page order, in the language of the check-in."""
    language = check_in.language
    questionnaire = get_questionnaire(check_in.questionnaire, check_in.questionnaire_version)
    rows = []
    for item in questionnaire.items:
        if item.key in check_in.answers:
            given = check_in.answers[item.key]
            values = given if isinstance(given, list) else [given]
            words = ", ".join(word_for(item, value, language) for value in values)
            rows.append(AnswerRow(item.wording[language], words))
    return rows + [
        AnswerRow(_("You asked for"), REQUESTS[kind][language])
        for kind in check_in.requests
        if kind in REQUESTS
    ]


def word_for(item: Item, value: Any, language: str) -> str:
    """Return the words of one answer; a number keeps its unit, a scale its number."""
    for option in item.options:
        if option.value == value:
            label = option.label[language]
            numbered = item.kind == "scale" and not label.startswith(str(value))
            return f"{value} {label}" if numbered else label
    if item.kind == "amount":
        return amount_words(value, language)
    return f"{value} {item.unit.get(language, '')}".strip()
