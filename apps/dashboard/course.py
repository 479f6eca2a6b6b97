"""The chart of dose and symptoms: where each line, mark and word goes. Pure functions.

Drawn by the server as SVG: it prints, it needs no script, and what a mark means is read
out where a pointer or a finger rests on it. The same numbers stand in a table below.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from apps.clinical.triage import Level
from apps.dashboard.patient_history import Line, Plans
from apps.tapers.charts import DoseLine, dose_lines, joined
from apps.tapers.models import PlanVersion, TaperStep

WIDTH: Final = 760
HEIGHT: Final = 240
TOP_SCORE: Final = 40
WEEKS: Final = {"4": 4, "12": 12, "26": 26, "52": 52}
LONG: Final = timedelta(days=300)
LONGEST_DAYS: Final = 1_100


# What each sign looks like, as the path of an SVG around its place; all others are round.
TRIANGLE: Final = "M0 -6l6 11h-12z"
SIGNS: Final = {
    "missed": "M-2.5 -2.5l5 5m0 -5l-5 5",
    "version": "M0 -5l5 5l-5 5l-5 -5z",
    "step": "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0",
    **dict.fromkeys((level.value for level in Level), TRIANGLE),
}
DOT: Final = "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0"


@dataclass(frozen=True, slots=True)
class Mark:
    """One sign on the chart, with the words that explain it."""

    kind: str
    x: float
    y: float
    words: str

    @property
    def sign(self) -> str:
        """Its look, as the path of an SVG."""
        return SIGNS.get(self.kind, DOT)


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day of the table: what was to be taken and what was felt."""

    day: date
    dose: str
    score: int | None
    words: str


@dataclass(slots=True)
class Course:
    """Everything the template draws."""

    first: date
    last: date
    doses: list[DoseLine] = field(default_factory=list)
    score: str = ""
    marks: list[Mark] = field(default_factory=list)
    bands: list[tuple[float, float, str]] = field(default_factory=list)
    ticks: list[tuple[float, date]] = field(default_factory=list)
    rows: list[DayRow] = field(default_factory=list)
    begun: list[tuple[date, str]] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def is_long(self) -> bool:
        """Whether a day and a month alone could be of two years."""
        return self.last - self.first > LONG


def doses_by_day(
    plans: Plans, holds: Sequence[Line], zone: ZoneInfo, last: date
) -> dict[date, TaperStep]:
    """Return the step that was in force on each day since the first plan, by its version then.

    A hold keeps the step of the day before it for as long as it is open.
    """
    enacted = sorted(
        (version for version in plans.versions if getattr(version, "enactment", None)),
        key=lambda version: version.enactment.at,
    )
    spans = [local_span(hold, zone, last) for hold in holds]
    found: dict[date, TaperStep] = {}
    for place, version in enumerate(enacted):
        begin = version.enactment.at.astimezone(zone).date()
        end = (
            enacted[place + 1].enactment.at.astimezone(zone).date()
            if place + 1 < len(enacted)
            else last
        )
        begin = min(begin, first_day(plans.steps[version.pk], begin)) if place == 0 else begin
        for day in days_between(max(begin, last - timedelta(days=LONGEST_DAYS)), end):
            step = step_on(plans.steps[version.pk], version, day)
            yesterday = found.get(day - timedelta(days=1))
            if step and yesterday and any(a < day <= b for a, b in spans):
                step = yesterday if step.is_cut_after(yesterday) else step
            if step:
                found[day] = step
    return found


def first_day(steps: Sequence[TaperStep], otherwise: date) -> date:
    """Return the day the first step began."""
    return steps[0].start_on if steps else otherwise


def local_span(line: Line, zone: ZoneInfo, last: date) -> tuple[date, date]:
    """Return the first and last local day of something that lasted."""
    end = line.until.astimezone(zone).date() if line.until else last
    return line.at.astimezone(zone).date(), end


