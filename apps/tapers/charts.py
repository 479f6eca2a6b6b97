"""The falling dose as a line: points in a box, drawn by the server. Pure functions.

Milligrams of two drugs are never on one axis: each drug has a chart of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from apps.tapers.step_rows import StepRow

WIDTH: Final = 720
HEIGHT: Final = 160
TAIL: Final = timedelta(days=14)  # the last dose goes on; so much of it is drawn


@dataclass(frozen=True, slots=True)
class DoseChart:
    """One drug's daily milligrams over the plan; `other` is another plan's line."""

    drug_id: str
    points: str
    top_mg: Decimal
    first: date
    last: date
    other: str = ""
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
            )
        )
    return charts


def line(rows: Sequence[StepRow], drug: str, top: Decimal, first: date, last: date) -> str:
    """Return one plan's doses of a drug as the points of a stair."""
    span = Decimal((last - first).days)
    points: list[tuple[Decimal, Decimal]] = []
    for row in rows:
        x = round((row.start_on - first).days * WIDTH / span, 1)
        y = round((1 - row.by_drug.get(drug, Decimal(0)) / top) * HEIGHT, 1)
        if points:
            points.append((x, points[-1][1]))
        points.append((x, y))
    if points:
        points.append((Decimal(WIDTH), points[-1][1]))
    return " ".join(f"{x},{y}" for x, y in points)
