"""What a clinic's work came to in a period: sums of day counts, put into words and plots.

Reads only, one query, whatever the size of the clinic. No patient is named. A share or a
mean of fewer than five says nothing and is left out; so is, unless the reader wants it, a
number of one to four of one kind, by which somebody might be recognised, and whatever it could
be worked out from: sums that hold one are rounded, bars are drawn without their number.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from apps.alerts.models import LEVEL_LABELS
from apps.dashboard import plots
from apps.dashboard.counting import BEFORE_STEP, BOUNDS, LONGER, WEEKS_AFTER
from apps.dashboard.models import ClinicDay, PatientState
from apps.dashboard.plots import Plot, Series
from apps.patients.models import Clinic, RiskProfile
from apps.tapers.models import PlanVersion

FEWEST: Final = 5
HIDDEN: Final = "<5"
TOO_FEW: Final = "too few"
UNTOLD: Final = "hidden"
BY_DAY_AT_MOST: Final = 31  # days; longer periods are drawn by week
WAITS: Final = {
    **{str(b): f"{b} min" if b < 60 else f"{b // 60} h" for b in BOUNDS},
    LONGER: "longer",
}
TIERS: Final = {**dict(RiskProfile.Tier.choices), "": "Not known"}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of words and numbers under their heads; the first cell of a row names it."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Section:
    """One question with its answer: a sentence, a plot, the numbers, what they mean."""

    key: str
    title: str
    lead: str
    table: Table
    plot: Plot | None = None
    by_time: Table | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A day or a week of the period, and what happened in it."""

    name: str
    counts: Counter[str]


@dataclass(slots=True)
class Overview:
    """Everything the page shows."""

    first: date
    last: date
    counted_at: datetime | None
    missing: int
    sections: list[Section] = field(default_factory=list)


def overview_of(clinic: Clinic, first: date, last: date, *, show_small: bool) -> Overview:
    """Return the overview of the days from `first` to `last`. One query."""
    days = list(ClinicDay.objects.filter(clinic=clinic, day__gte=first, day__lte=last))
    total: Counter[str] = sum((Counter(day.counts) for day in days), Counter())
    spans = spans_of(days, first, last)
    standing = next((day for day in reversed(days) if day.standing is not None), None)
    found = Overview(
        first, last,
        counted_at=max((day.counted_at for day in days), default=None),
        missing=(last - first).days + 1 - len(days),
    )  # fmt: skip
    found.sections = [
        section_of_standing(standing, show_small=show_small),
        section_of_plans(total, spans, show_small=show_small),
        section_of_holds(total, spans, show_small=show_small),
        section_of_alerts(total, show_small=show_small),
        section_of_check_ins(total, spans, show_small=show_small),
        section_of_course(total, show_small=show_small),
    ]
    return found


