"""The trend of a stay as points in a box: pure, over rounds already fetched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from apps.clinical.scoring import CIWA_B_CONCEPTS, CIWA_B_ITEM_MAX
from apps.detox.models import Round
from apps.tapers.charts import joined

WIDTH: Final = 560
HEIGHT: Final = 160
TOP: Final = CIWA_B_ITEM_MAX * len(CIWA_B_CONCEPTS)
SEDATION_TOP: Final = 4


@dataclass(frozen=True, slots=True)
class Point:
    """One round on the chart, with what it says in words."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class StayChart:
    """CIWA-B totals as a line, sedation as a second one with its own scale at the right."""

    score: str
    scores: tuple[Point, ...]
    sedation: str
    sedations: tuple[Point, ...]
    first: Round
    last: Round
    top: int = TOP
    width: int = WIDTH
    height: int = HEIGHT


def chart_of(rounds: Sequence[Round]) -> StayChart | None:
    """Return the trend over the rounds in any order, None with fewer than two."""
    ordered = sorted(rounds, key=lambda row: row.at)
    if len(ordered) < 2:
        return None
    span = (ordered[-1].at - ordered[0].at).total_seconds() or 1

    def x_of(row: Round) -> float:
        return round((row.at - ordered[0].at).total_seconds() * WIDTH / span, 1)

    scores = tuple(
        Point(x_of(row), round((1 - row.score.total / TOP) * HEIGHT, 1),
              f"{row.at:%H:%M}: CIWA-B {row.score.total}, {row.score.band}")
        for row in ordered
        if row.score is not None
    )  # fmt: skip
    sedations = tuple(
        Point(x_of(row), round((1 - row.sedation / SEDATION_TOP) * HEIGHT, 1),
              f"{row.at:%H:%M}: sedation {row.sedation}")
        for row in ordered
    )  # fmt: skip
    return StayChart(
        joined([(p.x, p.y) for p in scores]), scores,
        joined([(p.x, p.y) for p in sedations]), sedations, ordered[0], ordered[-1],
    )  # fmt: skip
