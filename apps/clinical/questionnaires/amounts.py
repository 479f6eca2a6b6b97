"""An amount of medicine as a patient says it: a number, and mg or mL where it was said.

Stored as text with its unit, such as "0.6 mL". A number without one is what an old form asked,
or a unit that nobody tapped. Source: the check-in item list ("number, in mg or mL").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

MG, ML = "mg", "mL"
UNITS = (MG, ML)
NOT_SAID: Mapping[str, str] = {"en": "mg or mL not said", "es": "no se dijo si mg o mL"}

_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) (mg|mL)")
_LONGEST = 60  # letters; more is no amount, and costs no search
_TYPED = re.compile(r"(.*?)\s*(mg|ml)?(?:\s+(mg|ml))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Amount:
    """So many milligrams or millilitres; `unit` is None where nobody said which."""

    value: Decimal
    unit: str | None = None

    def __str__(self) -> str:
        return f"{self.value:f} {self.unit}" if self.unit else f"{self.value:f}"


def amount_of(stored: str) -> Amount | None:
    """Return a stored answer that has its unit, None for anything else."""
    found = _AMOUNT.fullmatch(stored)
    return Amount(Decimal(found[1]), found[2]) if found else None


def split_unit(typed: str) -> tuple[str, str | None] | None:
    """Return the number as typed and its unit, None where two different units are there.

    The unit may stand beside the number, be tapped, or both: "0.6 ml", "0.6 mL mL".
    """
    found = _TYPED.fullmatch(typed.strip()) if len(typed) <= _LONGEST else None
    if found is None:
        return typed, None
    named = {unit for part in found.groups()[1:] if part for unit in UNITS if same(unit, part)}
    if len(named) > 1:
        return None
    return found[1], next(iter(named), None)


def same(unit: str, typed: str) -> bool:
    """Answer whether a unit was typed, in whatever case."""
    return unit.casefold() == typed.casefold()


def amount_words(stored: object, language: str) -> str:
    """Return the answer as it was given; without its unit it says that nobody told it."""
    if isinstance(stored, str) and amount_of(stored):
        return stored
    return f"{stored} ({NOT_SAID[language]})"