def days_between(first: date, last: date) -> Iterable[date]:
    """Return every day from the first to the last, both included."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def step_on(steps: Sequence[TaperStep], version: PlanVersion, day: date) -> TaperStep | None:
    """Return the last step of a version that had begun on a day, as far as the clock let it."""
    plan = version.plan
    limit = plan.begun_step if plan.in_force_id == version.pk else len(steps)
    begun = [step for step in steps if step.start_on <= day and step.number <= limit]
    return begun[-1] if begun else None


def course_of(
    plans: Plans, lines: Sequence[Line], check_ins: Sequence[Any], today: date, zone: ZoneInfo,
    weeks: int | None, missed: Sequence[date] = (),
) -> Course | None:  # fmt: skip
    """Return the chart of the last `weeks`, or of the whole time; None with nothing to draw.

    `missed` are the days on which a check-in was due and did not come.
    """
    doses = doses_by_day(plans, [line for line in lines if line.kind == "hold"], zone, today)
    scores: dict[date, int] = {}
    for row in check_ins:
        # Of several a day the worst: a calm evening hides no bad morning.
        if row.triage.dws is not None:
            day = row.received_at.astimezone(zone).date()
            scores[day] = max(row.triage.dws, scores.get(day, 0))
    days = [*doses, *scores]
    if not days:
        return None
    first = min(days) if weeks is None else max(min(days), today - timedelta(weeks=weeks))
    course = draw(first, today, doses, scores, lines, missed, zone)
    course.begun = steps_begun(doses)
    return course


def steps_begun(doses: dict[date, TaperStep]) -> list[tuple[date, str]]:
    """Return each day on which another dose began, with both doses in words."""
    found = []
    for day, step in doses.items():
        before = doses.get(day - timedelta(days=1))
        if before is None or before is step:
            continue
        if before.by_drug != step.by_drug:
            found.append((day, f"Step {step.number} began: {before.dose} to {step.dose}"))
    return found


def draw(
    first: date, last: date, doses: dict[date, TaperStep], scores: dict[date, int],
    lines: Sequence[Line], missed: Sequence[date], zone: ZoneInfo,
) -> Course:  # fmt: skip
    """Lay out lines, marks, bands and table of one stretch of time."""
    span = max((last - first).days, 1)
    course = Course(first=first, last=last)

    def at(day: date, share: float) -> tuple[float, float]:
        return round((day - first).days / span * WIDTH, 1), round((1 - share) * HEIGHT, 1)

    notes: dict[date, list[str]] = {}
    add_doses(course, doses, at, notes)
    shown = {day: dws for day, dws in scores.items() if day >= first}
    course.score = joined(at(day, dws / TOP_SCORE) for day, dws in sorted(shown.items()))
    for day, dws in sorted(shown.items()):
        course.marks.append(
            Mark("score", *at(day, dws / TOP_SCORE), f"{day:%-d %b %Y}: score {dws} of 40")
        )
    add_lines(course, lines, zone, at, notes)
    add_missed(course, missed, at, notes)
    add_ticks(course, at)
    course.rows = table(course, doses, shown, notes)
    return course


def add_doses(
    course: Course,
    doses: dict[date, TaperStep],
    at: Callable[[date, float], tuple[float, float]],
    notes: dict[date, list[str]],
) -> None:
    """Add a line per drug, and a mark on the day a dose begins, at the height of its first drug."""
    shown = sorted(day for day in doses if day >= course.first)
    if not shown:
        return
    yesterdays = {day: doses.get(day - timedelta(days=1)) for day in shown}
    changes = (day for day in shown[1:] if yesterdays[day] is not doses[day])
    taken = [(day, doses[day].by_drug) for day in (shown[0], *changes)]
    course.doses = dose_lines(taken, shown[-1], x_of=lambda day: at(day, 0)[0], height=HEIGHT)
    tops = {line.drug_id: line.top_mg for line in course.doses}
    for day, by_drug in taken:
        before = yesterdays[day]
        if before is None or before.by_drug == by_drug:
            continue
        drug = next(iter(by_drug), "")
        height = float(by_drug[drug] / tops[drug]) if by_drug else 0
        words = f"{day:%-d %b %Y}: {before.dose} to {doses[day].dose}"
        course.marks.append(Mark("step", *at(day, height), words))
        notes.setdefault(day, []).append("step")


def add_lines(
    course: Course, lines: Sequence[Line], zone: ZoneInfo, at: Any, notes: dict[date, list[str]]
) -> None:
    """Add alerts and changes of plan as marks, holds as bands."""
    for line in lines:
        day = line.at.astimezone(zone).date()
        if line.kind == "hold":
            begin, end = local_span(line, zone, course.last)
            if end >= course.first:
                left = at(max(begin, course.first), 0)[0]
                wide = max(at(end, 0)[0] - left, 3)
                until = f" to {end:%-d %b %Y}" if line.until else ""
                words = f"Held from {begin:%-d %b %Y}{until}"
                course.bands.append((left, round(wide, 1), words))
                notes.setdefault(begin, []).append("hold")
        elif day >= course.first and line.kind == "alert":
            course.marks.append(
                Mark(line.what, at(day, 0)[0], -10, f"{day:%-d %b %Y}: {line.what} alert")
            )
            notes.setdefault(day, []).append(f"{line.what} alert")
        elif day >= course.first and line.kind == "version":
            what = f"version {line.word}"
            course.marks.append(
                Mark("version", at(day, 0)[0], HEIGHT, f"{day:%-d %b %Y}: plan, {what}")
            )
            notes.setdefault(day, []).append(what)


def add_missed(
    course: Course, missed: Sequence[date], at: Any, notes: dict[date, list[str]]
) -> None:
    """Mark the days on which a check-in was due and did not come: how often one is due is the
    patient's own cadence, so a day without a check-in is not a missed one."""
    for day in missed:
        if course.first <= day <= course.last:
            course.marks.append(
                Mark("missed", at(day, 0)[0], HEIGHT + 8, f"{day:%-d %b %Y}: no check-in")
            )
            notes.setdefault(day, []).append("no check-in")


def add_ticks(course: Course, at: Any) -> None:
    """Add five dates along the axis, fewer where there are fewer days."""
    span = (course.last - course.first).days
    for days in sorted({span * part // 4 for part in range(5)}):
        day = course.first + timedelta(days=days)
        course.ticks.append((at(day, 0)[0], day))


def table(
    course: Course,
    doses: dict[date, TaperStep],
    scores: dict[date, int],
    notes: dict[date, list[str]],
) -> list[DayRow]:
    """Return the same numbers by day, the newest first; days with nothing to say are left out."""
    rows = []
    for day in sorted({*scores, *notes}, reverse=True):
        if course.first <= day <= course.last:
            step = doses.get(day)
            words = ", ".join(dict.fromkeys(notes.get(day, [])))
            rows.append(DayRow(day, step.dose if step else "", scores.get(day), words))
    return rows
