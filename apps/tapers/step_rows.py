"""The steps of a plan as a table shows them to staff: every cell said once, in Python.

A table of two years has fifty rows and is drawn at each keystroke of the builder, so the
template only prints. Steps come as rows of the database or as the engine's JSON.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from apps.clinical.doses import plain
from apps.clinical.equivalence import diazepam_equivalents
from apps.clinical.plan import SLOT_ORDER
from apps.tapers.models import TaperStep
from apps.tapers.repeated import brief_of, folded
from apps.tapers.tablets import Portion, dose_words

SOURCE_NAMES: Final = {"vadod": "VA/DoD", "ashton_low": "Ashton", "ashton_high": "Ashton high"}
COMPACT_ROWS: Final = 5


@dataclass(frozen=True)
class StepRow:
    """One step, ready to print."""

    number: int
    start_on: date
    end_on: date | None
    tablets: SafeString
    dose: str
    typed: str
    daily_mg: Decimal
    bar: str
    equivalents: list[tuple[str, str]]
    cut_pct: str
    fall_14d_pct: str
    verdict: str
    is_now: bool
    by_drug: dict[str, Decimal]
    findings: list[Mapping[str, Any]] = field(default_factory=list)
    brief: str = ""
    no_end: str = "goal"

    @property
    def key(self) -> str:
        """The number as text: a template would write an integer by the locale, each time."""
        return str(self.number)

    @property
    def pace(self) -> SafeString:
        """The verdict with its icon."""
        return pace_chip(self.verdict)

    @property
    def start(self) -> str:
        """The first day in words."""
        return day_words(self.start_on)

    @property
    def end(self) -> str:
        """The last day in words; for the last step whether it is the goal or only goes on."""
        return day_words(self.end_on) if self.end_on else self.no_end


def step_rows(
    steps: Iterable[Any],
    findings: Iterable[Mapping[str, Any]] | None = None,
    current: Any = None,
) -> list[StepRow]:
    """Return the rows of a plan; `current` is the step in force today, if any.

    Steps are rows of the database, the engine's JSON, or rows made before.
    """
    steps = list(steps)
    if steps and isinstance(steps[0], StepRow):
        return steps
    by_step: dict[Any, list[Mapping[str, Any]]] = {}
    kept, _ = folded(findings or ())
    for item in kept:
        by_step.setdefault(item["step"], []).append(item)
    stays = set(map(id, kept))
    brief = {item["step"]: brief_of(item) for item in findings or () if id(item) not in stays}
    rows: list[StepRow] = []
    now, first = getattr(current, "number", None), dict[tuple[str, ...], Decimal]()
    found = [json_row(step) if isinstance(step, Mapping) else stored_row(step) for step in steps]
    named = len({drug for row in found for drug in row["by_drug"]}) > 1
    for row in found:
        whole = first.setdefault(tuple(row["by_drug"]), row["daily_mg"])
        rows.append(
            StepRow(
                **row,
                dose=dose_cell(row["by_drug"], named=named),
                bar=bar_of(row["daily_mg"], whole) if len(row["by_drug"]) == 1 else "",
                is_now=row["number"] == now,
                findings=by_step.get(row["number"], []),
                brief=brief.get(row["number"], ""),
            )
        )
    return rows


def near(rows: Sequence[StepRow], current: Any) -> Sequence[StepRow]:
    """Return the step in force and the next few, for a narrow table."""
    first = getattr(current, "number", 1)
    return [row for row in rows if first <= row.number < first + COMPACT_ROWS]


def json_row(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of a step as the engine prints it."""
    slots = tuple(
        (slot, tuple((part["product"], part["quantity"]) for part in parts))
        for slot, parts in step["slots"].items()
    )
    by_drug = {drug: Decimal(mg) for drug, mg in step["by_drug"].items()}
    end_on = date.fromisoformat(step["end_on"]) if step["end_on"] else None
    return cells(step["number"], date.fromisoformat(step["start_on"]), end_on, slots, by_drug) | {
        "daily_mg": Decimal(step["daily_mg"]),
        "cut_pct": percent(step["cut_pct"]),
        "fall_14d_pct": percent(step["fall_14d_pct"]),
        "verdict": step["verdict"],
    }


