"""Decisions about a live plan as pure functions: an engine plan in, an engine plan out.

Nothing here reads or writes a row; the writes are in actions_changes.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from apps.clinical import replan
from apps.clinical.breaches import Dosed
from apps.clinical.doses import parse_dose_mg
from apps.clinical.errors import RequestError
from apps.clinical.methods import Switch
from apps.clinical.plan import Plan
from apps.clinical.requests import parse_request
from apps.tapers.models import PlanVersion
from apps.tapers.tablets import dose_words

Kind = PlanVersion.Kind


@dataclass(frozen=True, slots=True)
class Change:
    """One decision: its kind, the reason in words and what was typed with it."""

    kind: str
    reason: str
    values: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored on the version it makes."""
        return {"kind": self.kind, "reason": self.reason, **self.values}


def changed(plan: Plan, step_number: int, today: date, change: Change) -> Plan:
    """Return the plan after a decision made today, while step `step_number` is in force.

    Steps up to today stay. A cut that a hold or the clock had locked comes one interval
    after the decision at the earliest. Raises ClinicalError with one sentence.
    """
    if change.kind not in CHANGES:
        raise RequestError(f"kind: takes one of {', '.join(CHANGES)}.")
    if change.kind in LEAVING and plan.step_on(today) is None:
        return plan  # It never began.
    here = as_taken(plan, step_number, today)
    new = CHANGES[Kind(change.kind)](here, today, change)
    return never_tomorrow(plan, here, new, step_number, today)


def as_taken(plan: Plan, step_number: int, today: date) -> Plan:
    """Return the plan as it really went: a locked step has gone on until today.

    Its next cut then comes one interval from today; an open-ended hold is only a decision.
    """
    by_calendar = plan.step_on(today)
    if by_calendar is None:
        raise RequestError(
            f"The plan begins on {plan.steps[0].start_on}. End it and make a new one instead."
        )
    if by_calendar.number == step_number:
        return plan
    locked = replan.hold(plan, plan.steps[step_number - 1].start_on, None)
    if plan.held:
        return locked
    return replan.resume(locked, today + timedelta(days=plan.request.interval_days))


def never_tomorrow(plan: Plan, here: Plan, new: Plan, step_number: int, today: date) -> Plan:
    """Push the next cut one interval away where the present step was held beyond its end."""
    if here is plan or new.held or len(new.steps) <= step_number:
        return new
    following = new.steps[step_number]
    earliest = today + timedelta(days=new.request.interval_days)
    if following.start_on >= earliest or following.cut_pct <= 0:
        return new
    return replan.resume(replan.hold(new, today, None), earliest)


def _hold(plan: Plan, today: date, change: Change) -> Plan:
    return replan.hold(plan, today, change.values.get("days"))


def _go_on(plan: Plan, today: date, change: Change) -> Plan:
    """Resume with the next cut one interval from today, or when planned if that is later."""
    current = plan.step_on(today)
    earliest = today + timedelta(days=plan.request.interval_days)
    if current is not None and current.end_on is not None:
        earliest = max(earliest, current.end_on + timedelta(days=1))
    return replan.resume(replan.hold(plan, today, None), earliest)


def _step_back(plan: Plan, today: date, change: Change) -> Plan:
    days = change.values.get("days") or replan.USUAL_HOLD_DAYS
    return replan.step_back(plan, today, reason=change.reason, hold_days=days)


def _slow(plan: Plan, today: date, change: Change) -> Plan:
    method = method_of(plan, today, change)
    if isinstance(method, Switch):
        raise RequestError("method: slowing down keeps the drug; change the method to switch.")
    return replan.slow_down(
        plan, today, method=method, interval_days=change.values.get("interval_days")
    )


def _method(plan: Plan, today: date, change: Change) -> Plan:
    method = method_of(plan, today, change)
    if method is None:
        raise RequestError("method: choose the new method.")
    goal = change.values.get("goal_mg")
    return replan.change_method(
        plan, today, method, interval_days=change.values.get("interval_days"),
        goal_mg=parse_dose_mg(goal, field="goal_mg", allow_zero=True) if goal else None,
        confirmed=plan.request.confirmed,
    )  # fmt: skip


