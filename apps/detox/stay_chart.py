"""The trends of a stay as points in boxes, one box a measure: pure, over rounds already fetched.

No zone of a chart is called normal: the clinical files give no number for one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from apps.clinical.scoring import CIWA_B_CONCEPTS, CIWA_B_ITEM_MAX
from apps.detox.models import Round
from apps.tapers.charts import joined

WIDTH: Final = 300
HEIGHT: Final = 72
CIWA_B_TOP: Final = CIWA_B_ITEM_MAX * len(CIWA_B_CONCEPTS)
SEDATION_TOP: Final = 4
MARGIN: Final = 0.1  # of the span between lowest and highest, so that no point is cut off
Read = Callable[[Round], float | None]


@dataclass(frozen=True, slots=True)
class Point:
    """One round on the chart, with what it says in words."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a box with its points, and its name where a box has two."""

    name: str
    points: tuple[Point, ...]

    @property
    def joined(self) -> str:
        """The points as a polyline holds them."""
        return joined([(point.x, point.y) for point in self.points])


@dataclass(frozen=True, slots=True)
class Trend:
    """One measure over the stay: its lines, the scale at its left, the newest value in words."""

    name: str
    unit: str
    top: str
    bottom: str
    lines: tuple[Line, ...]
    newest: str


@dataclass(frozen=True, slots=True)
class StayChart:
    """Every measure that was taken at least once, over the same hours."""

    trends: tuple[Trend, ...]
    first: Round
    last: Round
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Measure:
    """What is drawn: name, unit, the lines and, where the scale is a fixed one, its top."""

    name: str
    unit: str
    reads: tuple[tuple[str, Read], ...]
    top: int | None = None


def total_of(row: Round) -> float | None:
    """Return the CIWA-B total of a round, None when it was not scored."""
    return row.score.total if row.score else None


def degrees_of(row: Round) -> float | None:
    """Return the temperature of a round, None when it was not taken."""
    return None if row.temp_c is None else float(row.temp_c)


MEASURES: Final = (
    Measure("CIWA-B", "0 to 80", (("", total_of),), CIWA_B_TOP),
    Measure("Sedation", "0 to 4", (("", lambda row: row.sedation),), SEDATION_TOP),
    Measure("Pulse", "a minute", (("", lambda row: row.pulse),)),
    Measure(
        "Blood pressure", "mmHg",
        (("upper", lambda row: row.systolic), ("lower", lambda row: row.diastolic)),
    ),
    Measure("Breaths", "a minute", (("", lambda row: row.breaths),)),
    Measure("SpO2", "percent", (("", lambda row: row.oxygen),)),
    Measure("Temperature", "°C", (("", degrees_of),)),
)  # fmt: skip


def chart_of(rounds: Sequence[Round], zone: tzinfo) -> StayChart | None:
    """Return the trends over the rounds in any order, None with fewer than two.

    What no round measured has no box. Times in words are those of `zone`.
    """
    ordered = sorted(rounds, key=lambda row: row.at)
    if len(ordered) < 2:
        return None
    found = (trend_of(measure, ordered, zone) for measure in MEASURES)
    return StayChart(tuple(each for each in found if each), ordered[0], ordered[-1])


def trend_of(measure: Measure, ordered: Sequence[Round], zone: tzinfo) -> Trend | None:
    """Return one box, None for what no round measured."""
    taken = [
        (name, [(row.at, value) for row in ordered if (value := read(row)) is not None])
        for name, read in measure.reads
    ]
    values = [value for _, rows in taken for _, value in rows]
    if not values:
        return None
    low, high = scale_of(measure, values)
    span = (ordered[-1].at - ordered[0].at).total_seconds() or 1

    def point(name: str, at: datetime, value: float) -> Point:
        local = at.astimezone(zone)
        words = f"{local.day} {local:%b %H:%M}: {measure.name} {name}".rstrip()
        x = (at - ordered[0].at).total_seconds() * WIDTH / span
        y = (high - value) / (high - low) * HEIGHT
        return Point(round(x, 1), round(y, 1), f"{words} {value:g}")

    lines = tuple(Line(name, tuple(point(name, *row) for row in rows)) for name, rows in taken)
    newest = "/".join(f"{rows[-1][1]:g}" for _, rows in taken if rows)
    return Trend(measure.name, measure.unit, f"{high:g}", f"{low:g}", lines, newest)


def scale_of(measure: Measure, values: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and highest value of a box: its fixed scale, or what was measured."""
    if measure.top is not None:
        return 0, measure.top
    margin = max((max(values) - min(values)) * MARGIN, 1)
    return int(min(values) - margin), int(max(values) + margin + 1)
