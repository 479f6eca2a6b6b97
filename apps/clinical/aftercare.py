"""The year after the last dose: how often to ask, waves and windows, relapse or withdrawal.

Nothing here is a diagnosis. Sources: PRO-01, PRO-05 (guideline.md F), W17 (triage_rules.csv),
instruments.md section 3 for the PHQ-9 and GAD-7 bands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter

# PRO-05 keeps the form for 6 to 12 months: weekly for six, then monthly to twelve [proposal].
WEEKLY_UNTIL_DAY = 182
MONTHLY_UNTIL_DAY = 365
WEEK, MONTH = 7, 28
# W17's cut-off: 8 of 40 or more. Source: triage_rules.csv [proposal].
WAVE_SCORE = 8
PROTRACTED_AFTER_DAYS = 30  # PRO-01
# What is asked about a dose or the next step has no honest answer once none is taken: "I stopped"
# is what was planned, and an empty box is no lack [proposal].
NOT_ASKED_AFTER = frozenset(
    ("dose_taken", "hours_since_last_dose", "dose_taken_mg", "supply_days", "interdose",
     "ready_next")
)  # fmt: skip
# The first band that is called moderate. Source: instruments.md section 3.
MODERATE = 10
# How many points make a change worth a word [proposal].
PHQ9_CHANGE = GAD7_CHANGE = 5
# How many hours a night fewer than at the last dose make a change worth a word; the form asks in
# halves of hours and gives no cut-off [proposal].
SLEEP_CHANGE_HOURS = 2


def check_in_every(days_since_last_dose: int) -> int | None:
    """Return how many days may lie between check-ins this long after the last dose.

    7 for six months, 28 to the end of the year, None after it [proposal within PRO-05].
    """
    if days_since_last_dose > MONTHLY_UNTIL_DAY:
        return None
    return WEEK if days_since_last_dose <= WEEKLY_UNTIL_DAY else MONTH


@dataclass(frozen=True, slots=True)
class Span:
    """Days in a row that were a wave (symptoms) or a window (few). ``peak`` is of 40."""

    is_wave: bool
    first: date
    last: date
    peak: int


def waves_and_windows(scores: Sequence[tuple[date, int]], last_dose_on: date) -> list[Span]:
    """Return the waves and windows after the last dose, in order; empty without check-ins.

    ``scores`` are days with daily scores (0-40), those of one day in the order of their times.
    A wave is a run of check-ins of 8 or more, W17's cut-off; a window a run below it.
    Waves and windows: Ashton 2002 (PRO-05).
    """
    spans: list[Span] = []
    for day, score in sorted(scores, key=itemgetter(0)):
        if day <= last_dose_on:
            continue
        is_wave = score >= WAVE_SCORE
        if spans and spans[-1].is_wave == is_wave:
            before = spans[-1]
            spans[-1] = Span(is_wave, before.first, day, max(before.peak, score))
        else:
            spans.append(Span(is_wave, day, day, score))
    return spans


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of one instrument: before the taper, at the last dose, and now."""

    before: float | None
    at_last_dose: float | None
    now: float | None


@dataclass(frozen=True, slots=True)
class Weighing:
    """What speaks for a return of the first illness, what for withdrawal, what cannot be told."""

    for_relapse: tuple[str, ...] = ()
    for_withdrawal: tuple[str, ...] = ()
    no_baseline: tuple[str, ...] = ()


def weigh_relapse(phq9: Course, gad7: Course, sleep: Course, spans: Sequence[Span]) -> Weighing:
    """Return what speaks for relapse and what for withdrawal; a clinician decides.

    For relapse: PHQ-9 or GAD-7 is moderate (10 or more) now and 5 points above what it was at
    the last dose; hours of sleep (``sleep``) are 2 fewer than then. For withdrawal: symptoms come
    in waves with windows between them. Both may hold. What was never asked up to the last dose is
    named: it has no baseline, and says neither. The bands are of instruments.md section 3; the
    change of 5 points, of 2 hours and the reading of waves are [proposal].
    """
    relapse = [
        f"{name} is {course.now:g} now and was {course.at_last_dose:g} at the last dose"
        for name, course, change in (("PHQ-9", phq9, PHQ9_CHANGE), ("GAD-7", gad7, GAD7_CHANGE))
        if course.now is not None
        and course.at_last_dose is not None
        and course.now >= MODERATE
        and course.now - course.at_last_dose >= change
    ]
    if (
        sleep.now is not None
        and sleep.at_last_dose is not None
        and sleep.at_last_dose - sleep.now >= SLEEP_CHANGE_HOURS
    ):
        relapse.append(
            f"Sleep is {sleep.now:g} hours a night now and was {sleep.at_last_dose:g} "
            "at the last dose"
        )
    named = (("PHQ-9", phq9), ("GAD-7", gad7), ("sleep", sleep))
    missing = tuple(name for name, course in named if course.at_last_dose is None)
    return Weighing(tuple(relapse), tuple(come_and_go(spans)), missing)


def come_and_go(spans: Sequence[Span]) -> list[str]:
    """Return the words for waves with windows between them, none without both."""
    waves = sum(span.is_wave for span in spans)
    windows = len(spans) - waves
    if not waves or not windows:
        return []
    return [
        f"Symptoms come and go: {waves} wave{'s' if waves > 1 else ''} and "
        f"{windows} window{'s' if windows > 1 else ''} since the last dose"
    ]
