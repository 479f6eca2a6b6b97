"""How far a patient has come: dose, symptoms, sleep, function and mood from first day to now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from apps.checkins.models import CheckIn
from apps.clinical.aftercare import (
    MONTHLY_UNTIL_DAY,
    Course,
    Span,
    Weighing,
    waves_and_windows,
    weigh_relapse,
)
from apps.clinical.doses import plain
from apps.clinical.scoring import gad7, phq9
from apps.patients.models import Patient
from apps.tapers.charts import DoseLine, dose_lines, joined
from apps.tapers.earlier import steps_left
from apps.tapers.models import TaperStep
from apps.tapers.tablets import dose_words
from apps.tapers.taken import taken_without_plan
from apps.tapers.today import Today, plan_today

WIDTH: Final = 720
HEIGHT: Final = 160
TOP_SCORE: Final = 40
AT_MOST: Final = 1_500
Read = Callable[[dict[str, Any]], float | None]


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is asked again and again: at first, at the last dose, and now."""

    key: str
    name: str
    unit: str
    most: int
    first: float | None
    at_last_dose: float | None
    now: float | None
    less_is_better: bool = True
    baseline_on: date | None = None

    @property
    def trend(self) -> str:
        """Whether now is better, worse or the same as at first; nothing without both."""
        if self.first is None or self.now is None:
            return ""
        if self.first == self.now:
            return "same"
        return "better" if (self.now < self.first) is self.less_is_better else "worse"

    def share(self, value: float | None) -> float:
        """Return a value as percent of the most there can be, for a bar."""
        return min(round((value or 0) * 100 / self.most, 1), 100)

    @property
    def bars(self) -> tuple[float, float]:
        """The first value and the one of now as percent of the most there can be."""
        return self.share(self.first), self.share(self.now)


@dataclass(frozen=True, slots=True)
class Band:
    """A wave or a window on the chart."""

    x: float
    width: float
    is_wave: bool
    words: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything the page shows."""

    first_day: date
    last_dose_on: date | None
    days_since: int | None
    ends_on: date | None
    dose_first: str
    dose_now: str
    measures: list[Measure]
    spans: list[Span]
    weighing: Weighing
    never_asked: bool
    line: str
    doses: list[DoseLine]
    bands: list[Band]
    last_day: date
    stop_x: float | None
    width: int = WIDTH
    height: int = HEIGHT


def total(score: Any) -> float | None:
    """Return a score's total, None where it was not answered whole."""
    return float(score.total) if score is not None and score.complete else None


def number(key: str) -> Read:
    """Return the reader of one number among the answers."""

    def read(answers: dict[str, Any]) -> float | None:
        value = answers.get(key)
        return float(value) if isinstance(value, int | float | str) and str(value) else None

    return read


# Key, name, unit, the most there can be, how it is read, whether less is better.
MEASURES: Final[tuple[tuple[str, str, str, int, Read, bool], ...]] = (
    ("mood", "Mood (PHQ-9)", "of 27", 27, lambda answers: total(phq9(answers)), True),
    ("worry", "Anxiety (GAD-7)", "of 21", 21, lambda answers: total(gad7(answers)), True),
    ("sleep", "Sleep", "hours a night", 14, number("sleep_hours"), False),
    ("life", "In the way of daily life", "of 4", 4, number("w_function"), True),
)

# What tells a first illness that comes back from withdrawal.
WEIGHED: Final = tuple(read for key, *_, read, _ in MEASURES if key in ("mood", "worry", "sleep"))


def rows_of(patient: Patient) -> list[tuple[date, UUID, int | None, dict[str, Any]]]:
    """Return day, key, daily score and answers of the patient's own check-ins, oldest first.

    One that was corrected is left out: a slip of the finger is no wave. Its alert stays.
    """
    own = CheckIn.objects.by_the_patient().uncorrected().filter(patient=patient)
    rows = own.order_by("-received_at")
    found = rows.values_list("received_at", "pk", "triage__dws", "answers")[:AT_MOST]
    return [
        (received.astimezone(patient.tz).date(), key, dws, answers)
        for received, key, dws, answers in found
    ][::-1]


def measures_of(rows: Sequence[Any], last: date | None) -> list[Measure]:
    """Return every measure of a patient: first, at the last dose and now, in the order of days."""
    found = []
    symptoms = ("symptoms", "Symptoms", "of 40", TOP_SCORE, None, True)
    for key, name, unit, most, read, less in (symptoms, *MEASURES):
        values = [
            (day, float(value))
            for day, _, dws, answers in rows
            if (value := read(answers) if read else dws) is not None
        ]
        before = [value for value in values if last is not None and value[0] <= last]
        at_last_on, at_last = before[-1] if before else (None, None)
        found.append(
            Measure(
                key, name, unit, most, values[0][1] if values else None, at_last,
                values[-1][1] if values else None, less, at_last_on,
            )
        )  # fmt: skip
    return found


