"""Read one answer in the type the rules expect, or None if it was not given.

A value no form can produce is a programming error and raises, so that a
misspelt option can never pass as "nothing wrong".
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from apps.clinical.errors import ClinicalError
from apps.clinical.questionnaires.amounts import Amount, amount_of

YES_NO = {"yes": True, "no": False}


class TriageInputError(ClinicalError):
    """An answer that no published form can give."""


def choice(answers: Mapping[str, object], key: str, allowed: Iterable[str]) -> str | None:
    """Return a single choice; a value that is not an option raises."""
    value = answers.get(key)
    if value is None:
        return None
    if isinstance(value, str) and value in allowed:
        return value
    raise TriageInputError(f"{key} has the value {value!r}, which is not one of its answers.")


def flag(answers: Mapping[str, object], key: str) -> bool | None:
    """Return a yes or no given as a bool or as "yes" / "no"."""
    value = answers.get(key)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value in YES_NO:
        return YES_NO[value]
    raise TriageInputError(f"{key} must be yes or no, not {value!r}.")


def number(answers: Mapping[str, object], key: str) -> Decimal | None:
    """Return a number given as an int, a Decimal, a float or its text."""
    value = answers.get(key)
    if value is None:
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(value, bool) or not found.is_finite():
        raise TriageInputError(f"{key} must be a number, not {value!r}.")
    return found


def amount(answers: Mapping[str, object], key: str) -> Amount | None:
    """Return an amount in mg or mL; a bare number is one whose unit nobody said."""
    value = answers.get(key)
    found = amount_of(value) if isinstance(value, str) else None
    if found is not None:
        return found
    bare = number(answers, key)
    return None if bare is None else Amount(bare)


def whole(answers: Mapping[str, object], key: str, low: int, high: int) -> int | None:
    """Return a whole number from ``low`` to ``high``; anything else raises."""
    value = answers.get(key)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise TriageInputError(f"{key} must be a whole number from {low} to {high}, not {value!r}.")


def chosen(
    answers: Mapping[str, object], key: str, allowed: Iterable[str]
) -> frozenset[str] | None:
    """Return what was ticked in a multi-select, or None if it was not answered."""
    value = answers.get(key)
    if value is None:
        return None
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise TriageInputError(f"{key} must be a list of answers, not {value!r}.")
    ticked = frozenset(str(each) for each in value)
    strange = sorted(ticked.difference(allowed))
    if strange:
        raise TriageInputError(f"{key} holds {strange[0]!r}, which is not one of its answers.")
    return ticked or None


def words(answers: Mapping[str, object], key: str) -> str | None:
    """Return free text, a list of lines joined, or None if it was not given."""
    value = answers.get(key)
    if isinstance(value, (list, tuple)):
        return "\n".join(str(each) for each in value)
    return None if value is None or isinstance(value, bool) else str(value)
