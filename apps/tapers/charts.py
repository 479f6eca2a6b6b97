"""The falling dose as a line: points in a box, drawn by the server. Pure functions.

Milligrams of two drugs are never on one axis: each drug has a chart of its own, or where
symptoms are drawn beside them a line of its own, each against its own highest dose.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from apps.tapers.step_rows import StepRow
from apps.tapers.tablets import dose_words, drug_word

WIDTH: Final = 720
HEIGHT: Final = 160
TAIL: Final = timedelta(days=14)  # the last dose goes on; so much of it is drawn


# What the pace check says of a step that is marked, by its verdict.
MARKED: Final = {"block": "too fast", "warn": "faster than usual"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A step of the line that the pace check has something to say about."""

    number: int
    x: Decimal
    y: Decimal
    verdict: str
    words: str
    plan: str = ""


@dataclass(frozen=True, slots=True)
class DoseChart:
    """One drug's daily milligrams over the plan; `other` is another plan's line."""

    drug_id: str
    points: str
    top_mg: Decimal
    first: date
    last: date
    other: str = ""
    marks: tuple[Mark, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT


def dose_charts(rows: Sequence[StepRow], other: Sequence[StepRow] = ()) -> list[DoseChart]:
    """Return a chart per drug, all on the same days; the table beside them has the numbers."""
    drugs = dict.fromkeys(drug for row in (*rows, *other) for drug in row.by_drug)
    first = min(row.start_on for row in (*rows, *other))
    last = max(row.start_on for row in (*rows, *other)) + TAIL
    charts = []
    for drug in drugs:
        doses = [row.by_drug.get(drug, Decimal(0)) for row in (*rows, *other)]
        top = max(doses) or Decimal(1)
        charts.append(
            DoseChart(
                drug_id=drug,
                points=line(rows, drug, top, first, last),
                top_mg=top,
                first=first,
                last=last,
                other=line(other, drug, top, first, last),
                marks=(
                    *marks_of(rows, drug, top, first, last, "B" if other else ""),
                    *marks_of(other, drug, top, first, last, "A"),
                ),
            )
        )
    return charts


def marks_of(
    rows: Sequence[StepRow], drug: str, top: Decimal, first: date, last: date, plan: str
) -> list[Mark]:
    """Return where the line of a drug falls too fast, or faster than usual; `plan` names it."""
    return [
        Mark(
            row.number,
            x_of(row.start_on, first, last),
            y_of(row.by_drug.get(drug, Decimal(0)), top),
            row.verdict,
            f"{plan} step {row.number}, {row.start}: {MARKED[row.verdict]}".strip(),
            plan,
        )
        for before, row in pairwise(rows)
        if row.verdict in MARKED and row.by_drug.get(drug, 0) < before.by_drug.get(drug, 0)
    ]


def x_of(day: date, first: date, last: date) -> Decimal:
    """Return where a day stands."""
    return round((day - first).days * WIDTH / Decimal((last - first).days), 1)


def y_of(mg: Decimal, top: Decimal) -> Decimal:
    """Return where a dose stands."""
    return round((1 - mg / top) * HEIGHT, 1)


@dataclass(frozen=True, slots=True)
class DoseLine:
    """One drug's stair among other lines; its top is its own highest dose drawn."""

    drug_id: str
    points: str
    top_mg: Decimal

    @property
    def top(self) -> str:
        """The highest dose in words, as the axis or the key says it."""
        return dose_words({self.drug_id: self.top_mg})

    @property
    def name(self) -> str:
        """The drug's name."""
        return drug_word(self.drug_id)


def dose_lines(
    doses: Sequence[tuple[date, Mapping[str, Decimal]]], last: date, *,
    x_of: Callable[[date], float], height: int,
) -> list[DoseLine]:  # fmt: skip
    """Return a stair per drug from the days on which doses begin, drawn until `last`.

    A drug that is not taken on a day is at 0; without any dose there is no line.
    """
    lines = []
    for drug in dict.fromkeys(drug for _, taken in doses for drug in taken):
        stair = [(day, taken.get(drug, Decimal(0))) for day, taken in doses]
        top = max(mg for _, mg in stair)
        points: list[tuple[float, float]] = []
        for day, mg in stair:
            x, y = x_of(day), float(round((1 - mg / top) * height, 1)) if top else float(height)
            if points and points[-1][1] != y:
                points.append((x, points[-1][1]))
            if not points or points[-1][1] != y:
                points.append((x, y))
        points.append((x_of(last), points[-1][1]))
        lines.append(DoseLine(drug, joined(points), top))
    return lines


def joined(points: Iterable[tuple[float, float]]) -> str:
    """Return points as a polyline holds them."""
    return " ".join(f"{x},{y}" for x, y in points)


def line(rows: Sequence[StepRow], drug: str, top: Decimal, first: date, last: date) -> str:
    """Return one plan's doses of a drug as the points of a stair."""
    points: list[tuple[Decimal, Decimal]] = []
    for row in rows:
        x, y = x_of(row.start_on, first, last), y_of(row.by_drug.get(drug, Decimal(0)), top)
        if points:
            points.append((x, points[-1][1]))
        points.append((x, y))
    if points:
        points.append((Decimal(WIDTH), points[-1][1]))
    return " ".join(f"{x},{y}" for x, y in points)
