"""Where the bars, lines and words of a plot go. Pure functions; a template draws them as SVG.

Drawn by the server: it prints, needs no script and no third party, and each mark says in
words what it means where a pointer rests on it. The same numbers stand in a table beside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

WIDTH: Final = 560
HEIGHT: Final = 190
BAR: Final = 26  # a lying bar, and the room it has
ROW: Final = 42
LABELS_AT_MOST: Final = 7
SMALL: Final = 2.5  # drawn for one to four where the number is not told


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of value at each place of a plot; None where nothing is known."""

    name: str
    kind: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Box:
    """One bar, or a part of one."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Label:
    """One word or number at the edge of a plot."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


@dataclass(slots=True)
class Plot:
    """Everything the template draws."""

    title: str
    boxes: list[Box] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    points: list[tuple[float, float, str, str]] = field(default_factory=list)
    grid: list[float] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT


def standing_bars(title: str, places: Sequence[str], series: Sequence[Series]) -> Plot:
    """Return bars over time, the kinds on top of each other."""
    sums = [sum(one.values[n] or 0 for one in series) for n in range(len(places))]
    top = round_up(max(sums, default=0))
    plot = framed(title, places, top, series)
    room = WIDTH / max(len(places), 1)
    for n, place in enumerate(places):
        low = 0.0
        for one in series:
            value = one.values[n] or 0
            if value:
                y, tall = HEIGHT * (1 - (low + value) / top), HEIGHT * value / top
                words = f"{place}: {amount(value)} {one.name}"
                plot.boxes.append(
                    Box(round(room * (n + 0.15), 1), round(y, 1), round(room * 0.7, 1),
                        round(tall, 1), one.kind, words)
                )  # fmt: skip
                low += value
    return plot


def lines(
    title: str, places: Sequence[str], series: Sequence[Series], top: float, unit: str = ""
) -> Plot:
    """Return lines over places; where a value is not known the line has a gap."""
    plot = framed(title, places, top, series, unit)
    room = WIDTH / max(len(places), 1)
    for one in series:
        run: list[tuple[float, float]] = []
        for n, value in enumerate([*one.values, None]):
            if value is None:
                if len(run) > 1:
                    plot.lines.append((" ".join(f"{x},{y}" for x, y in run), one.kind))
                run = []
                continue
            x, y = round(room * (n + 0.5), 1), round(HEIGHT * (1 - value / top), 1)
            run.append((x, y))
            words = f"{places[n]}: {one.name} {value:.3g}{unit}"
            plot.points.append((x, y, one.kind, words))
    return plot


def shares(
    title: str, rows: Sequence[tuple[str, Sequence[float]]], parts: Sequence[Series]
) -> Plot:
    """Return one lying bar per row, divided into its parts; `parts` names and colours them."""
    plot = Plot(title, height=ROW * len(rows), legend=[(part.name, part.kind) for part in parts])
    for n, (name, values) in enumerate(rows):
        whole, left = sum(values) or 1, 0.0
        plot.labels.append(Label(0, ROW * n + 10, name, "start"))
        for part, value in zip(parts, values, strict=True):
            if value:
                wide = WIDTH * value / whole
                words = f"{name}: {value:g} {part.name}"
                plot.boxes.append(
                    Box(round(left, 1), ROW * n + 15, round(wide, 1), BAR - 8, part.kind, words)
                )
                left += wide
    return plot


def amount(value: float) -> str:
    """Return a number in words; a small one that is not told stays untold."""
    return "fewer than 5" if value == SMALL else f"{value:g}"


def framed(
    title: str, places: Sequence[str], top: float, series: Sequence[Series], unit: str = ""
) -> Plot:
    """Return an empty plot with its grid, the numbers at the side and the places below."""
    plot = Plot(title, legend=[(one.name, one.kind) for one in series])
    for part in range(5):
        y = HEIGHT * part / 4
        plot.grid.append(y)
        if part % 2 == 0:
            value = top * (4 - part) / 4
            plot.labels.append(Label(-6, y + 4, f"{value:g}{unit}", "end"))
    room = WIDTH / max(len(places), 1)
    every = -(-len(places) // LABELS_AT_MOST) or 1
    for n in range(0, len(places), every):
        plot.labels.append(Label(round(room * (n + 0.5), 1), HEIGHT + 18, places[n]))
    return plot


def round_up(value: float) -> float:
    """Return the end of an axis whose quarters are round: the next of 4, 8, 20, 40, 80, 200 …"""
    step = 1
    while True:
        for first in (4, 8, 20):
            if value <= first * step:
                return first * step
        step *= 10