def stored_row(step: TaperStep) -> dict[str, Any]:
    """Return the cells of a stored step, fetched with its pieces."""
    by_slot, by_drug = step.by_slot, step.by_drug
    slots = tuple(
        (slot, tuple((piece.product, plain(piece.quantity)) for piece in by_slot[slot]))
        for slot in sorted(by_slot, key=SLOT_ORDER.index)
    )
    return cells(step.number, step.start_on, step.end_on, slots, by_drug) | {
        "daily_mg": step.daily_mg,
        "cut_pct": percent(step.cut_pct),
        "fall_14d_pct": percent(step.fall_14d_pct),
        "verdict": step.verdict,
        "no_end": no_end_of(step),
    }


def no_end_of(step: TaperStep) -> str:
    """Return what a step without a last day is: a plan that was left has not come to its goal."""
    if step.end_on:
        return ""
    course = step.version.course
    return "goes on" if course.get("stopped") else "on hold" if course.get("held") else "goal"


def cells(
    number: int, start_on: date, end_on: date | None, slots: Any, by_drug: dict[str, Decimal]
) -> dict[str, Any]:
    """Return what both kinds of steps share."""
    return {
        "number": number, "start_on": start_on, "end_on": end_on, "tablets": tablets(slots),
        "typed": typed_dose(by_drug), "by_drug": by_drug, "equivalents": equivalents(by_drug),
    }  # fmt: skip


@lru_cache(maxsize=4096)
def tablets(slots: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> SafeString:
    """Return the tablets of each time of day; a liquid is measured, a tablet is counted."""
    lines = [
        (slot.capitalize(), format_html_join(SafeString("<br>"), "<b>{}</b>{}", map(amount, parts)))
        for slot, parts in slots
        if parts
    ]
    if not lines:
        return SafeString('<span class="quiet">none</span>')
    return format_html_join(
        "", '<span class="slot"><span class="slot__name">{}</span><span>{}</span></span>', lines
    )


def amount(part: tuple[str, str]) -> tuple[str, str]:
    """Return a quantity and what it is of, with no line break between a number and its unit."""
    product, quantity = part
    portion = Portion(product, Decimal(quantity), Decimal(0))
    name = product.replace(" mg", "\u00a0mg")
    if "mg/mL" in product:
        return f"{portion.count}\u00a0mL", f" of {name}"
    return portion.count, f"\u00a0× {name}"


@cache
def pace_chip(verdict: str) -> SafeString:
    """Return a verdict as it is shown; there are four of them."""
    return render_to_string("tapers/verdict.html", {"verdict": verdict})


def dose_cell(by_drug: Mapping[str, Decimal], *, named: bool) -> str:
    """Return a day's milligrams for a column that has them in its head."""
    return dose_words(by_drug, named=named).removesuffix(" mg")


def typed_dose(by_drug: Mapping[str, Decimal]) -> str:
    """Return a day's milligrams as they are typed: a number; of two drugs nothing."""
    return plain(sum(by_drug.values(), Decimal(0))) if len(by_drug) < 2 else ""


def equivalents(by_drug: Mapping[str, Decimal]) -> list[tuple[str, str]]:
    """Return a day's dose as milligrams of diazepam by every source, equal ones said once.

    Nothing when only diazepam is taken, and nothing of a source without a value for a drug.
    """
    if set(by_drug) <= {"diazepam"} or "" in by_drug:
        return []
    found = [diazepam_equivalents(drug, mg).by_source for drug, mg in by_drug.items()]
    sums = {
        source: sum(values[source] for values in found)
        for source in SOURCE_NAMES
        if all(source in values for values in found)
    }
    if sums.get("ashton_high") == sums.get("ashton_low"):
        sums.pop("ashton_high", None)
    return [
        (SOURCE_NAMES[source], plain(round(Decimal(mg.numerator) / mg.denominator, 1)))
        for source, mg in sums.items()
    ]


def percent(value: object) -> str:
    """Return a percentage without trailing zeros, a dash for none."""
    text = plain(Decimal(str(value)))
    return "–" if text == "0" else f"{text} %"


def bar_of(part: Decimal, whole: Decimal) -> str:
    """Return how many hundredths a dose is of the first one of its drug, to draw a bar."""
    return str(int(min(Decimal(100), 100 * part / whole))) if whole else ""


def day_words(day: date) -> str:
    """Return a day as "Tue 1 Dec 2026"."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def weeks_of(rows: Sequence[StepRow]) -> int:
    """Return the whole weeks from the first step to the last one's first day."""
    return (rows[-1].start_on - rows[0].start_on) // timedelta(weeks=1) if rows else 0
