"""When a record's years are over. Plain Python: no tables, no clock.

The lower limits and the usual numbers are [proposal]: laws differ by place, and a clinic must set
more where its own law asks for more. They keep to the longest of what was at hand: 42 CFR
482.24(b)(1) asks US hospitals for 5 years, the NHS Records Management Code for 8 years after an
adult was last seen and for a child's record until the 25th birthday.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

ADULT_AGE: Final = 18


class Kind(StrEnum):
    """What a record is, for the clinic's rules."""

    ADULT = "adult"
    MINOR = "minor"
    DECEASED = "deceased"


SHORTEST_YEARS: Final[Mapping[Kind, int]] = {Kind.ADULT: 8, Kind.MINOR: 7, Kind.DECEASED: 8}
USUAL_YEARS: Final[Mapping[Kind, int]] = {Kind.ADULT: 10, Kind.MINOR: 10, Kind.DECEASED: 10}
LONGEST_YEARS: Final = 100


def kind_of(*, born_on: date, last_on: date, deceased: bool) -> Kind:
    """Return the kind of a record: a death counts before the age at the last entry."""
    if deceased:
        return Kind.DECEASED
    return Kind.MINOR if last_on < birthday(born_on, ADULT_AGE) else Kind.ADULT


def due_on(*, kind: Kind, born_on: date, last_on: date, years: Mapping[Kind, int]) -> date:
    """Return the first day on which the record may go.

    `last_on` is the day of its last entry. A minor's years begin at the 18th birthday, and such a
    record is kept no shorter than an adult's.
    """
    end = birthday(last_on, years[kind])
    if kind is Kind.MINOR:
        grown = birthday(born_on, ADULT_AGE + years[Kind.MINOR])
        end = max(grown, birthday(last_on, years[Kind.ADULT]))
    return end


def birthday(day: date, years: int) -> date:
    """Return the same day so many years later; 1 March where 29 February does not exist."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
