"""Change a plan from any day: hold, resume, step back, slow down, change course.

Each change returns a new plan. Steps that began before that day stay exactly as
they were, pace and findings included; only the future flows again, from the
dose in force, under the same rules as a first plan.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from apps.clinical.doses import plain
from apps.clinical.drugs import get_drug
from apps.clinical.errors import RequestError
from apps.clinical.findings import Finding, Level, finding
from apps.clinical.lowering import shown_mg
from apps.clinical.methods import Method, Switch, Taper
from apps.clinical.plan import Draft, Plan, PlanRequest, Step, check_whole, totals_of
from apps.clinical.switching import check_typed_doses
from apps.clinical.taper import flow, in_step_order, request_findings
from apps.clinical.weighing import final_mg, weights

# ASAM-17: a pause is a couple of weeks at the same dose.
USUAL_HOLD_DAYS = 14
GOAL_RULE = "GOAL"
# [proposal] Longer than half a year is open-ended, not a hold of so many days.
MAX_HOLD_DAYS = 182
# [proposal] No patient alive is on a plan then; it keeps sums of days within the calendar.
LATEST = date(2200, 1, 1)


def hold(plan: Plan, on: date, days: int | None = USUAL_HOLD_DAYS) -> Plan:
    """Return the plan with the dose of ``on`` kept ``days`` longer, or until resumed.

    The next step comes ``days`` after it would have; with None there is none
    until ``resume``. A hold never changes today's dose (ASAM-16, ASAM-17).
    Raises RequestError for a day without a step and for days outside 1 to 182.
    """
    current = _current(plan, on)
    if days is None:
        return _ended(plan, current, held=True)
    check_whole("days", days, 1, MAX_HOLD_DAYS)
    if current.end_on is None and not plan.held:
        return plan  # No step was planned, and a hold plans none.
    return _flowed(plan, plan.request, current, _next_on(plan, current, on) + timedelta(days=days))


def resume(plan: Plan, on: date) -> Plan:
    """Return a held or stopped plan with its next step on ``on``, by the method it had.

    Raises RequestError when the plan is neither, and for a day on which the
    dose held had not been taken before.
    """
    if not plan.held and not plan.stopped:
        raise RequestError("plan: is not on an open-ended hold.")
    current = _current(plan, on)
    held_on = plan.steps[-1].start_on
    if on <= held_on:
        raise RequestError(f"on: takes a day after {held_on}, when the present dose began.")
    return _flowed(plan, plan.request, current, on)


def step_back(plan: Plan, on: date, *, reason: str, hold_days: int = USUAL_HOLD_DAYS) -> Plan:
    """Return the plan back at the last higher dose from ``on``, for ``hold_days``.

    Rare, and only with a reason, which stays on the step (ASAM-17, C-08). Then
    the method goes on from there. Raises RequestError without a reason, for a
    hold outside 1 to 182 days, for a stopped plan, and when no dose before of a
    drug still in the plan was higher.
    """
    _check_not_stopped(plan)
    if not reason.strip():
        raise RequestError("reason: a step back needs the reason in words.")
    check_whole("hold_days", hold_days, 1, MAX_HOLD_DAYS)
    current = _current(plan, on)
    past = [step for step in plan.steps if step.start_on < on]
    back = _last_higher(plan.request, past, current)
    draft = Draft(on, tuple(back.slots.items()), reason=reason.strip())
    return _flowed(plan, plan.request, past[-1], on + timedelta(days=hold_days), extra=draft)


def slow_down(
    plan: Plan, on: date, *, method: Taper | None = None, interval_days: int | None = None
) -> Plan:
    """Return the plan with smaller or rarer cuts from ``on``.

    The next step comes no earlier than planned and no earlier than the new
    interval after the present dose began; a switch under way goes on. Raises
    RequestError when neither a method nor an interval is given, when the
    interval is shorter, when the next step would fall further than the plan in
    force has it, and for a plan on hold or stopped.
    """
    _check_not_held(plan)
    _check_not_stopped(plan)
    if method is None and interval_days is None:
        raise RequestError("method: slowing down takes a new method or a longer interval_days.")
    present = plan.request.interval_days
    days = present if interval_days is None else interval_days
    if days < present:
        raise RequestError(
            f"interval_days: slowing down takes at least the present {present} days."
        )
    current = _current(plan, on)
    slower = replace(plan, request=replace(plan.request, interval_days=days))
    earliest = max(current.start_on + timedelta(days=days), _next_on(plan, current, on))
    if method is None:
        new = _flowed(slower, slower.request, current, earliest)
    elif _is_switching(plan.request, current):
        new = _amid_switch(slower, current, earliest, method)
    else:
        new = _redirected(slower, current, earliest, method)
    _check_slower(plan, new, current)
    return new


def _check_slower(plan: Plan, new: Plan, current: Step) -> None:
    """Raise RequestError where the next step falls further than the plan in force has it."""
    coming = [
        _paced(plan.request, step)
        for steps in (plan.steps, new.steps)
        for step in steps[current.number : current.number + 1] or (current,)
    ]
    planned, slower = coming
    if slower < planned:
        name = get_drug(plan.request.final_drug_id).name
        raise RequestError(
            f"method: slowing down takes smaller cuts; the next dose would be {shown_mg(slower)} "
            f"mg {name}, and the plan in force has {shown_mg(planned)} mg."
        )


def change_method(
    plan: Plan,
    on: date,
    method: Method,
    *,
    interval_days: int | None = None,
    goal_mg: Decimal | None = None,
    confirmed: bool = False,
) -> Plan:
    """Return the plan with another method from the next planned step on.

    The method counts from the dose in force on ``on``, of the drug in force.
    While a switch is half done only what follows it can change, and how far
    apart its swaps are. ``goal_mg`` is needed where the plan has a goal above
    zero and is to end on another drug, ``confirmed`` where doses typed for a
    switch are to be taken as meant. A stopped plan goes on by it. Raises
    RequestError for a day without a step, an open-ended hold, a second switch
    in the middle of one and a goal of another drug, and ClinicalError where the
    method cannot be followed.
    """
    _check_not_held(plan)
    current = _current(plan, on)
    days = plan.request.interval_days if interval_days is None else interval_days
    changed = replace(plan, request=replace(plan.request, interval_days=days))
    next_on = _next_on(plan, current, on)
    if len(current.by_drug) > 1:
        return _amid_switch(changed, current, next_on, method, goal_mg)
    asked = replace(changed, request=replace(changed.request, confirmed=confirmed))
    return _redirected(asked, current, next_on, method, goal_mg)


def change_goal(plan: Plan, on: date, goal_mg: Decimal) -> Plan:
    """Return the plan with another goal, in milligrams a day of the drug it ends on.

    Raises RequestError unless the goal is below the dose in force on ``on``, and
    for a plan on hold or stopped.
    """
    _check_not_held(plan)
    _check_not_stopped(plan)
    current = _current(plan, on)
    now = final_mg(plan.request, tuple(current.slots.items()))
    if goal_mg >= now:
        raise RequestError(f"goal_mg: takes less than the dose in force, not {plain(goal_mg)} mg.")
    request = replace(plan.request, goal_mg=goal_mg)
    return _flowed(plan, request, current, _next_on(plan, current, on))


def stop(plan: Plan, on: date) -> Plan:
    """Return the plan without any further step: the dose of ``on`` goes on.

    Ends the taper, not the drug: nothing here ever stops a dose at once (ASAM-03).
    Only ``resume`` or another method starts it again.
    """
    current = _current(plan, on)
    ended = replace(_ended(plan, current, held=False), stopped=True)
    goal = plan.request.goal_mg
    if _paced(plan.request, current) <= goal:
        why_there = [item for item in plan.findings if item.rule == GOAL_RULE]
        return replace(ended, findings=(*ended.findings, *why_there))
    text = f"The plan was stopped before its goal of {plain(goal)} mg."
    why = finding(GOAL_RULE, Level.NOTE, text, step=current.number)
    return replace(ended, findings=(*ended.findings, why))


def _check_not_held(plan: Plan) -> None:
    if plan.held:
        raise RequestError("plan: is on an open-ended hold; resume it first.")


def _check_not_stopped(plan: Plan) -> None:
    if plan.stopped:
        raise RequestError("plan: was stopped; resume it or give it another method first.")


def _current(plan: Plan, on: date) -> Step:
    """Return the step in force, from which the future may flow again.

    What came before an earlier change of method is past: the method of that
    time is no longer part of the plan, so nothing can flow on by it.
    """
    step = plan.step_on(on)
    if step is None:
        raise RequestError(
            f"on: the plan begins on {plan.steps[0].start_on}, after {on}; build a new one."
        )
    if on > LATEST:
        raise RequestError(f"on: takes a day up to {LATEST}, not {on}.")
    changed_on = plan.steps[plan.method_from - 1].start_on
    if on < changed_on:
        raise RequestError(
            f"on: takes {changed_on} or a later day, since the method was changed after that dose "
            "began."
        )
    return step


def _next_on(plan: Plan, current: Step, on: date) -> date:
    """Return when the next step was to begin; one interval from ``on`` where none was."""
    if current.end_on is not None:
        return current.end_on + timedelta(days=1)
    return on + timedelta(days=plan.request.interval_days)


def _last_higher(request: PlanRequest, past: Sequence[Step], current: Step) -> Step:
    now = _paced(request, current)
    # A drug that was left with an earlier method is not taken up again by a step back.
    drugs = {request.drug_id, request.final_drug_id}
    for step in reversed(past):
        if step.by_drug.keys() <= drugs and _paced(request, step) > now:
            return step
    raise RequestError("on: takes a day after a cut; no dose before this one was higher.")


def _paced(request: PlanRequest, step: Step) -> Fraction:
    return final_mg(request, tuple(step.slots.items()))


def _ended(plan: Plan, current: Step, *, held: bool) -> Plan:
    kept = (*plan.steps[: current.number - 1], replace(current, end_on=None))
    return replace(
        plan,
        steps=kept,
        findings=_findings_until(plan, current.number),
        totals=totals_of(kept),
        held=held,
        stopped=False,
    )


def _is_switching(request: PlanRequest, current: Step) -> bool:
    """Answer whether doses are still to be switched to another drug."""
    return isinstance(request.method, Switch) and request.drug_id in current.by_drug


def _redirected(
    plan: Plan, current: Step, next_on: date, method: Method, goal_mg: Decimal | None = None
) -> Plan:
    """Let the future follow another method, from whichever drug is in force."""
    request = plan.request
    if not current.by_drug:
        raise RequestError("on: takes a day with a dose; from zero there is nothing to lower.")
    (drug_id,) = current.by_drug
    earlier = {own: weight for own, weight in weights(request).items() if own != drug_id}
    if drug_id == request.drug_id and isinstance(request.method, Switch):
        earlier = dict(request.earlier_drugs)  # Not one dose was switched yet.
    slots = tuple(
        (name, sum((piece.mg for piece in pieces), Decimal(0)))
        for name, pieces in current.slots.items()
        if pieces
    )
    final_drug_id = method.to_drug if isinstance(method, Switch) else drug_id
    rebased = replace(
        request,
        drug_id=drug_id,
        slots=slots,
        method=method,
        goal_mg=_goal_for(request, final_drug_id, goal_mg),
        earlier_drugs=tuple(earlier.items()),
        # Nothing is asked any more of a drug that is left, and no request may name its products.
        products=tuple(p for p in request.products if p.drug_id in (drug_id, final_drug_id)),
    )
    check_typed_doses(rebased)
    return _flowed(plan, rebased, current, next_on, new_method=True)


def _goal_for(request: PlanRequest, final_drug_id: str, goal_mg: Decimal | None) -> Decimal:
    """Return the goal in milligrams of the drug the plan is to end on; never converted."""
    if goal_mg is not None:
        return goal_mg
    if request.goal_mg and final_drug_id != request.final_drug_id:
        raise RequestError(
            f"goal_mg: takes milligrams of {get_drug(final_drug_id).name}; the goal of "
            f"{plain(request.goal_mg)} mg is of {get_drug(request.final_drug_id).name}."
        )
    return request.goal_mg


def _amid_switch(
    plan: Plan, current: Step, next_on: date, method: Method, goal_mg: Decimal | None = None
) -> Plan:
    """Let the switch under way go on, with something else to follow it."""
    request = plan.request
    changed = replace(
        request,
        method=_amid(request, method),
        goal_mg=_goal_for(request, request.final_drug_id, goal_mg),
    )
    return _flowed(plan, changed, current, next_on)


def _amid(request: PlanRequest, method: Method) -> Switch:
    """Return the switch under way with what is to follow it; its doses stay as chosen."""
    under_way = request.method
    assert isinstance(under_way, Switch)  # noqa: S101 - two drugs in force mean a switch
    if not isinstance(method, Switch):
        return replace(under_way, then=method)
    for field in ("to_drug", "source", "to_slots"):
        kept = getattr(under_way, field)
        if getattr(method, field) != kept:
            raise RequestError(f"method.{field}: stays as it is while the switch is under way.")
    return method


def _flowed(
    plan: Plan,
    request: PlanRequest,
    last: Step,
    next_on: date,
    *,
    extra: Draft | None = None,
    new_method: bool = False,
) -> Plan:
    """Keep the steps up to ``last`` and let the rest flow again from ``next_on``."""
    kept = plan.steps[: last.number]
    past = [_as_draft(step) for step in kept] + ([extra] if extra else [])
    method_from = len(past) if new_method else plan.method_from
    steps, found = flow(request, past, next_on, method_from)
    if extra:
        found.append(_step_back_finding(extra, last.number + 1))
    # Where the plan now ends short of its goal is news even when no step is.
    new = [item for item in found if (item.step or 0) > last.number or item.rule == GOAL_RULE]
    known = set(plan.findings)
    told = [item for item in request_findings(request) if item not in known]
    # The kept steps keep the pace they were signed with; only their last day moves.
    same = tuple(replace(step, end_on=steps[step.number - 1].end_on) for step in kept)
    all_steps = (*same, *steps[last.number :])
    return Plan(
        request=request,
        steps=all_steps,
        findings=tuple(in_step_order([*_findings_until(plan, last.number), *told, *new])),
        totals=totals_of(all_steps),
        method_from=method_from,
    )


def _findings_until(plan: Plan, number: int) -> tuple[Finding, ...]:
    """Return what was said of the plan and of its first steps; how it ends is open again."""
    return tuple(
        item
        for item in plan.findings
        if item.step is None or (item.step <= number and item.rule != GOAL_RULE)
    )


def _step_back_finding(draft: Draft, number: int) -> Finding:
    text = f"Step {number} goes back to a higher dose: {draft.reason}"
    return finding("ASAM-17", Level.WARN, text, step=number)


def _as_draft(step: Step) -> Draft:
    target = step.target_mg
    return Draft(
        start_on=step.start_on,
        slots=tuple(step.slots.items()),
        target_mg=None if target is None else Fraction(target),
        reason=step.reason,
    )