def weighing_of(patient: Patient) -> tuple[UUID | None, Weighing]:
    """Return the newest weekly check-in and what speaks for relapse and for withdrawal."""
    rows, last = rows_of(patient), patient.last_dose_on
    weekly = (key for _, key, _, answers in reversed(rows) if is_weighed(answers))
    return next(weekly, None), weigh(measures_of(rows, last), spans_of(rows, last), last)


def is_weighed(answers: dict[str, Any]) -> bool:
    """Answer whether a check-in says something of PHQ-9, GAD-7 or hours of sleep."""
    return any(read(answers) is not None for read in WEIGHED)


def spans_of(rows: Sequence[Any], last: date | None) -> list[Span]:
    """Return waves and windows since the last dose; none before it."""
    scores = [(day, dws) for day, _, dws, _ in rows if dws is not None]
    return waves_and_windows(scores, last) if last else []


def weigh(measures: Sequence[Measure], spans: Sequence[Span], last: date | None) -> Weighing:
    """Return what speaks for a return of the first illness, and what for withdrawal."""
    if last is None:
        return Weighing()
    mood, anxiety, sleep = instruments_of(measures)
    return weigh_relapse(as_course(mood), as_course(anxiety), as_course(sleep), spans)


def instruments_of(measures: Sequence[Measure]) -> list[Measure]:
    """Return what tells the first illness from withdrawal: PHQ-9, GAD-7 and hours of sleep."""
    by_key = {each.key: each for each in measures}
    return [by_key[key] for key in ("mood", "worry", "sleep")]


def as_course(found: Measure) -> Course:
    """Return a measure as the rule reads it."""
    return Course(found.first, found.at_last_dose, found.now)


def outcome_of(patient: Patient, now: datetime) -> Outcome:
    """Return how far the patient has come, in as many queries as plans were left and a few more."""
    rows, today = rows_of(patient), now.astimezone(patient.tz).date()
    last, state = patient.last_dose_on, plan_today(patient, now, pieces=True)
    first_day = patient.registered_at.astimezone(patient.tz).date()
    begin = min([first_day, *(row[0] for row in rows[:1])])
    scores = [(day, dws) for day, _, dws, _ in rows if dws is not None]
    measures, spans = measures_of(rows, last), spans_of(rows, last)
    x_of = scale(begin, today)
    at_intake = f"{plain(patient.medication.daily_mg)} mg"
    steps = steps_taken(patient, state)
    stair = [(step.start_on, step.by_drug) for step in steps if step.start_on <= today]
    if last is not None:
        stair.append((last + timedelta(days=1), {}))
    first, taken = doses_in_words(steps, state)
    return Outcome(
        first_day=begin, last_dose_on=last, last_day=today,
        days_since=(today - last).days if last else None,
        ends_on=last + timedelta(days=MONTHLY_UNTIL_DAY) if last else None,
        dose_first=first or at_intake,
        dose_now="none" if last else taken or taken_without_plan(patient).words,
        measures=measures, spans=spans, weighing=weigh(measures, spans, last),
        never_asked=all(each.first is None for each in instruments_of(measures)),
        line=joined([(x_of(day), round((1 - dws / TOP_SCORE) * HEIGHT, 1)) for day, dws in scores]),
        doses=dose_lines(stair, today, x_of=x_of, height=HEIGHT),
        bands=[band(span, x_of) for span in spans],
        stop_x=x_of(last) if last else None,
    )  # fmt: skip


def doses_in_words(steps: Sequence[TaperStep], state: Today | None) -> tuple[str, str]:
    """Return the first dose and the one of today, empty where there is none.

    Another drug than at first is named: milligrams of two drugs do not compare.
    """
    now = state.step if state and state.step else None
    if not steps or now is None or not now.by_drug or set(now.by_drug) == set(steps[0].by_drug):
        return steps[0].dose if steps else "", now.dose if now else ""
    return dose_words(steps[0].by_drug, named=True), dose_words(now.by_drug, named=True)


def steps_taken(patient: Patient, state: Today | None) -> list[TaperStep]:
    """Return the steps that were taken, of plans that were left and of the one in force."""
    left = [step for step, _ in steps_left(patient, date.min)]
    return [*left, *(state.begun if state else [])]


def scale(first: date, last: date) -> Callable[[date], float]:
    """Return where a day stands between two days; an earlier one at the first."""
    span = max((last - first).days, 1)
    return lambda day: round(min(max((day - first).days, 0), span) * WIDTH / span, 1)


def band(span: Span, x_of: Callable[[date], float]) -> Band:
    """Return a wave or a window as a band of the chart."""
    left, right = x_of(span.first), x_of(span.last)
    name = f"Wave, at most {span.peak} of 40" if span.is_wave else "Window"
    words = f"{name}: {span.first:%-d %b} to {span.last:%-d %b}"
    return Band(left, max(round(right - left, 1), 4), span.is_wave, words)
