"""Turn raw form values into typed answers, with a sentence for each error.

A wrong value never takes a right one down with it: every answer that can be
read is returned even when others cannot, so that a red flag beside a typing
error can still be triaged.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from apps.clinical.questionnaires.amounts import Amount, split_unit
from apps.clinical.questionnaires.model import (
    NONE_OF_THESE,
    Item,
    Option,
    Questionnaire,
    Wording,
)

# Temperatures a living person can show. The two ranges do not overlap, so a
# number says its own unit. [proposal]
CELSIUS = (Decimal(30), Decimal(45))
FAHRENHEIT = (Decimal(86), Decimal(113))

_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,6})?|\.\d{1,6}")
_TEMPERATURE = re.compile(r"(\d+(?:[.,]\d+)?)\s*°?\s*([cfCF]?)")
_THOUSANDS = re.compile(r"\d+,\d{3}")


@dataclass(frozen=True, slots=True)
class CleanedAnswers:
    """What could be read from a form, and what could not.

    ``answers`` holds every answer that could be read, typed; a question left
    out is absent. ``errors`` and ``notes`` hold a sentence per language for a
    key: an error's answer is missing from ``answers``, a note's answer is there
    but was adjusted. ``unknown`` lists keys the form does not have.
    """

    answers: Mapping[str, object]
    errors: Mapping[str, Wording]
    notes: Mapping[str, Wording]
    unknown: tuple[str, ...]


class _Unreadable(Exception):
    """Carries the sentence, in every language, for a value that cannot be read."""

    def __init__(self, en: str, es: str) -> None:
        super().__init__(en)
        self.wording: Wording = {"en": en, "es": es}


def clean_answers(questionnaire: Questionnaire, raw: Mapping[str, object]) -> CleanedAnswers:
    """Return typed answers and the errors of a submitted form.

    Takes strings as a browser sends them, or typed values as stored; blank and
    None mean unanswered. Numbers must be in range; ``temp_c`` takes degrees F
    or C and gives C; an amount takes mg or mL, and is a bare number where nobody said which; a
    decimal comma is accepted. Nothing is dropped silently:
    see ``CleanedAnswers``. Answers to questions that are not shown are kept,
    since a hidden red flag is still one.
    """
    answers: dict[str, object] = {}
    errors: dict[str, Wording] = {}
    notes: dict[str, Wording] = {}
    for item in questionnaire.items:
        value = raw.get(item.key)
        if _is_blank(value):
            continue
        try:
            answers[item.key] = _READERS[item.kind](item, value)
        except _Unreadable as problem:
            errors[item.key] = problem.wording
    _settle_none_of_these(questionnaire, answers, notes)
    known = {item.key for item in questionnaire.items}
    return CleanedAnswers(answers, errors, notes, tuple(key for key in raw if key not in known))


def missing_mandatory(
    questionnaire: Questionnaire,
    answers: Mapping[str, object],
    not_asked: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the keys of mandatory questions without an answer, but for those `not_asked`.

    Any of them keeps the check-in incomplete and the missed-check-in clock
    running. An empty multi-select is unanswered: "none of these" must be chosen.
    Source: triage.md section 3 (seizure, red_flags, si, dose_taken).
    """
    return tuple(
        item.key
        for item in questionnaire.items
        if item.mandatory and item.key not in not_asked and _is_blank(answers.get(item.key))
    )


def _is_blank(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, (list, tuple, set, frozenset)) and not value)


def _settle_none_of_these(
    questionnaire: Questionnaire, answers: dict[str, object], notes: dict[str, Wording]
) -> None:
    """Let ticked symptoms win over "none of these", and say so.

    Refusing the form would risk losing a red flag. [proposal]
    """
    for item in questionnaire.items:
        chosen = answers.get(item.key)
        if item.kind != "multi" or not isinstance(chosen, tuple):
            continue
        if NONE_OF_THESE in chosen and len(chosen) > 1:
            answers[item.key] = tuple(value for value in chosen if value != NONE_OF_THESE)
            notes[item.key] = {
                "en": "You also chose “none of these”. We kept the things you ticked.",
                "es": "También eligió «nada de esto». Guardamos lo que marcó.",
            }


