"""What a plan said on any day: of the past what was true then, of the future what it says now.

Read from what was recorded: when versions came in force, when holds were opened and
released, which steps the clock let begin. Only of a step that is due and not settled yet
are the gates asked, and they answer for the midnight on which it was due.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from apps.tapers.models import PlanHold, PlanVersion, TaperPlan, TaperStep
from apps.tapers.today import step_in_force, today_of, why_locked

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SaidOnDay:
    """One day of a plan: the dose, the version that said it, and what stood in the way."""

    day: date
    version: PlanVersion | None
    step: TaperStep | None
    holds: list[PlanHold]
    locked_because: str
    left_on: date | None
    is_future: bool

    @property
    def is_over(self) -> bool:
        """Whether the plan had been left before this day: then it says nothing of it."""
        return self.left_on is not None and self.day > self.left_on

    @property
    def is_last(self) -> bool:
        """Whether the plan was left on this very day."""
        return self.day == self.left_on

    @property
    def before(self) -> date:
        """The day before."""
        return self.day - DAY

    @property
    def after(self) -> date:
        """The day after."""
        return self.day + DAY


def said_on(plan: TaperPlan, day: date, now: datetime) -> SaidOnDay:
    """Return what the plan said on a day, as the patient's clock counts days."""
    zone = plan.patient.tz
    today = now.astimezone(zone).date()
    left_on = plan.left_at.astimezone(zone).date() if plan.left_at else None
    said: dict[str, Any] = {"day": day, "left_on": left_on, "is_future": day > today}
    nothing: dict[str, Any] = {"step": None, "holds": [], "locked_because": ""}
    if left_on is not None and day > left_on:
        return SaidOnDay(version=plan.in_force, **nothing, **said)
    if day >= today and plan.status == TaperPlan.Status.ACTIVE:
        return SaidOnDay(**expected(plan, day, now), **said)
    # What was in force when the day was over, or when the plan was left.
    over = datetime.combine(day, time(0), tzinfo=zone) + DAY - timedelta(microseconds=1)
    version = plan.versions.in_force_at(min(over, now)).select_related("enactment").first()
    if version is None:
        return SaidOnDay(version=None, **nothing, **said)
    return SaidOnDay(**taken(plan, version, day, over), **said)


def expected(plan: TaperPlan, day: date, now: datetime) -> dict[str, Any]:
    """Return what holds today, or what the version in force says of a day to come."""
    state = today_of(plan, now, pieces=True)
    step = state.step
    if day > state.day and not state.is_locked:
        step = step_in_force(state.steps, [], day)
    return {"version": state.version, "step": step, "holds": state.holds,
            "locked_because": state.locked_because}  # fmt: skip


def taken(plan: TaperPlan, version: PlanVersion, day: date, over: datetime) -> dict[str, Any]:
    """Return what was taken on a day that is over, and why no cut came if one was due."""
    steps = list(version.steps.prefetch_related("pieces"))
    for each in steps:
        each.version = version
    holds = list(plan.holds.at(over).select_related("released_by"))
    step, locked = step_in_force(steps, holds, day), ""
    begun = steps_begun(plan)
    if step is not None:
        step, locked = last_begun(plan, version, steps[: step.number], begun)
    return {"version": version, "step": step, "holds": holds, "locked_because": locked}


def steps_begun(plan: TaperPlan) -> set[tuple[int, date]]:
    """Return number and first day of every step that has begun: a version keeps those before it."""
    version = plan.version
    rows = version.steps.filter(number__lte=plan.begun_step)
    return set(rows.values_list("number", "start_on"))


def last_begun(
    plan: TaperPlan, version: PlanVersion, due: list[TaperStep], begun: set[tuple[int, date]]
) -> tuple[TaperStep, str]:
    """Return the last of the due steps that began, and why the next one did not.

    A later version keeps what was taken, so a cut that is in none of them never came. Of
    the version still in force the clock may not have settled the last one yet.
    """
    current = due[0]
    for following in due[1:]:
        has_begun = (following.number, following.start_on) in begun
        if not has_begun and following.is_cut_after(current):
            if version.pk != plan.in_force_id:
                return current, "The cut due by then did not come."
            locked = why_locked(plan.patient, current, following)
            if locked:
                return current, locked
        current = following
    return current, ""
