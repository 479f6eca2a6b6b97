"""When a record's years are over. Plain Python: no tables, no clock.

Every number is [proposal]: laws differ by place, and a clinic must set more where its own law asks
for more. What they were taken from, as read on 2026-11-23:

- adults, no less than 8: England's Records Management Code of Practice (NHS, 2021, appendix II), by
  the summary of the Medical Defence Union; more than 42 CFR 482.24(b)(1), 5 years for US
  hospitals, and 8 NYCRR 29.2, 6 years for physicians in New York;
- under 18, no less than 7 after the 18th birthday: the same Code, to the 25th birthday, or the 26th
  of who was 17, which the adults' 8 years give; New York asks for 6 years and the 22nd birthday;
- deceased, no less than 8: no source at hand names it for a clinic; the adults' number;
- offered at first, 10 for all: 42 CFR 422.504(d), the contracts of Medicare Advantage, read in a
  summary of it and not in the Code of Federal Regulations itself;
- at most 100: no source; it only catches a slip of the finger.

The same English Code keeps records of mental health services for 20 years after treatment and 10
after a death: a service that falls under it must set that. A lawyer of each clinic decides.
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
