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
from apps.tapers.charts import joined
from apps.tapers.models import TaperStep
from apps.tapers.today import plan_today

WIDTH: Final = 720
HEIGHT: Final = 160
TOP_SCORE: Final = 40
AT_MOST: Final = 1_500
Read = Callable[[dict[str, Any]], float | None]


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is asked again and again: at first, at the last dose, and now."""

    name: str
    unit: str
    first: float | None
    at_last_dose: float | None
    now: float | None
    less_is_better: bool = True

    @property
    def trend(self) -> str:
        """Whether now is better, worse or the same as at first; nothing without both."""
        if self.first is None or self.now is None:
            return ""
        if self.first == self.now:
            return "same"
        return "better" if (self.now < self.first) is self.less_is_better else "worse"


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
    line: str
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


MEASURES: Final[tuple[tuple[str, str, Read, bool], ...]] = (
    ("Mood (PHQ-9)", "of 27", lambda answers: total(phq9(answers)), True),
    ("Anxiety (GAD-7)", "of 21", lambda answers: total(gad7(answers)), True),
    ("Sleep", "hours a night", number("sleep_hours"), False),
    ("In the way of daily life", "of 4", number("w_function"), True),
)


def rows_of(patient: Patient) -> list[tuple[date, UUID, int | None, dict[str, Any]]]:
    """Return day, key, daily score and answers of the patient's own check-ins, oldest first."""
    rows = CheckIn.objects.by_the_patient().filter(patient=patient).order_by("-received_at")
    found = rows.values_list("received_at", "pk", "triage__dws", "answers")[:AT_MOST]
    return [
        (received.astimezone(patient.tz).date(), key, dws, answers)
        for received, key, dws, answers in found
    ][::-1]


def measure(
    rows: Sequence[tuple[date, float]], name: str, unit: str, last: date | None, *, less: bool
) -> Measure:
    """Return first, at the last dose and now of one kind of value, in the order of days."""
    values = [value for _, value in rows]
    before = [value for day, value in rows if last is not None and day <= last]
    return Measure(
        name, unit, values[0] if values else None, before[-1] if before else None,
        values[-1] if values else None, less,
    )  # fmt: skip


def measures_of(rows: Sequence[Any], last: date | None) -> list[Measure]:
    """Return every measure of a patient."""
    scores = [(day, float(dws)) for day, _, dws, _ in rows if dws is not None]
    found = [measure(scores, "Symptoms", "of 40", last, less=True)]
    for name, unit, read, less in MEASURES:
        values = [(day, value) for day, _, _, a in rows if (value := read(a)) is not None]
        found.append(measure(values, name, unit, last, less=less))
    return found


def weighing_of(patient: Patient) -> tuple[UUID | None, Weighing]:
    """Return the newest weekly check-in and what speaks for relapse and for withdrawal."""
    rows = rows_of(patient)
    weekly = [key for _, key, _, answers in rows if total(phq9(answers)) is not None]
    return (weekly[-1] if weekly else None), weigh(rows, patient.last_dose_on)


def weigh(rows: Sequence[Any], last: date | None) -> Weighing:
    """Return what speaks for a return of the first illness, and what for withdrawal."""
    if last is None:
        return Weighing((), ())
    scores = [(day, dws) for day, _, dws, _ in rows if dws is not None]
    courses = {each.name: each for each in measures_of(rows, last)}
    mood, anxiety = (as_course(courses[name]) for name in ("Mood (PHQ-9)", "Anxiety (GAD-7)"))
    return weigh_relapse(mood, anxiety, waves_and_windows(scores, last))


def as_course(found: Measure) -> Course:
    """Return a measure as the rule reads it."""
    values = (found.first, found.at_last_dose, found.now)
    first, at_last, now = (None if value is None else int(value) for value in values)
    return Course(first, at_last, now)


def outcome_of(patient: Patient, now: datetime) -> Outcome:
    """Return how far the patient has come, in a fixed number of queries."""
    rows, today = rows_of(patient), now.astimezone(patient.tz).date()
    last, state = patient.last_dose_on, plan_today(patient, now, pieces=True)
    first_day = patient.registered_at.astimezone(patient.tz).date()
    begin = min([first_day, *(row[0] for row in rows[:1])])
    scores = [(day, dws) for day, _, dws, _ in rows if dws is not None]
    spans = waves_and_windows(scores, last) if last else []
    x_of = scale(begin, today)
    at_intake = f"{plain(patient.medication.daily_mg)} mg"
    taken = state.step.dose if state and state.step else ""
    return Outcome(
        first_day=begin, last_dose_on=last, last_day=today,
        days_since=(today - last).days if last else None,
        ends_on=last + timedelta(days=MONTHLY_UNTIL_DAY) if last else None,
        dose_first=first_dose(patient) or at_intake,
        dose_now="none" if last else taken or at_intake,
        measures=measures_of(rows, last), spans=spans, weighing=weigh(rows, last),
        line=joined([(x_of(day), round((1 - dws / TOP_SCORE) * HEIGHT, 1)) for day, dws in scores]),
        bands=[band(span, x_of) for span in spans],
        stop_x=x_of(last) if last else None,
    )  # fmt: skip


def first_dose(patient: Patient) -> str:
    """Return the dose from which the first plan in force went down, empty without a plan.

    The intake says what is taken now, and is corrected on the way, as after a detox unit.
    """
    steps = TaperStep.objects.select_related("version").prefetch_related("pieces")
    begun = steps.filter(version__plan__patient=patient, version__plan__activated_at__isnull=False)
    step = begun.order_by("version__plan__activated_at", "version__number", "number").first()
    return step.dose if step is not None else ""


def scale(first: date, last: date) -> Callable[[date], float]:
    """Return where a day stands between two days."""
    span = max((last - first).days, 1)
    return lambda day: round((day - first).days * WIDTH / span, 1)


def band(span: Span, x_of: Callable[[date], float]) -> Band:
    """Return a wave or a window as a band of the chart."""
    left, right = x_of(span.first), x_of(span.last)
    name = f"Wave, at most {span.peak} of 40" if span.is_wave else "Window"
    words = f"{name}: {span.first:%-d %b} to {span.last:%-d %b}"
    return Band(left, max(round(right - left, 1), 4), span.is_wave, words)