def spans_of(days: Sequence[ClinicDay], first: date, last: date) -> list[Span]:
    """Return the days of a short period, the weeks of a longer one."""
    size = 1 if (last - first).days < BY_DAY_AT_MOST else 7
    found: list[Counter[str]] = [Counter() for _ in range((last - first).days // size + 1)]
    for day in days:
        found[(day.day - first).days // size].update(day.counts)
    return [
        Span(f"{first + timedelta(days=n * size):%-d %b}", counts) for n, counts in enumerate(found)
    ]


def is_small(number: float) -> bool:
    """Answer whether a number is one by which somebody might be recognised."""
    return 0 < number < FEWEST


def told(number: int, *, show_small: bool) -> object:
    """Return a number, or that it is too small to be told."""
    return HIDDEN if is_small(number) and not show_small else number


def sum_of(parts: Sequence[int], *, show_small: bool) -> object:
    """Return a sum as it may be told: rounded where it would give away a part."""
    whole = sum(parts)
    if show_small or not any(map(is_small, parts)):
        return whole
    return HIDDEN if whole < FEWEST else f"about {5 * round(whole / 5)}"


def masked(cells: Sequence[int], *, show_small: bool) -> list[object]:
    """Return a row of patients with its sum; small numbers hidden unless they are wanted."""
    row = [told(cell, show_small=show_small) for cell in cells]
    return [*row, sum_of(cells, show_small=show_small)]


def sum_over(spans: Sequence[Span], *keys: str, show_small: bool) -> object:
    """Return how often something happened in the whole period, as it may be told."""
    parts = [span.counts[key] for span in spans for key in keys]
    return sum_of(parts, show_small=show_small)


def by_time(spans: Sequence[Span], names: dict[str, str], *, show_small: bool) -> Table:
    """Return the numbers of some counts, a row per day or week."""
    rows = [
        [span.name, *(told(span.counts[key], show_small=show_small) for key in names)]
        for span in spans
    ]
    return Table(["From", *names.values()], rows)


def stacked(
    title: str, spans: Sequence[Span], names: dict[str, str], *, show_small: bool
) -> Plot | None:
    """Return the bars of some counts over time; nothing to draw is None."""

    def drawn(number: int) -> float:
        return plots.SMALL if is_small(number) and not show_small else number

    series = [
        Series(name.lower(), f"p{n}", [drawn(span.counts[key]) for span in spans])
        for n, (key, name) in enumerate(names.items(), start=1)
    ]
    if not any(any(one.values) for one in series):
        return None
    return plots.standing_bars(title, [span.name for span in spans], series)


def share(part: float, whole: float) -> str:
    """Return a share in words, or that there are too few to speak of one."""
    return f"{100 * part / whole:.0f} %" if whole >= FEWEST else TOO_FEW


def section_of_standing(day: ClinicDay | None, *, show_small: bool) -> Section:
    """Return where the patients are now, by seizure risk."""
    standing = (day.standing if day else None) or {}
    grid = {
        stage: [standing.get(f"{stage.value}:{tier}", 0) for tier in TIERS]
        for stage in PatientState.Stage
    }
    used = [(stage.label, cells) for stage, cells in grid.items() if any(cells)]
    rows = [[name, *masked(cells, show_small=show_small)] for name, cells in used]
    if used:
        columns = [*zip(*(cells for _, cells in used), strict=True)]
        everybody = [cell for _, cells in used for cell in cells]
        # A sum is shown as its column is: exact, it would give away the one that is hidden.
        sums = [sum_of(cells, show_small=show_small) for cells in [*columns, everybody]]
        rows.append(["All", *sums])
    lead = f"On {day.day:%-d %b %Y}." if day else "Not counted yet."
    return Section(
        "standing", "Patients by stage and seizure risk", lead,
        Table(["Where they are", *TIERS.values(), "All"], rows),
        note="" if show_small else (
            "Numbers of one to four are hidden on this page, in plots too, and sums that would "
            "give them away are rounded to five: it can be passed on."
        ),
    )  # fmt: skip


def section_of_plans(total: Counter[str], spans: Sequence[Span], *, show_small: bool) -> Section:
    """Return how many plans were begun, came to their goal, and ended."""
    names = {
        "begun": "Plans begun", "reached:zero": "Reached zero",
        "reached:goal": "Reached a goal above zero", "ended": "Plans ended",
    }  # fmt: skip
    sums = {key: sum_over(spans, key, show_small=show_small) for key in names}
    reached = sum_over(spans, "reached:zero", "reached:goal", show_small=show_small)
    registered = told(total["registered"], show_small=show_small)
    drawn = dict(list(names.items())[:3])
    return Section(
        "plans", "Plans begun and completed",
        f"{sums['begun']} begun, {reached} reached their goal, {registered} patients registered.",
        Table(["In this period", "Number"], [[name, sums[key]] for key, name in names.items()]),
        plot=stacked("Plans by day or week", spans, drawn, show_small=show_small),
        by_time=by_time(spans, names, show_small=show_small),
        note="A goal counts on the day its dose began. A plan is ended by a person, afterwards.",
    )  # fmt: skip


def section_of_holds(total: Counter[str], spans: Sequence[Span], *, show_small: bool) -> Section:
    """Return how often the way down stopped, turned or slowed."""
    kinds = PlanVersion.Kind
    names = {
        "held:report": "Held: a report asked for it",
        "held:clock": "Held: the next step was not unlocked",
        f"decided:{kinds.HOLD.value}": "Held by a prescriber",
        f"decided:{kinds.STEP_BACK.value}": "Stepped back",
        f"decided:{kinds.SLOW.value}": "Slowed down",
        f"decided:{kinds.STOP.value}": "Stays at the dose",
    }
    cuts = total["cuts"]
    rows: list[list[object]] = []
    for key, name in names.items():
        number = sum_over(spans, key, show_small=show_small)
        # A rate with a decimal would give away a number that is hidden or rounded.
        rate = f"{100 * total[key] / max(cuts, 1):.1f}" if isinstance(number, int) else UNTOLD
        rows.append([name, number, rate if cuts >= FEWEST else TOO_FEW])
    begun = sum_over(spans, "cuts", show_small=show_small)
    return Section(
        "holds", "Holds and steps back", f"{begun} cuts began in this period.",
        Table(["What", "Number", "For 100 cuts"], rows),
        plot=stacked("Holds and decisions by day or week", spans, names, show_small=show_small),
        by_time=by_time(spans, {"cuts": "Cuts begun", **names}, show_small=show_small),
    )  # fmt: skip


def section_of_alerts(total: Counter[str], *, show_small: bool) -> Section:
    """Return how soon alerts were taken and acted on, against what the rules ask for."""
    rows: list[list[object]] = []
    bars: list[tuple[str, Sequence[float]]] = []
    for level, label in LEVEL_LABELS.items():
        opened = total[f"alerts:{level.value}:opened"]
        row: list[object] = [label, told(opened, show_small=show_small)]
        for name, words in (("taken", "taken"), ("acted", "acted on")):
            key = f"alerts:{level.value}:{name}"
            in_time, late = total[f"{key}:in_time"], total[f"{key}:late"]
            shares = [in_time, late, opened - in_time - late]
            telling = not show_small and any(map(is_small, [opened, *shares]))
            row += [
                TOO_FEW if telling else share(in_time, opened),
                middle(total, key, in_time + late),
            ]
            if opened and not telling:
                bars.append((f"{label}, {words}", shares))
        rows.append(row)
    parts_of_all = [total[f"alerts:{level.value}:opened"] for level in LEVEL_LABELS]
    number = sum_of(parts_of_all, show_small=show_small)
    parts = [
        Series("in time", "ok", []), Series("late", "late", []), Series("not yet", "wait", []),
    ]  # fmt: skip
    return Section(
        "alerts", "Alerts: taken and acted on in time",
        f"{number} alerts opened in this period.",
        Table(
            ["Level", "Opened", "Taken in time", "Half within", "Acted on in time", "Half within"],
            rows,
        ),
        plot=plots.shares("Alerts taken and acted on in time", bars, parts) if bars else None,
        note="In time is, for taking, before the ladder goes on to the next person: 5 minutes for "
        "an emergency, the rule's response time for the others; for acting, the response time.",
    )  # fmt: skip


def middle(total: Counter[str], key: str, whole: int) -> str:
    """Return the group of waiting times that the middle one is in."""
    if whole < FEWEST:
        return TOO_FEW
    below = 0
    for group, words in WAITS.items():
        below += total[f"{key}:within:{group}"]
        if 2 * below >= whole:
            return words
    return WAITS[LONGER]


def section_of_check_ins(
    total: Counter[str], spans: Sequence[Span], *, show_small: bool
) -> Section:
    """Return how many of the check-ins that were due came."""
    due = total["due:answered"] + total["due:missed"]
    whole = sum_over(spans, "due:answered", "due:missed", show_small=show_small)
    due_told = f"{whole:,}" if isinstance(whole, int) else whole
    values = [adherence(span.counts, show_small=show_small) for span in spans]
    drawn = [Series("answered", "p1", values)]
    places = [span.name for span in spans]
    names = {"check_ins": "Check-ins", "due:answered": "Answered", "due:missed": "Missed"}
    table = by_time(spans, names, show_small=show_small)
    rows = [
        [*row, "–" if value is None else f"{value:.0f} %"]
        for row, value in zip(table.rows, values, strict=True)
    ]
    words = {"due:answered": "Due and answered", "due:missed": "Due and missed",
             "check_ins": "Check-ins in all"}  # fmt: skip
    sums = [[name, sum_over(spans, key, show_small=show_small)] for key, name in words.items()]
    came = share(total["due:answered"], due)
    return Section(
        "check-ins", "Check-ins that were due and came",
        f"{came} of {due_told} due check-ins came." if due else "None was due.",
        Table(["In this period", "Number"], sums),
        plot=plots.lines("Share of due check-ins that came", places, drawn, 100, " %")
        if any(value is not None for value in values) else None,
        by_time=Table([*table.heads, "Share"], rows),
        note="Windows that are still open, and days on which a patient was left in peace, do not "
        "count.",
    )  # fmt: skip


def adherence(counts: Counter[str], *, show_small: bool) -> float | None:
    """Return the share of due check-ins that came, in per cent; None of too few.

    Where one of its two parts is hidden, the share is given to the next five per cent.
    """
    parts = [counts["due:answered"], counts["due:missed"]]
    if sum(parts) < FEWEST:
        return None
    value = 100 * parts[0] / sum(parts)
    return value if show_small or not any(map(is_small, parts)) else 5.0 * round(value / 5)


def section_of_course(total: Counter[str], *, show_small: bool) -> Section:
    """Return the mean score in each week around the beginning of a cut."""
    weeks = {BEFORE_STEP: "Week before"} | {str(n): f"Week {n}" for n in range(1, WEEKS_AFTER + 1)}
    steps = {key: int(total[f"course:{key}:steps"]) for key in weeks}
    means = {
        key: total[f"course:{key}:sum"] / number if number >= FEWEST else None
        for key, number in steps.items()
    }
    rows = [
        [
            name,
            told(steps[key], show_small=show_small),
            TOO_FEW if (mean := means[key]) is None else f"{mean:.1f}",
        ]
        for key, name in weeks.items()
        if steps[key]
    ]
    known = [mean for mean in means.values() if mean is not None]
    top = plots.round_up(max(known, default=0))
    drawn = [Series("mean score", "p1", list(means.values()))]
    names = ["before", *(f"week {n}" for n in range(1, WEEKS_AFTER + 1))]
    return Section(
        "course", "Symptoms week by week after a cut",
        "The mean score (0 to 40) of a patient's check-ins in each week, over all cuts."
        if rows else "No week after a cut has ended in this period.",
        Table(["Week after the cut", "Cuts", "Mean score"], rows),
        plot=plots.lines("Mean score by week after a cut", names, drawn, top) if known else None,
        note="A week counts when it ended before the next step began. Later weeks are those of "
        "patients who stayed longer at their step, so weeks are not one group followed over time.",
    )  # fmt: skip
