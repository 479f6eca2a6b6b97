"""Switching drugs: one time of day at a time, the equivalent total held."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from apps.clinical.doses import plain
from apps.clinical.errors import (
    ConfirmDoseError,
    ConversionError,
    NotDispensableError,
    RequestError,
)
from apps.clinical.findings import Level
from apps.clinical.methods import CKS_BANDS, Custom, PercentOfCurrent, Switch
from apps.clinical.plan import milligrams_by_drug
from apps.clinical.weighing import final_mg
from tests.clinical.plan_audit import broken_promises, wrong_sums
from tests.clinical.plans import START, TEN_PERCENT, plan_for, product, rules

THREE_TIMES = {"morning": "2", "midday": "2", "night": "2"}


def switch(source="ashton", days=7, then=TEN_PERCENT, to_drug="diazepam", **to_slots):
    typed = tuple((name, Decimal(mg)) for name, mg in to_slots.items())
    return Switch(to_drug, source, days, then, typed)


LORAZEPAM = product("lorazepam_ir", "0.5")


def audited(plan):
    assert wrong_sums(plan) == []
    assert broken_promises(plan) == []
    return plan


def shown(step):
    """Return each slot as milligrams by drug, as text."""
    return {
        slot: {drug: plain(mg) for drug, mg in milligrams_by_drug([(slot, pieces)]).items()}
        for slot, pieces in step.slots.items()
    }


def test_the_last_time_of_day_goes_first_and_the_others_follow_in_order():
    plan = audited(plan_for("lorazepam_ir", THREE_TIMES, switch()))
    order = [
        next(slot for slot in before.slots if before.slots[slot] != after.slots[slot])
        for before, after in pairwise(plan.steps[:4])
    ]
    assert order == ["night", "morning", "midday"]


def test_the_equivalent_total_is_held_while_the_switch_runs():
    plan = audited(plan_for("lorazepam_ir", THREE_TIMES, switch()))
    totals = {final_mg(plan.request, tuple(step.slots.items())) for step in plan.steps[:4]}
    assert totals == {60}
    assert all(str(step.cut_pct) == "0.0" for step in plan.steps[:4])
    assert "ASH-02" not in rules(plan)


def test_the_source_named_decides_the_dose():
    after = {
        source: plan_for("lorazepam_ir", THREE_TIMES, switch(source)).steps[3].daily_mg
        for source in ("ashton", "vadod")
    }
    assert after == {"ashton": 60, "vadod": 30}


def test_swaps_are_swap_days_apart_and_the_first_cut_one_interval_after_the_last():
    plan = audited(plan_for("lorazepam_ir", THREE_TIMES, switch(days=10)))
    days = [(step.start_on - START).days for step in plan.steps[:5]]
    assert days == [0, 10, 20, 30, 44]


def test_the_conversion_shows_every_source_and_says_which_is_used():
    note = plan_for("lorazepam_ir", THREE_TIMES, switch()).findings[0]
    assert (note.rule, note.level) == ("C-05", Level.WARN)
    for words in ("VA/DoD 30 mg", "Ashton 60 mg", "uses Ashton, as typed"):
        assert words in note.message
    agreeing = plan_for("chlordiazepoxide", {"night": "25"}, switch()).findings[0]
    assert agreeing.level is Level.NOTE


def test_a_dose_that_cannot_be_converted_exactly_rounds_down():
    plan = audited(plan_for("oxazepam", {"morning": "10", "night": "10"}, switch("vadod")))
    assert shown(plan.steps[1])["night"] == {"diazepam": "3"}
    assert shown(plan.steps[2]) == {"morning": {"diazepam": "3"}, "night": {"diazepam": "3"}}


def test_a_liquid_is_measured_where_tablets_would_lose_over_a_tenth():
    plan = audited(plan_for("clonazepam", {"night": "0.125"}, switch("vadod")))
    assert [str(piece.quantity) for piece in plan.steps[1].slots["night"]] == ["1.2"]


def test_doses_a_person_typed_go_before_the_source():
    plan = audited(plan_for("lorazepam_ir", {"night": "2"}, switch(night="15")))
    assert shown(plan.steps[1])["night"] == {"diazepam": "15"}
    assert rules(plan).count("C-05") == 1


def test_a_typed_dose_outside_what_any_source_gives_asks_for_a_second_look():
    plan = plan_for("lorazepam_ir", {"night": "2"}, switch(night="5"))
    second = [item for item in plan.findings if item.rule == "C-05"][1]
    assert second.level is Level.CONFIRM
    assert "10 to 20 mg as diazepam" in second.message


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"night": "20"}, r"method\.to_slots\.morning: is missing"),
        ({"morning": "20", "noon": "20", "night": "20"}, r"method\.to_slots\.noon: is no time"),
    ],
)
def test_doses_are_typed_for_every_time_of_day_and_no_other(typed, why):
    with pytest.raises(RequestError, match=why):
        plan_for("lorazepam_ir", {"morning": "2", "night": "2"}, switch(**typed))


def test_a_typed_switch_above_the_source_named_is_refused_until_confirmed():
    request = ("lorazepam_ir", {"morning": "2", "night": "2"})
    typed = switch("vadod", morning="10", night="15")
    with pytest.raises(ConfirmDoseError, match=r"^method\.to_slots: the dose typed for night rais"):
        plan_for(*request, typed)
    plan = audited(plan_for(*request, typed, confirmed=True))
    (risen,) = [item for item in plan.findings if item.rule == "ASH-02"]
    assert (risen.step, risen.level) == (2, Level.CONFIRM)
    assert "25 mg diazepam, where 20 mg were taken" in risen.message


@pytest.mark.parametrize("confirmed", [False, True])
@pytest.mark.parametrize(
    ("drug_id", "slots", "typed"),
    [
        ("alprazolam_ir", {"night": "1"}, switch(night="60")),
        ("alprazolam_ir", {"night": "1"}, switch(night="20.5")),
        ("alprazolam_ir", {"night": "1"}, switch("vadod", night="21")),
        ("lorazepam_ir", {"morning": "2", "night": "2"}, switch(morning="1", night="39")),
        ("diazepam", {"night": "10"}, switch("vadod", to_drug="lorazepam_ir", night="2.5")),
    ],
)
def test_a_typed_switch_never_raises_the_dose_above_what_every_source_gives(
    drug_id, slots, typed, confirmed
):
    with pytest.raises(RequestError, match=r"^method\.to_slots: .* a switch never raises the dose"):
        plan_for(drug_id, slots, typed, confirmed=confirmed)


def test_a_typed_swap_that_rises_on_the_way_is_refused_until_confirmed():
    request = ("lorazepam_ir", {"morning": "2", "night": "2"})
    typed = switch("ashton", morning="22", night="18")
    with pytest.raises(ConfirmDoseError, match=r"dose typed for morning raises the day"):
        plan_for(*request, typed)
    assert audited(plan_for(*request, typed, confirmed=True)).steps[2].daily_mg == 40


def test_the_audit_finds_a_typed_rise_that_nobody_confirmed():
    typed = switch("vadod", night="20")
    plan = plan_for("lorazepam_ir", {"night": "2"}, typed, confirmed=True)
    unconfirmed = replace(plan, request=replace(plan.request, confirmed=False))
    assert "step 2 rises from 10 to 20" in broken_promises(unconfirmed)


@pytest.mark.parametrize(
    ("drug_id", "slot_mg", "diazepam_mg"),
    [("alprazolam_ir", "2", "40"), ("lorazepam_ir", "2", "20"), ("clonazepam", "0.5", "10")],
)
def test_ashtons_published_totals_need_no_confirmation(drug_id, slot_mg, diazepam_mg):
    slots = dict.fromkeys(THREE_TIMES, slot_mg)
    typed = switch(**dict.fromkeys(THREE_TIMES, diazepam_mg))
    if drug_id == "alprazolam_ir":  # 120 mg is ten times the usual, and asked about as such.
        with pytest.raises(ConfirmDoseError, match="at least ten times the usual"):
            plan_for(drug_id, slots, typed)
        return
    plan = audited(plan_for(drug_id, slots, typed))
    assert "ASH-02" not in rules(plan)


def test_typed_doses_below_the_source_are_named_with_what_is_lost():
    typed = switch("ashton", morning="18", night="17")
    plan = audited(plan_for("lorazepam_ir", {"morning": "2", "night": "2"}, typed))
    lost = [item for item in plan.findings if item.rule == "ASH-02"]
    assert [(item.step, item.level, str(item.percentage)) for item in lost] == [
        (2, Level.NOTE, "7.5"),
        (3, Level.WARN, "12.5"),
    ]
    assert "37 mg diazepam of the 40 mg" in lost[0].message


def test_a_typed_total_ten_times_the_usual_asks_to_be_confirmed():
    request = ("alprazolam_ir", {"night": "6"})
    with pytest.raises(ConfirmDoseError, match=r"^method\.to_slots: 110 mg diazepam"):
        plan_for(*request, switch(night="110"))
    plan = plan_for(*request, switch(night="110"), confirmed=True)
    (tenfold,) = [item for item in plan.findings if item.rule == "TENFOLD"]
    assert "comes to 110 mg diazepam a day" in tenfold.message


def test_a_conversion_names_the_sources_that_are_only_shown():
    note = plan_for("clorazepate", {"night": "15"}, switch()).findings[0]
    assert (note.rule, note.level) == ("C-05", Level.WARN)
    assert "VA/DoD 10 mg, ClinCalc 11.538 mg (5 to 18.75 mg)" in note.message


def test_a_converted_total_ten_times_the_usual_is_pointed_out():
    plan = audited(plan_for("alprazolam_ir", {"morning": "3", "night": "3"}, switch()))
    (tenfold,) = [item for item in plan.findings if item.rule == "TENFOLD"]
    assert (tenfold.level, tenfold.step) == (Level.CONFIRM, None)
    assert "comes to 120 mg diazepam" in tenfold.message


def test_a_switch_to_tablets_too_coarse_says_what_it_loses_and_names_ways_on():
    stock = (product("diazepam", "10"),)
    plan = audited(plan_for("lorazepam_ir", {"night": "1.5"}, switch(), products=stock))
    assert rules(plan, 2) == ["C-09", "ASAM-09"]
    coarse = next(item for item in plan.findings if item.rule == "C-09")
    assert "10 mg diazepam of the 15 mg" in coarse.message
    for way in ("diazepam 1 mg/mL oral liquid", "smaller tablets", "override"):
        assert way in coarse.message


def test_a_switch_that_rounds_away_less_than_a_cut_is_noted():
    plan = audited(plan_for("oxazepam", {"morning": "10", "night": "10"}, switch("vadod")))
    lost = [item for item in plan.findings if item.rule == "ASH-02"]
    assert [(item.step, item.level) for item in lost] == [(2, Level.NOTE), (3, Level.NOTE)]


def test_a_goal_is_compared_with_the_doses_typed():
    with pytest.raises(RequestError, match="goal_mg: takes less than the 15 mg diazepam"):
        plan_for("lorazepam_ir", {"night": "2"}, switch(night="15"), goal_mg="15")


def test_a_typed_dose_that_cannot_be_made_names_the_nearest():
    with pytest.raises(NotDispensableError, match=r"method.to_slots.night: 15.05 mg"):
        plan_for("lorazepam_ir", {"night": "2"}, switch(night="15.05"))


def test_a_switch_of_a_few_days_is_pointed_out():
    assert "ASAM-13" in rules(plan_for("lorazepam_ir", {"night": "2"}, switch(days=2)))
    assert "ASAM-13" not in rules(plan_for("lorazepam_ir", {"night": "2"}, switch(days=7)))


@pytest.mark.parametrize(
    ("drug_id", "method", "why"),
    [
        ("eszopiclone", switch(), "method.source: eszopiclone must not be converted"),
        ("diazepam", switch(to_drug="eszopiclone"), "must not be converted"),
        ("flurazepam", switch(), "write ashton_low or ashton_high"),
        ("clobazam", switch("vadod"), "gives no value for clobazam"),
        ("lorazepam_ir", switch("mine"), "takes vadod"),
    ],
)
def test_a_conversion_no_source_supports_is_refused(drug_id, method, why):
    stock = {"flurazepam": "15", "clobazam": "10", "diazepam": "10"}.get(drug_id, "1")
    with pytest.raises(ConversionError, match=why):
        plan_for(drug_id, {"night": stock}, method)


def test_the_goal_counts_in_the_drug_the_plan_ends_on():
    plan = audited(plan_for("lorazepam_ir", {"night": "2"}, switch(), goal_mg="10"))
    assert plan.steps[-1].by_drug == {"diazepam": 10}
    with pytest.raises(RequestError, match="less than the 20 mg diazepam"):
        plan_for("lorazepam_ir", {"night": "2"}, switch(), goal_mg="20")


def test_a_switch_that_rounds_below_the_goal_says_so():
    stock = (product("temazepam", "0.1", "liquid"),)
    request = {"goal_mg": "0.126", "products": stock}
    plan = audited(plan_for("temazepam", {"midday": "0.2"}, switch("vadod"), **request))
    (goal,) = [item for item in plan.findings if item.rule == "GOAL"]
    assert "ends at 0.1 mg, below the goal of 0.126 mg" in goal.message


def test_what_follows_may_be_any_method_and_counts_from_the_dose_after_the_switch():
    cks = audited(plan_for("lorazepam_ir", {"night": "2"}, switch(then=CKS_BANDS)))
    assert [step.daily_mg for step in cks.steps[1:4]] == [20, 19, 18]
    typed = Custom((Decimal(20), Decimal(18), Decimal(18), Decimal(0)))
    custom = audited(plan_for("lorazepam_ir", {"night": "2"}, switch(then=typed)))
    assert [step.daily_mg for step in custom.steps[1:]] == [20, 18, 18, 0]


def test_the_stock_of_each_drug_is_its_own():
    products = (product("diazepam", "5", part="0.5"), product("lorazepam_ir", "1"))
    plan = audited(plan_for("lorazepam_ir", {"night": "2"}, switch(), products=products))
    used = {piece.product for step in plan.steps for ps in step.slots.values() for piece in ps}
    assert used == set(products)


def test_a_cut_soon_after_a_switch_looks_back_over_it():
    then = PercentOfCurrent(Decimal(30))
    plan = audited(plan_for("lorazepam_ir", {"night": "2"}, switch(then=then), interval_days=7))
    assert str(plan.steps[2].fall_14d_pct) == "30.0"
    assert "ASAM-09" in rules(plan, 3)


def test_a_dose_too_small_to_convert_is_dropped_by_the_swap_and_flagged():
    stock = (product("diazepam", "10"),)
    plan = audited(
        plan_for("lorazepam_ir", {"morning": "0.5", "night": "1"}, switch(), products=stock)
    )
    assert shown(plan.steps[2]) == {"morning": {}, "night": {"diazepam": "10"}}
    assert "ASAM-09" in rules(plan, 3)


def test_a_quarter_of_the_dose_after_two_swaps_is_exact():
    plan = plan_for("alprazolam_ir", {"morning": "0.5", "night": "0.5"}, switch("vadod", 7))
    assert plan.steps[1].start_on == START + timedelta(days=7)
    assert final_mg(plan.request, tuple(plan.steps[1].slots.items())) == Fraction(10)
