"""How a patient has been, beside the doses they took: points for a picture, rows for a table.

Pure functions over rows already fetched. Only steps that have begun count: what the
calendar promised and a hold stopped was never taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

WIDTH: Final = 300
HEIGHT: Final = 160
MOST_POINTS: Final = 40  # ten questions of 0 to 4
WEEKS: Final = 12


@dataclass(frozen=True, slots=True)
class Dose:
    """A dose from this day on."""

    start_on: date
    daily_mg: Decimal


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One check-in: its points of 40 and the dose of that day, None before the plan."""

    day: date
    points: int
    daily_mg: Decimal | None


@dataclass(frozen=True, slots=True)
class Picture:
    """Two lines in a box of `WIDTH` by `HEIGHT`, and the days at which a step began."""

    score: str
    dose: str
    marks: list[str]
    first: date
    last: date
    top_mg: Decimal


def dose_on(day: date, doses: Sequence[Dose]) -> Decimal | None:
    """Return the daily dose of a day; `doses` in the order of their days."""
    begun = [dose.daily_mg for dose in doses if dose.start_on <= day]
    return begun[-1] if begun else None


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

    def x(day: date) -> float:
        return round(max((day - begin).days, 0) * WIDTH / span, 1)

    points = [
        (x(day), round((1 - score / MOST_POINTS) * HEIGHT, 1))
        for day, score in sorted(scores)
        if begin <= day <= today
    ]
    top = max((dose.daily_mg for dose in doses), default=Decimal(0)) or Decimal(1)
    return Picture(
        score=joined(points),
        dose=joined(stairs(doses, begin, today, x_of=x, top=top)),
        marks=[str(x(dose.start_on)) for dose in doses[1:] if begin < dose.start_on <= today],
        first=begin,
        last=today,
        top_mg=top,
    )


def stairs(
    doses: Sequence[Dose], begin: date, today: date, *, x_of: object, top: Decimal
) -> list[tuple[float, float]]:
    """Return the dose as stairs from `begin` to `today`."""
    line: list[tuple[float, float]] = []
    for dose in (dose for dose in doses if dose.start_on <= today):
        place = x_of(max(dose.start_on, begin))  # type: ignore[operator]
        height = float(round((1 - dose.daily_mg / top) * HEIGHT, 1))
        if line:
            line.append((place, line[-1][1]))
        line.append((place, height))
    if line:
        line.append((x_of(today), line[-1][1]))  # type: ignore[operator]
    return line


def joined(points: Sequence[tuple[float, float]]) -> str:
    """Return points as a polyline holds them."""
    return " ".join(f"{x},{y}" for x, y in points)
