"""What is measured: each measurement registers itself here under the name of its promise.

Another module of this folder adds one with `@measures("board")` on a function that takes
the stage and returns one `Figure` per name; `__main__` imports every module by itself.
"""

import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.stage import Stage


@dataclass(frozen=True)
class Figure:
    """One measured number beside what it must be and what it aims at."""

    name: str
    value: float
    unit: str
    must: float
    aim: float
    higher_is_better: bool
    conditions: str

    @property
    def verdict(self) -> str:
        """Return `aim`, `must` or `MISSED`."""

        def reaches(bar: float) -> bool:
            return self.value >= bar if self.higher_is_better else self.value <= bar

        return "aim" if reaches(self.aim) else "must" if reaches(self.must) else "MISSED"


Measure = Callable[[Stage], list[Figure]]
MEASURES: dict[tuple[str, ...], Measure] = {}


def measures(*names: str) -> Callable[[Measure], Measure]:
    """Register a measurement under the names of the figures that it returns."""

    def register(measure: Measure) -> Measure:
        MEASURES[names] = measure
        return measure

    return register


def machine() -> str:
    """Return what the figures were measured on."""
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, load {load:.1f} before"
    )


def table(figures: list[Figure]) -> str:
    """Return the figures as lines for a person."""
    lines = [f"{'measurement':<28}{'value':>10}  {'unit':<8}{'must':>8}{'aim':>8}  reached"]
    for figure in figures:
        lines.append(
            f"{figure.name:<28}{figure.value:>10.4g}  {figure.unit:<8}"
            f"{figure.must:>8g}{figure.aim:>8g}  {figure.verdict}"
        )
        lines.append(f"    {figure.conditions}")
    return "\n".join(lines)


def write_json(figures: list[Figure]) -> Path:
    """Write bench.json into the data folder; figures of an earlier run by other names stay."""
    folder = Path(os.environ.get("GLIDEPATH_DATA", ".data"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bench.json"
    old = json.loads(path.read_text()) if path.exists() else []
    names = {figure.name for figure in figures}
    kept = [row for row in old if row["name"] not in names]
    path.write_text(json.dumps([*kept, *map(asdict, figures)], indent=2) + "\n")
    return path