def _read_choice(item: Item, value: object) -> object:
    for option in item.options:
        if _names(option, value):
            return option.value
    raise _Unreadable("Choose one of the answers listed.", "Elija una de las respuestas.")


def _names(option: Option, value: object) -> bool:
    """Match a stored value or its form spelling; True is not the number 1."""
    if type(value) is type(option.value):
        return value == option.value
    if not isinstance(value, (str, int)):
        return False
    spelling = str(value).strip().lower()
    if isinstance(option.value, bool):
        return spelling in (("true", "yes", "1") if option.value else ("false", "no", "0"))
    if isinstance(value, bool):
        return False
    return spelling == str(option.value)


def _read_multi(item: Item, value: object) -> tuple[object, ...]:
    values: Iterable[object] = [value] if isinstance(value, str) else _iterate(value)
    chosen = {_read_choice(item, each) for each in values}
    return tuple(option.value for option in item.options if option.value in chosen)


def _iterate(value: object) -> Iterable[object]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    raise _Unreadable("Choose from the answers listed.", "Elija entre las respuestas.")


def _read_number(item: Item, value: object) -> int | Decimal:
    number = _to_decimal(value)
    whole = item.step == 1
    if item.step is not None and number % item.step != 0:
        raise _wrong_step(item, whole)
    low, high = item.minimum, item.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        raise _out_of_range(item)
    return int(number) if whole else number


def _wrong_step(item: Item, whole: bool) -> _Unreadable:
    if whole:
        return _Unreadable("Enter a whole number.", "Escriba un número entero.")
    return _Unreadable(f"Enter steps of {item.step}.", f"Escriba pasos de {item.step}.")


def _out_of_range(item: Item) -> _Unreadable:
    if item.maximum is None:
        return _Unreadable(
            f"Enter a number of {item.minimum} or more.",
            f"Escriba un número de {item.minimum} o más.",
        )
    return _Unreadable(
        f"Enter a number from {item.minimum} to {item.maximum}.",
        f"Escriba un número de {item.minimum} a {item.maximum}.",
    )


def _to_decimal(value: object) -> Decimal:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        text = str(value)
    elif isinstance(value, str):
        text = value.strip()
    else:
        text = ""
    # "1,000" may be a thousand or one: guessing a dose is not allowed.
    if "," in text and not _THOUSANDS.fullmatch(text):
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        raise _Unreadable("Enter a number, like 2 or 0.5.", "Escriba un número, como 2 o 0.5.")
    return Decimal(text)


def _read_amount(item: Item, value: object) -> str | Decimal:
    if not isinstance(value, str):
        return Decimal(_read_number(item, value))
    typed = split_unit(value)
    if typed is None:
        raise _Unreadable("Choose one: mg or mL.", "Elija uno: mg o mL.")
    number, unit = typed
    amount = Amount(Decimal(_read_number(item, number)), unit)
    return str(amount) if unit else amount.value


def _read_temperature(item: Item, value: object) -> Decimal:
    found = _TEMPERATURE.fullmatch(str(value).strip())
    number = Decimal(found[1].replace(",", ".")) if found else Decimal(0)
    unit = found[2].upper() if found else ""
    if unit != "F" and CELSIUS[0] <= number <= CELSIUS[1]:
        return number
    if unit != "C" and FAHRENHEIT[0] <= number <= FAHRENHEIT[1]:
        return ((number - 32) * 5 / 9).quantize(Decimal("0.01"))
    raise _Unreadable(
        "Enter a temperature from 86 to 113 F, or from 30 to 45 C.",
        "Escriba una temperatura de 30 a 45 C, o de 86 a 113 F.",
    )


def _read_text(item: Item, value: object) -> str:
    text = str(value).strip()
    if item.max_length is not None and len(text) > item.max_length:
        raise _Unreadable(
            f"Use {item.max_length} letters or fewer. You have {len(text)}.",
            f"Use {item.max_length} letras o menos. Tiene {len(text)}.",
        )
    return text


_READERS: Mapping[str, Callable[[Item, object], object]] = {
    "single": _read_choice,
    "multi": _read_multi,
    "scale": _read_choice,
    "yes_no": _read_choice,
    "number": _read_number,
    "amount": _read_amount,
    "temperature": _read_temperature,
    "text": _read_text,
}
