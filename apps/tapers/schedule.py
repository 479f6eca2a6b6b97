"""The plan as a patient reads it: the one read behind the page, the PDFs and the calendar.

Everything a patient gets is drawn from `schedule_of`, so no two papers can disagree. It
asks `today.py` what is taken today; only a plan in force has a schedule, and only a
signed version can be in force.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from apps.clinical.plan import SLOT_ORDER
from apps.patients.models import Patient
from apps.tapers.models import PlanVersion, TaperPlan, TaperStep
from apps.tapers.tablets import Portion
from apps.tapers.today import Today, plan_today, today_of

NEXT_SHOWN: Final = 5


def slot_name(slot: str) -> str:
    """Return a time of day in the reader's language."""
    return {
        "morning": _("Morning"), "noon": _("Noon"), "midday": _("Midday"),
        "afternoon": _("Afternoon"), "evening": _("Evening"), "bedtime": _("Bedtime"),
        "night": _("Night"),
    }[slot]  # fmt: skip


@dataclass(frozen=True)
class SlotDose:
    """What is taken at one time of day."""

    slot: str
    portions: tuple[Portion, ...]

    @property
    def name(self) -> str:
        """The time of day in the reader's language."""
        return slot_name(self.slot)


@dataclass(frozen=True)
class ScheduleStep:
    """One dose and its days as far as they are known; `end_on` None goes on until told.

    `dose` is the day's milligrams in words, as every page has them: of two drugs each by
    itself. `daily_mg` is what the tablets add up to, which means something of one drug only.
    """

    number: int
    start_on: date
    end_on: date | None
    daily_mg: Decimal
    dose: str
    slots: tuple[SlotDose, ...]

    @property
    def drugs(self) -> list[str]:
        """The medicines of this step, each once."""
        found = [part.drug for slot in self.slots for part in slot.portions]
        return list(dict.fromkeys(found))

    @property
    def is_zero(self) -> bool:
        """Whether nothing is taken any more."""
        return not self.slots

    def days(self, last: date) -> Iterator[date]:
        """Yield the days of this step, no later than `last`."""
        day = self.start_on
        end = last if self.end_on is None else min(self.end_on, last)
        while day <= end:
            yield day
            day += timedelta(days=1)


@dataclass(frozen=True)
class Schedule:
    """A plan in force on one day, for the patient: what now, and what comes when.

    `steps` are all steps from the first. A locked plan ends at the step of today, which
    then has no end: no date is promised that only a prescriber can give.
    """

    patient: Patient
    plan: TaperPlan
    version: PlanVersion
    day: date
    steps: tuple[ScheduleStep, ...]
    today_number: int | None
    is_locked: bool

    @cached_property
    def today(self) -> ScheduleStep | None:
        """The step of today, None before the first day."""
        return next((step for step in self.steps if step.number == self.today_number), None)

    @property
    def coming(self) -> tuple[ScheduleStep, ...]:
        """The steps after today's."""
        number = self.today_number or 0
        return tuple(step for step in self.steps if step.number > number)

    @property
    def next_steps(self) -> tuple[ScheduleStep, ...]:
        """The first few of them, for a page."""
        return self.coming[:NEXT_SHOWN]

    @property
    def from_today(self) -> tuple[ScheduleStep, ...]:
        """The step of today and all after it."""
        return (*((self.today,) if self.today else ()), *self.coming)

    @property
    def waits(self) -> bool:
        """Whether the dose of today goes on until a person decides."""
        return self.is_locked or bool(self.version.course.get("held"))

    def step_on(self, day: date) -> ScheduleStep | None:
        """Return the step of a day, as far as the plan says today."""
        begun = [step for step in self.steps if step.start_on <= day]
        if not begun or (begun[-1].end_on is not None and begun[-1].end_on < day):
            return None
        return begun[-1]


def schedule_of(patient: Patient, now: datetime) -> Schedule | None:
    """Return the schedule of the patient's plan in force at `now`, None without one.

    Four queries whatever the plan's length.
    """
    state = plan_today(patient, now, pieces=True)
    return None if state is None else schedule_from(state)


def schedule_of_plan(plan: TaperPlan, now: datetime) -> Schedule | None:
    """Return the schedule of one plan; None unless it is in force."""
    if plan.status != TaperPlan.Status.ACTIVE:
        return None
    return schedule_from(today_of(plan, now, pieces=True))


def schedule_from(state: Today) -> Schedule:
    """Return the schedule of a plan's state, whose steps were fetched with their pieces."""
    rows, number = state.steps, state.step.number if state.step else None
    if state.is_locked:
        rows = [row for row in rows if row.number <= (number or 1)]
    steps = tuple(step_of(row) for row in rows)
    if state.is_locked and steps:
        steps = (*steps[:-1], open_ended(steps[-1]))
    return Schedule(
        patient=state.plan.patient,
        plan=state.plan,
        version=state.version,
        day=state.day,
        steps=steps,
        today_number=number,
        is_locked=state.is_locked,
    )


def step_of(row: TaperStep) -> ScheduleStep:
    """Return a stored step with its tablets in the order of the day."""
    by_slot = row.by_slot
    slots = tuple(
        SlotDose(
            slot,
            tuple(Portion(piece.product, piece.quantity, piece.mg) for piece in by_slot[slot]),
        )
        for slot in sorted(by_slot, key=SLOT_ORDER.index)
    )
    return ScheduleStep(row.number, row.start_on, row.end_on, row.daily_mg, row.dose, slots)


def open_ended(step: ScheduleStep) -> ScheduleStep:
    """Return the same step with no last day."""
    return replace(step, end_on=None)
