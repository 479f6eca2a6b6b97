"""How a patient has been, beside the doses they took: points for a picture, rows for a table.

Pure functions over rows already fetched. Only steps that have begun count: what the
calendar promised and a hold stopped was never taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from apps.tapers.charts import DoseLine, dose_lines, joined

WIDTH: Final = 300
HEIGHT: Final = 160
MOST_POINTS: Final = 40  # ten questions of 0 to 4
WEEKS: Final = 12


@dataclass(frozen=True, slots=True)
class Dose:
    """A dose from this day on: milligrams a day of each drug, and the same in words."""

    start_on: date
    by_drug: Mapping[str, Decimal]
    words: str


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One check-in: its points of 40 and the dose of that day, empty before the plan."""

    day: date
    points: int
    dose: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines in a box of `WIDTH` by `HEIGHT`, and the days at which a step began."""

    score: str
    doses: list[DoseLine]
    marks: list[str]
    first: date
    last: date


def dose_on(day: date, doses: Sequence[Dose]) -> str:
    """Return the dose of a day in words; `doses` in the order of their days."""
    begun = [dose.words for dose in doses if dose.start_on <= day]
    return begun[-1] if begun else ""


def rows_of(scores: Sequence[tuple[date, int]], doses: Sequence[Dose]) -> list[TrendRow]:
    """Return one row per check-in, newest first."""
    found = [TrendRow(day, points, dose_on(day, doses)) for day, points in scores]
    return sorted(found, key=lambda row: row.day, reverse=True)


def first_day(today: date, *, everything: bool) -> date:
    """Return the first day shown: twelve weeks ago, or the beginning."""
    return date.min if everything else today - timedelta(weeks=WEEKS)


def picture(
    scores: Sequence[tuple[date, int]], doses: Sequence[Dose], first: date, today: date
) -> Picture | None:
    """Return the picture from `first` to `today`, None with nothing to draw.

    `first` moves to the first check-in or step when that is later.
    """
    days = [day for day, _ in scores] + [dose.start_on for dose in doses]
    known = [day for day in days if first <= day <= today]
    if not known:
        return None
    held_before = any(dose.start_on < first for dose in doses)
    begin = first if held_before else min(known)
    span = max((today - begin).days, 1)

    def x_of(day: date) -> float:
        return round(max((day - begin).days, 0) * WIDTH / span, 1)

    points = [
        (x_of(day), round((1 - score / MOST_POINTS) * HEIGHT, 1))
        for day, score in sorted(scores)
        if begin <= day <= today
    ]
    begun = [(dose.start_on, dose.by_drug) for dose in doses if dose.start_on <= today]
    return Picture(
        score=joined(points),
        doses=dose_lines(begun, today, x_of=x_of, height=HEIGHT),
        marks=[str(x_of(dose.start_on)) for dose in doses[1:] if begin < dose.start_on <= today],
        first=begin,
        last=today,
    )
