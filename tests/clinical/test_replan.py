"""Changing a plan: the past stays as it was signed, the future flows again."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from apps.clinical.errors import ConfirmDoseError, RequestError
from apps.clinical.findings import Level
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
from tests.clinical.plan_audit import broken_promises, wrong_sums
from tests.clinical.plans import START, TEN_PERCENT, doses, plan_for, product, rules

DAY = START + timedelta(days=31)  # In step 3, which began on day 28.
PLAN = plan_for("diazepam", {"morning": "20", "night": "20"})
SWITCH = Switch("diazepam", "ashton", 7, TEN_PERCENT)
SWITCHING = plan_for("lorazepam_ir", {"morning": "2", "midday": "2", "night": "2"}, SWITCH)
EMPTYING = plan_for("diazepam", {"morning": "1", "night": "2"}, FixedMg(Decimal("0.5")))
HALF_SWITCHED = START + timedelta(days=9)
SWITCHED = START + timedelta(days=40)


def changed(plan, new, day=DAY):
    """Check what every change must keep, and return the new plan."""
    past = [step for step in plan.steps if step.start_on < day]
    for old, kept in zip(past[:-1], new.steps, strict=False):
        assert kept == old
    last, kept = past[-1], new.steps[len(past) - 1]
    assert (kept.slots, kept.start_on, kept.verdict) == (last.slots, last.start_on, last.verdict)
    early = {item for item in plan.findings if item.step and item.step <= len(past)}
    assert early <= set(new.findings)
    assert wrong_sums(new) == []
    return new


def test_a_hold_moves_the_future_by_its_days_and_nothing_else():
    new = changed(PLAN, hold(PLAN, DAY, 10))
    assert doses(new) == doses(PLAN)
    assert new.steps[2].end_on == PLAN.steps[2].end_on + timedelta(days=10)
    assert new.steps[3].start_on == PLAN.steps[3].start_on + timedelta(days=10)
    assert broken_promises(new) == []


def as_stored(plan):
    """Return the plan as it comes back from its rows: a time of day without tablets is none."""
    return replace(
        plan,
        steps=tuple(
            replace(step, slots={name: parts for name, parts in step.slots.items() if parts})
            for step in plan.steps
        ),
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda plan, day: hold(plan, day, 10),
        lambda plan, day: step_back(plan, day, reason="Poor sleep"),
        lambda plan, day: slow_down(plan, day, interval_days=28),
        lambda plan, day: change_goal(plan, day, Decimal("0.5")),
        # A method that begins with fewer times of day, and a step back to more of them.
        lambda plan, day: step_back(
            as_stored(change_method(plan, day, FixedMg(Decimal("0.5")))),
            day + timedelta(days=1),
            reason="Poor sleep",
        ),
    ],
    ids=["hold", "step back", "slow down", "goal", "method, then step back"],
)
@pytest.mark.parametrize("plan", [EMPTYING, SWITCHING], ids=["one drug", "a switch"])
def test_a_time_of_day_that_has_emptied_stops_no_decision(plan, change):
    def answer(asked, day):
        try:
            new = change(asked, day)
        except RequestError as error:
            return str(error)
        assert wrong_sums(new) == []
        return doses(new)

    days = [step.start_on + timedelta(days=1) for step in plan.steps[1:]]
    assert any(not parts for step in plan.steps[:-1] for parts in step.slots.values())
    assert [answer(as_stored(plan), day) for day in days] == [answer(plan, day) for day in days]


def test_a_hold_of_the_last_step_changes_nothing():
    late = date(2040, 1, 1)
    assert changed(PLAN, hold(PLAN, late, 10), late).steps == PLAN.steps


def test_an_open_hold_has_no_further_step_until_it_is_resumed():
    held = changed(PLAN, hold(PLAN, DAY, None))
    assert held.held
    assert (len(held.steps), held.steps[-1].end_on) == (3, None)
    assert broken_promises(held) == []
    later = DAY + timedelta(days=60)
    again = changed(held, resume(held, later), later)
    assert not again.held
    assert again.steps[3].start_on == later
    assert doses(again) == doses(PLAN)
    assert broken_promises(again) == []


def test_a_hold_of_a_stopped_plan_plans_no_step():
    ended = stop(PLAN, DAY)
    assert hold(ended, DAY, 14) == ended


def test_an_open_hold_may_be_turned_into_one_of_days():
    new = hold(hold(PLAN, DAY, None), DAY, 14)
    assert new.steps[3].start_on == DAY + timedelta(days=14 + 14)


@pytest.mark.parametrize("days", [0, -1, 183, True, "14", 1.5, Decimal(14)])
def test_a_hold_takes_1_to_182_days(days):
    with pytest.raises(RequestError, match="days: takes"):
        hold(PLAN, DAY, days)
    with pytest.raises(RequestError, match="hold_days: takes"):
        step_back(PLAN, DAY, reason="worse", hold_days=days)


def test_resuming_needs_a_hold_and_a_later_day():
    with pytest.raises(RequestError, match="not on an open-ended hold"):
        resume(PLAN, DAY)
    held = hold(PLAN, DAY, None)
    with pytest.raises(RequestError, match="a day after"):
        resume(held, held.steps[-1].start_on)
    with pytest.raises(RequestError, match="a day after 2026-12-29"):
        resume(held, START + timedelta(days=20))


def test_a_step_back_returns_to_the_last_higher_dose_with_its_reason():
    new = changed(PLAN, step_back(PLAN, DAY, reason=" Panic attacks ", hold_days=21))
    assert doses(new)[:6] == ["40", "36", "32", "36", "32", "28.5"]
    assert new.steps[3].reason == "Panic attacks"
    assert new.steps[3].start_on == DAY
    assert new.steps[4].start_on == DAY + timedelta(days=21)
    assert str(new.steps[3].cut_pct) == "-12.5"
    assert "ASAM-17" in rules(new, 4)
    assert broken_promises(new) == []


def test_a_step_back_needs_a_reason_and_a_higher_dose():
    with pytest.raises(RequestError, match="reason"):
        step_back(PLAN, DAY, reason="  ")
    with pytest.raises(RequestError, match="no dose before"):
        step_back(PLAN, START + timedelta(days=3), reason="worse")


def test_a_step_back_on_the_day_of_a_cut_undoes_that_cut():
    first_day = PLAN.steps[2].start_on
    new = changed(PLAN, step_back(PLAN, first_day, reason="worse"), first_day)
    assert doses(new)[:4] == ["40", "36", "36", "32"]


def test_a_switch_has_no_higher_dose_to_go_back_to():
    with pytest.raises(RequestError, match="no dose before"):
        step_back(SWITCHING, START + timedelta(days=20), reason="worse")


def test_slowing_down_spreads_the_steps_and_never_brings_one_forward():
    new = changed(PLAN, slow_down(PLAN, DAY, interval_days=28))
    assert (new.steps[3].start_on - new.steps[2].start_on).days == 28
    assert (new.steps[4].start_on - new.steps[3].start_on).days == 28
    assert doses(new) == doses(PLAN)


def test_slowing_down_with_smaller_cuts_begins_at_the_next_planned_step():
    new = changed(PLAN, slow_down(PLAN, DAY, method=PercentOfCurrent(Decimal(5))))
    assert new.steps[3].start_on == PLAN.steps[3].start_on
    assert doses(new)[:5] == ["40", "36", "32", "30", "28.5"]


def test_slowing_down_before_the_first_swap_keeps_the_switch():
    day = START + timedelta(days=2)
    slower = slow_down(SWITCHING, day, method=PercentOfCurrent(Decimal(5)))
    assert [set(step.by_drug) for step in slower.steps[:4]] == [
        set(step.by_drug) for step in SWITCHING.steps[:4]
    ]
    assert [step.by_drug["diazepam"] for step in slower.steps[3:5]] == [60, 57]


def test_slowing_down_takes_something_slower():
    with pytest.raises(RequestError, match="a new method or a longer interval_days"):
        slow_down(PLAN, DAY)
    with pytest.raises(RequestError, match="at least the present 14 days"):
        slow_down(PLAN, DAY, interval_days=7)


def test_slowing_down_a_switch_goes_on_with_the_switch():
    new = changed(SWITCHING, slow_down(SWITCHING, HALF_SWITCHED, interval_days=28), HALF_SWITCHED)
    assert [set(step.by_drug) for step in new.steps[:4]] == [
        {"lorazepam_ir"},
        {"lorazepam_ir", "diazepam"},
        {"lorazepam_ir", "diazepam"},
        {"diazepam"},
    ]
    assert broken_promises(new) == []


def test_a_new_method_counts_from_the_dose_in_force():
    new = changed(PLAN, change_method(PLAN, DAY, FixedMg(Decimal(4)), interval_days=21))
    assert doses(new)[2:6] == ["32", "28", "24", "20"]
    assert (new.steps[4].start_on - new.steps[3].start_on).days == 21
    assert new.method_from == 3
    assert broken_promises(new) == []


def test_typed_doses_may_take_over_from_any_day():
    typed = Custom(tuple(map(Decimal, ("36", "30", "28", "0"))))
    assert doses(change_method(PLAN, DAY, typed)) == ["40", "36", "32", "30", "28", "0"]


def test_held_typed_doses_go_on_below_the_present_one():
    typed = Custom(tuple(map(Decimal, ("36", "36", "32", "0"))))
    plan = plan_for("diazepam", {"night": "40"}, typed)
    assert doses(changed(plan, hold(plan, DAY, 14))) == ["40", "36", "36", "32", "0"]


def test_a_switch_may_be_decided_in_the_middle_of_a_taper():
    plan = plan_for("lorazepam_ir", {"morning": "2", "night": "2"})
    new = changed(plan, change_method(plan, DAY, SWITCH))
    assert new.request.final_drug_id == "diazepam"
    assert new.steps[-1].daily_mg == 0
    assert {"lorazepam_ir", "diazepam"} in [set(step.by_drug) for step in new.steps]
    assert broken_promises(new) == []


def test_half_way_through_a_switch_only_what_follows_it_can_change():
    new = changed(
        SWITCHING,
        change_method(SWITCHING, HALF_SWITCHED, FixedMg(Decimal(2))),
        HALF_SWITCHED,
    )
    assert [step.by_drug.get("diazepam") for step in new.steps[3:6]] == [60, 58, 56]
    later = change_goal(new, HALF_SWITCHED, Decimal(10))
    assert later.steps[-1].by_drug == {"diazepam": 10}
    other = Switch("diazepam", "ashton", 14, FixedMg(Decimal(2)))
    slower = change_method(SWITCHING, HALF_SWITCHED, other)
    assert (slower.steps[3].start_on - slower.steps[2].start_on).days == 14


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to_drug", "clonazepam"),
        ("source", "vadod"),
        ("to_slots", (("morning", Decimal(20)), ("midday", Decimal(20)), ("night", Decimal(20)))),
    ],
)
def test_what_a_switch_under_way_converts_by_stays_as_it_is(field, value):
    other = replace(SWITCH, **{field: value})
    with pytest.raises(RequestError, match=f"^method.{field}: stays as it is"):
        change_method(SWITCHING, HALF_SWITCHED, other)


def test_a_hold_after_a_switch_switches_nothing_again():
    new = changed(SWITCHING, hold(SWITCHING, SWITCHED, 10), SWITCHED)
    assert doses(new) == doses(SWITCHING)
    assert broken_promises(new) == []


def test_a_switch_not_yet_begun_can_be_given_up():
    day = START + timedelta(days=2)
    new = changed(SWITCHING, change_method(SWITCHING, day, FixedMg(Decimal("0.5"))), day)
    assert {drug for step in new.steps for drug in step.by_drug} == {"lorazepam_ir"}


def test_after_a_switch_the_new_drug_is_tapered_and_the_pace_still_looks_back():
    day = START + timedelta(days=22)
    new = changed(SWITCHING, change_method(SWITCHING, day, FixedMg(Decimal(18))), day)
    assert new.request.drug_id == "diazepam"
    assert [step.by_drug.get("diazepam") for step in new.steps[3:5]] == [60, 42]
    assert str(new.steps[4].fall_14d_pct) == "30.0"
    assert "ASAM-09" in rules(new, 5)
    back = Switch("clonazepam", "ashton", 7, FixedMg(Decimal("0.25")))
    again = change_method(new, SWITCHED, back)
    assert {"diazepam", "clonazepam"} in [set(step.by_drug) for step in again.steps]
    assert wrong_sums(again) == []


NEW_METHOD = change_method(PLAN, DAY, FixedMg(Decimal(4)))
CHANGES = {
    "hold": lambda plan, day: hold(plan, day, 14),
    "open hold": lambda plan, day: hold(plan, day, None),
    "step back": lambda plan, day: step_back(plan, day, reason="worse"),
    "slow down": lambda plan, day: slow_down(plan, day, interval_days=28),
    "method": lambda plan, day: change_method(plan, day, TEN_PERCENT),
    "goal": lambda plan, day: change_goal(plan, day, Decimal(5)),
    "stop": stop,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_plan_cannot_change_before_an_earlier_change_of_method(name):
    with pytest.raises(RequestError, match=r"^on: takes 2026-12-29 or a later day, since"):
        CHANGES[name](NEW_METHOD, START + timedelta(days=20))
    assert CHANGES[name](NEW_METHOD, START + timedelta(days=29)).method_from == 3


@pytest.mark.parametrize("name", CHANGES)
def test_a_day_beyond_the_calendar_is_refused(name):
    with pytest.raises(RequestError, match=r"^on: takes a day up to 2200-01-01"):
        CHANGES[name](PLAN, date.max)


def test_a_step_back_does_not_take_up_a_drug_that_was_left():
    stock = (product("diazepam", "5"), product("lorazepam_ir", "1"))
    plan = plan_for(
        "lorazepam_ir", {"night": "1"}, replace(SWITCH, source="ashton"), products=stock
    )
    assert plan.steps[1].by_drug == {"diazepam": 10}
    coarse = plan_for("oxazepam", {"night": "10"}, replace(SWITCH, source="vadod"))
    day = coarse.steps[1].start_on + timedelta(days=1)
    back = step_back(coarse, day, reason="worse")
    assert back.steps[2].by_drug == {"oxazepam": 10}
    rebased = change_method(coarse, day, TEN_PERCENT)
    with pytest.raises(RequestError, match=r"^on: takes a day after a cut"):
        step_back(rebased, day, reason="worse")


def test_a_switch_decided_later_tells_what_a_new_plan_would_tell():
    plan = plan_for("lorazepam_ir", {"night": "4"})
    typed = replace(SWITCH, to_slots=(("night", Decimal(20)),))
    new = change_method(plan, DAY, typed)
    assert "C-05" in [item.rule for item in new.findings if item.step is None]
    assert "ASH-02" in rules(new)
    with pytest.raises(RequestError, match=r"^method\.to_slots: the dose typed for night brings"):
        change_method(plan, DAY, replace(SWITCH, to_slots=(("night", Decimal(300)),)))


def test_a_confirmed_first_dose_does_not_confirm_a_rise_typed_later():
    plan = plan_for("lorazepam_ir", {"night": "4"}, confirmed=True)
    typed = replace(SWITCH, source="vadod", to_slots=(("night", Decimal(20)),))
    with pytest.raises(ConfirmDoseError, match=r"raises the day above what vadod calls equal"):
        change_method(plan, DAY, typed)
    new = change_method(plan, DAY, typed, confirmed=True)
    assert new.steps[-1].daily_mg == 0


def test_a_goal_is_never_carried_over_to_another_drug():
    plan = plan_for("lorazepam_ir", {"night": "4"}, goal_mg="1")
    with pytest.raises(RequestError, match=r"^goal_mg: takes milligrams of diazepam; the goal"):
        change_method(plan, DAY, SWITCH)
    new = change_method(plan, DAY, SWITCH, goal_mg=Decimal(10))
    assert new.steps[-1].by_drug == {"diazepam": 10}
    half = change_method(SWITCHING, HALF_SWITCHED, FixedMg(Decimal(2)), goal_mg=Decimal(20))
    assert half.steps[-1].by_drug == {"diazepam": 20}


def test_a_time_of_day_that_was_emptied_takes_no_part_in_a_new_method():
    plan = plan_for("diazepam", {"morning": "2", "night": "8"}, FixedMg(Decimal(1)))
    empty = next(step for step in plan.steps if not step.slots["morning"])
    new = change_method(plan, empty.start_on, FixedMg(Decimal("0.5")))
    assert [name for name, _ in new.request.slots] == ["night"]
    assert new.steps[-1].daily_mg == 0
    assert wrong_sums(new) == []


def test_a_goal_may_be_raised_above_zero_on_the_way():
    new = changed(PLAN, change_goal(PLAN, DAY, Decimal(10)))
    assert doses(new)[-1] == "10"
    assert broken_promises(new) == []


def test_a_goal_that_can_no_longer_be_made_is_named_even_when_no_step_follows():
    stock = (product("flurazepam", "30", "capsule"),)
    plan = plan_for("flurazepam", {"night": "60"}, products=stock)
    last_capsule = plan.steps[1].start_on
    new = changed(plan, change_goal(plan, last_capsule, Decimal(1)), last_capsule)
    assert doses(new) == ["60", "30"]
    assert "GOAL" in rules(new, 2)
    assert "GOAL" not in rules(change_goal(new, last_capsule, Decimal(0)))


def test_a_goal_must_be_below_the_dose_in_force():
    with pytest.raises(RequestError, match="less than the dose in force"):
        change_goal(PLAN, DAY, Decimal(32))


def test_stopping_keeps_the_dose_and_drops_the_future():
    new = changed(PLAN, stop(PLAN, DAY))
    assert (doses(new), new.held) == (["40", "36", "32"], False)
    (ended,) = [item for item in new.findings if item.rule == "GOAL"]
    assert (ended.step, ended.level) == (3, Level.NOTE)
    assert "stopped before its goal of 0 mg" in ended.message
    late = date(2040, 1, 1)
    assert "GOAL" not in rules(stop(PLAN, late))


def test_a_plan_cannot_change_before_it_begins():
    with pytest.raises(RequestError, match="the plan begins on 2026-12-01"):
        hold(PLAN, START - timedelta(days=1))


def test_a_plan_that_is_done_has_nothing_left_to_lower():
    with pytest.raises(RequestError, match="on: takes a day with a dose"):
        change_method(PLAN, date(2040, 1, 1), TEN_PERCENT)


@pytest.mark.parametrize("days", [0, 6, 29])
def test_a_new_interval_keeps_to_7_to_28_days(days):
    with pytest.raises(RequestError, match="interval_days: takes"):
        change_method(PLAN, DAY, TEN_PERCENT, interval_days=days)


def test_a_plan_may_change_again_and_again():
    plan = PLAN
    for number in range(1, 8):
        day = START + timedelta(days=15 * number)
        plan = changed(plan, hold(plan, day, number), day)
        plan = changed(
            plan, slow_down(plan, day, method=PercentOfCurrent(Decimal(10 - number))), day
        )
    assert broken_promises(plan) == []
    assert plan.steps[-1].daily_mg == 0


def test_slowing_down_refuses_a_next_dose_below_the_planned_one():
    with pytest.raises(RequestError, match=r"^method: slowing down takes smaller cuts; the next"):
        slow_down(PLAN, DAY, method=PercentOfCurrent(Decimal(90)))
    with pytest.raises(RequestError, match=r"^method: slowing down takes smaller cuts"):
        slow_down(PLAN, DAY, method=FixedMg(Decimal(9)), interval_days=28)
    done = slow_down(PLAN, date(2040, 1, 1), interval_days=28)
    assert doses(done) == doses(PLAN)


ENDINGS = {
    "open hold": lambda: hold(PLAN, DAY, None),
    "stop": lambda: stop(PLAN, DAY),
}
GOING_ON = {
    "slow down": lambda plan, day: slow_down(plan, day, interval_days=28),
    "slower method": lambda plan, day: slow_down(plan, day, method=PercentOfCurrent(Decimal(5))),
    "goal": lambda plan, day: change_goal(plan, day, Decimal(5)),
}


@pytest.mark.parametrize("going_on", GOING_ON)
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_held_or_stopped_plan_gets_no_new_cut_by_slowing_down_or_another_goal(ending, going_on):
    plan = ENDINGS[ending]()
    with pytest.raises(RequestError, match=r"^plan: .*resume it"):
        GOING_ON[going_on](plan, DAY + timedelta(days=5))


def test_an_open_ended_hold_is_resumed_before_the_method_changes():
    with pytest.raises(RequestError, match=r"^plan: is on an open-ended hold; resume it first"):
        change_method(hold(PLAN, DAY, None), DAY, FixedMg(Decimal(4)))


def test_a_stopped_plan_goes_on_only_by_resuming_or_another_method():
    stopped = stop(PLAN, DAY)
    assert stopped.stopped
    with pytest.raises(RequestError, match=r"^plan: was stopped; resume it or"):
        step_back(stopped, DAY, reason="worse")
    later = DAY + timedelta(days=30)
    for again in (resume(stopped, later), change_method(stopped, later, FixedMg(Decimal(4)))):
        assert not again.stopped
        assert again.steps[-1].daily_mg == 0
    assert stop(stopped, DAY).stopped
    held = hold(stopped, DAY, None)
    assert (held.held, held.stopped) == (True, False)


def test_a_typed_list_that_rises_cannot_be_changed_to():
    with pytest.raises(RequestError, match=r"^daily_mg\[1\]: 15 mg is above the 10 mg"):
        change_method(PLAN, DAY, Custom(tuple(map(Decimal, (10, 15, 5)))))


def test_a_plan_stopped_at_its_end_still_says_why_it_lies_below_the_goal():
    goal = Decimal("2.115")
    plan = plan_for("lorazepam_ir", {"night": Decimal(3)}, Custom((goal,)), goal_mg=goal)
    ended = stop(plan, plan.steps[-1].start_on)
    assert ended.steps[-1].daily_mg == Decimal("2.1")
    assert (
        [item for item in ended.findings if item.rule == "GOAL"]
        == [item for item in plan.findings if item.rule == "GOAL"]
        != []
    )