def _goal(plan: Plan, today: date, change: Change) -> Plan:
    goal_mg = parse_dose_mg(change.values.get("goal_mg"), field="goal_mg", allow_zero=True)
    return replan.change_goal(plan, today, goal_mg)


def _stop(plan: Plan, today: date, change: Change) -> Plan:
    return replan.stop(plan, today)


LEAVING = {Kind.END, Kind.INPATIENT}
CHANGES = {
    Kind.HOLD: _hold,
    Kind.GO_ON: _go_on,
    Kind.STEP_BACK: _step_back,
    Kind.SLOW: _slow,
    Kind.METHOD: _method,
    Kind.GOAL: _goal,
    Kind.STOP: _stop,
    Kind.END: _stop,
    Kind.INPATIENT: _stop,
}


def method_of(plan: Plan, today: date, change: Change) -> Any:
    """Return the method typed with a change, read for the drug it will lower; None for none.

    That is the drug in force; in the middle of a switch the one that the plan ends on, and
    of a switch typed anew the one that it began with.
    """
    typed = change.values.get("method")
    if typed is None:
        return None
    current = plan.step_on(today)
    taken = list(current.by_drug) if current else []
    if len(taken) == 1:
        drug_id = taken[0]
    elif taken and typed.get("kind") == "switch":
        drug_id = plan.request.drug_id
    else:
        drug_id = plan.request.final_drug_id
    return parse_request(
        {
            "drug": drug_id,
            "slots": typed.get("to_slots") or {"morning": "1"},
            "method": typed,
            "start_on": plan.request.start_on.isoformat(),
            "goal_mg": "0",
        }
        | ({} if typed.get("kind") != "custom" else {"goal_mg": typed["daily_mg"][-1]})
    ).method


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One day on which a dose begins, before and after a change: milligrams by drug."""

    day: date
    was: Mapping[str, Decimal] | None
    now: Mapping[str, Decimal] | None
    named: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether the two plans ask for different doses from this day on."""
        return self.was != self.now

    @property
    def is_less(self) -> bool:
        """Whether less is taken from this day on than before, or of another drug.

        A plan that is left gives nothing and takes nothing away: who goes on says the hospital,
        or the dose that was reached.
        """
        if self.now is None:
            return False
        was, now = self.was or {}, self.now
        return any(now.get(drug, Decimal(0)) < mg for drug, mg in was.items())

    @property
    def was_dose(self) -> str:
        """The dose before in words; two drugs are never added up."""
        return "–" if self.was is None else dose_words(self.was, named=self.named)

    @property
    def now_dose(self) -> str:
        """The dose after in words."""
        if self.now is None:
            return "–" if self.was is None else "no plan"
        return dose_words(self.now, named=self.named)

    @property
    def difference(self) -> str:
        """What happens to the dose, in a word; of other drugs only that it changes."""
        if not self.is_changed:
            return "same"
        was, now = self.was, self.now
        if was is not None and now is None:
            return "ended"
        if was is None or now is None or len(was) > 1 or len(now) > 1:
            return "changed"
        if set(was) != set(now) and was and now:
            return "changed"
        return "higher" if sum(now.values()) > sum(was.values()) else "lower"


def was_and_now(was: Iterable[Dosed], now: Iterable[Dosed], since: date) -> list[DiffRow]:
    """Return both plans side by side from `since`: one row per day on which a dose begins."""
    before, after = list(was), list(now)
    days = {max(step.start_on, since) for step in (*before, *after) if step.start_on >= since}
    named = len({drug for step in (*before, *after) for drug in step.by_drug}) > 1
    return [
        DiffRow(day, dose_on(before, day), dose_on(after, day), named)
        for day in sorted({since, *days})
    ]


def dose_on(steps: Iterable[Dosed], day: date) -> dict[str, Decimal] | None:
    """Return what the calendar calls for on a day by drug, None before the first step."""
    begun = [step for step in steps if step.start_on <= day]
    return {drug: mg.normalize() for drug, mg in begun[-1].by_drug.items()} if begun else None
