"""What holds for every plan, whatever is asked: checked on plans drawn at random.

``generate_plans`` does the same a hundred thousand times; here Hypothesis
looks for the smallest plan that breaks a promise.
"""

import random
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.clinical.drugs import all_drugs
from apps.clinical.errors import ClinicalError
from apps.clinical.methods import Custom, FixedMg, PercentOfCurrent, Switch
from apps.clinical.replan import (
    change_goal,
    change_method,
    hold,
    resume,
    slow_down,
    step_back,
    stop,
)
from apps.clinical.requests import parse_request, plan_to_json
from apps.clinical.taper import build_plan
from tests.clinical.generate_plans import (
    measure_plans_per_second,
    measure_two_year_plan,
    random_request,
    run_chunk,
)
from tests.clinical.plan_audit import broken_promises, wrong_sums

SEEDS = st.integers(0, 2**32)


def unless_refused(build):
    """Return what ``build`` gives, or None where it is refused with a sentence."""
    refusal = ""
    try:
        return build()
    except ClinicalError as error:
        refusal = str(error)
    assert refusal.endswith(".")
    return None


def plan_from(seed):
    """Return a random plan, or None where the request is refused."""
    request = random_request(random.Random(seed))
    return unless_refused(lambda: build_plan(parse_request(request)))


@settings(max_examples=40)
@given(seed=SEEDS)
def test_every_plan_sums_exactly_never_rises_and_hides_no_breach(seed):
    plan = plan_from(seed)
    if plan is not None:
        assert wrong_sums(plan) == []
        assert broken_promises(plan) == []


def switching_from(seed):
    """Return a random request for a switch with doses typed for it."""
    draw = random.Random(seed)
    while True:
        request = random_request(draw)
        if "to_slots" in request["method"]:
            return request


@settings(max_examples=25)
@given(seed=SEEDS, confirmed=st.booleans())
def test_typed_doses_of_a_switch_never_raise_the_total_unless_confirmed(seed, confirmed):
    request = {**switching_from(seed), "confirmed": confirmed}
    plan = unless_refused(lambda: build_plan(parse_request(request)))
    if plan is None:
        return
    assert set(request["method"]["to_slots"]) == set(request["slots"])
    assert wrong_sums(plan) == []
    assert broken_promises(plan) == []
    switched = plan.steps[len(request["slots"])].by_drug
    typed = sum(map(Decimal, request["method"]["to_slots"].values()))
    assert switched == {request["method"]["to_drug"]: typed}


@settings(max_examples=15)
@given(seed=SEEDS)
def test_the_same_request_always_gives_the_same_answer(seed):
    plan = plan_from(seed)
    if plan is not None:
        assert plan_to_json(build_plan(plan.request)) == plan_to_json(plan)


def changes_of(plan, on, data):
    """Return every change there is, with values drawn for it."""
    daily = plan.request.daily_mg
    days = data.draw(st.integers(1, 40))
    share = data.draw(st.integers(1, 60))
    cut = FixedMg(daily * share / 200)
    typed = Custom(tuple(sorted({daily * share / 60, daily / 4, Decimal(0)}, reverse=True)))
    source = data.draw(st.sampled_from(["vadod", "ashton_low"]))
    return {
        "hold": lambda: hold(plan, on, days),
        "open hold": lambda: hold(plan, on, None),
        "resume": lambda: resume(plan, on),
        "step back": lambda: step_back(plan, on, reason="worse", hold_days=days),
        "slow": lambda: slow_down(plan, on, interval_days=plan.request.interval_days + share % 9),
        "slow by method": lambda: slow_down(plan, on, method=PercentOfCurrent(Decimal(share))),
        "method": lambda: change_method(plan, on, cut, interval_days=7 + share % 22),
        "typed list": lambda: change_method(plan, on, typed),
        "switch": lambda: change_method(plan, on, Switch("diazepam", source, days, cut)),
        "switch on": lambda: change_method(plan, on, Switch("chlordiazepoxide", source, 7, cut)),
        "goal": lambda: change_goal(plan, on, plan.request.goal_mg + daily * share / 90),
        "stop": lambda: stop(plan, on),
    }


def rises_unasked(plan):
    """Return the steps on which the milligrams of the only drug rise without a step back."""
    return [
        after.number
        for before, after in pairwise(plan.steps)
        if before.by_drug.keys() | after.by_drug.keys() == {next(iter(before.by_drug), "")}
        and after.daily_mg > before.daily_mg
        and not after.reason
    ]


@settings(max_examples=20)
@given(seed=SEEDS, data=st.data())
def test_any_row_of_changes_on_any_days_keeps_the_past_and_the_sums_or_is_refused(seed, data):
    plan = plan_from(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        if plan is None:
            return
        length = (plan.steps[-1].start_on - plan.steps[0].start_on).days
        on = plan.steps[0].start_on + timedelta(days=data.draw(st.integers(-2, length + 10)))
        changes = changes_of(plan, on, data)
        new = unless_refused(changes[data.draw(st.sampled_from(sorted(changes)))])
        if new is None:
            continue
        past = [step for step in plan.steps if step.start_on < on]
        assert [step for step in new.steps if step.number < len(past)] == past[:-1]
        assert [step.slots for step in new.steps[: len(past)]] == [step.slots for step in past]
        assert wrong_sums(new) == []
        assert rises_unasked(new) == []
        assert 1 <= new.method_from <= len(new.steps)
        if new.request.earlier_drugs or new.request.drug_id != plan.request.drug_id:
            plan = new
            continue  # The audit weighs all steps by one source; here the drug changed under way.
        if isinstance(plan.request.method, Switch) == isinstance(new.request.method, Switch):
            assert broken_promises(new) == []
        plan = new


def test_a_chunk_of_the_bulk_run_finds_nothing_wrong(monkeypatch):
    monkeypatch.setattr("tests.clinical.generate_plans.CHUNK", 20)
    counts = run_chunk(1)
    assert counts["plans"] + counts["refused"] == 20
    assert (counts["wrong"], counts["breaches"]) == (0, 0)


def test_the_bulk_run_draws_every_kind_of_request_there_is():
    drawn = [random_request(random.Random(seed)) for seed in range(400)]
    switched = {each["method"].get("to_drug") for each in drawn} - {None}
    assert len(switched) > 5
    assert any(each.get("short_use") for each in drawn)
    assert len({each.get("low_dose_floor_mg") for each in drawn}) == 7
    assert {each["drug"] for each in drawn} == {drug.id for drug in all_drugs()}


def test_plans_per_second_can_be_measured(monkeypatch):
    monkeypatch.setattr("tests.clinical.generate_plans.CHUNK", 10)
    measured = measure_plans_per_second(chunks=2)
    assert measured["plans"] + measured["refused"] == 20
    assert measured["per_second"] > 0
    assert measured["steps_per_plan"] > 1


def test_a_two_year_plan_can_be_measured():
    measured = measure_two_year_plan(plans=3)
    assert measured["plans"] == 3
    assert 0 < measured["p50_ms"] <= measured["p95_ms"]
