"""Whole plans: what a prescriber gets for a request."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from apps.clinical.errors import ConfirmDoseError, NotDispensableError, RequestError
from apps.clinical.findings import RULES, Level
from apps.clinical.methods import (
    CKS_BANDS,
    MAUDSLEY_A_MG,
    Custom,
    DoseTable,
    FixedMg,
    Hyperbolic,
    PercentOfCurrent,
    PercentOfStart,
    Switch,
)
from apps.clinical.pace import Verdict
from apps.clinical.taper import build_plan
from tests.clinical.plan_audit import broken_promises, wrong_sums
from tests.clinical.plans import START, doses, plan_for, product, request_for, rules

HALVES = (product("clonazepam", "0.5", part="0.5"),)
SOLID_DIAZEPAM = tuple(product("diazepam", mg, part="0.5") for mg in ("2", "5", "10"))


def audited(plan):
    assert wrong_sums(plan) == []
    assert broken_promises(plan) == []
    return plan


def test_step_one_is_the_present_dose_and_the_first_cut_comes_one_interval_later():
    plan = audited(plan_for("diazepam", {"morning": "20", "night": "20"}))
    first, second = plan.steps[:2]
    assert (first.number, first.start_on, first.daily_mg) == (1, START, 40)
    assert first.end_on == START + timedelta(days=13)
    assert (second.start_on, second.daily_mg) == (START + timedelta(days=14), 36)
    assert (first.verdict, second.verdict) == (Verdict.OK, Verdict.OK)


def test_the_last_step_has_the_goal_and_no_end():
    last = audited(plan_for("diazepam", {"night": "20"})).steps[-1]
    assert (last.daily_mg, last.end_on) == (0, None)
    to_ten = audited(plan_for("diazepam", {"night": "20"}, goal_mg="10")).steps[-1]
    assert (to_ten.daily_mg, to_ten.end_on) == (10, None)


def test_every_slot_is_listed_on_every_step_even_when_it_is_empty():
    plan = plan_for("diazepam", {"morning": "10", "night": "10"})
    assert all(list(step.slots) == ["morning", "night"] for step in plan.steps)
    assert plan.steps[-1].slots["night"] == ()


def test_a_dose_that_cannot_be_made_moves_to_the_nearest_lower_one():
    plan = audited(plan_for("clonazepam", {"morning": "1", "night": "1"}, products=HALVES))
    assert doses(plan)[:6] == ["2", "1.75", "1.5", "1.25", "1", "0.75"]
    assert plan.steps[1].target_mg == Decimal("1.8")


def test_where_tablets_run_out_of_resolution_the_plan_says_so_and_names_ways_on():
    plan = audited(plan_for("clonazepam", {"morning": "1", "night": "1"}, products=HALVES))
    coarse = next(item for item in plan.findings if item.rule == "C-09")
    assert (coarse.step, coarse.level, coarse.days) == (7, Level.BLOCK, 14)
    assert str(coarse.percentage) == "33.3"
    for way in ("liquid", "longer hold", "switch", "override"):
        assert way in coarse.message
    assert rules(plan, 7) == ["C-09", "ASAM-09"]
    assert plan.steps[-1].daily_mg == 0, "a block is never a dead end"


@pytest.mark.parametrize(
    ("drug_id", "stock", "way"),
    [
        ("lorazepam_ir", [product("lorazepam_ir", "1")], "lorazepam 2 mg/mL oral liquid"),
        (
            "oxazepam",
            [product("oxazepam", "10", "capsule")],
            "no oxazepam liquid is on the",
        ),
        ("oxazepam", [product("oxazepam", "10", "liquid", "1")], "a finer syringe mark"),
        (
            "alprazolam_xr",
            [product("alprazolam_xr", "1", "xr_tablet")],
            "(alprazolam 1 mg/mL oral liquid), a change to immediate-release alprazolam",
        ),
        (
            "lorazepam_xr",
            [product("lorazepam_xr", "1", "xr_capsule")],
            "(lorazepam 2 mg/mL oral liquid), a change to immediate-release lorazepam",
        ),
    ],
)
def test_the_way_past_coarse_tablets_names_the_liquid_there_is(drug_id, stock, way):
    strength = stock[0].strength_mg
    plan = plan_for(drug_id, {"night": str(2 * strength)}, products=tuple(stock))
    assert way in next(item for item in plan.findings if item.rule == "C-09").message


def test_tablets_are_kept_until_a_liquid_is_really_needed():
    plan = audited(plan_for("diazepam", {"morning": "20", "night": "20"}))
    liquid = [
        any(piece.product.is_liquid for pieces in step.slots.values() for piece in pieces)
        for step in plan.steps
    ]
    first = liquid.index(True)
    assert plan.steps[first].daily_mg < 10
    assert plan.steps[first - 1].daily_mg > 5


def test_a_step_above_what_was_asked_is_pointed_out():
    stock = tuple(product("diazepam", mg) for mg in ("20", "28", "38"))
    plan = audited(plan_for("diazepam", {"night": "40"}, products=stock))
    assert doses(plan)[1] == "38", "28 mg would break the limit, 36 mg cannot be made"
    assert "above the 36 mg asked" in found(plan, "ROUNDED").message


def found(plan, rule):
    return next(item for item in plan.findings if item.rule == rule)


def test_a_pace_that_was_asked_for_is_built_and_blocked_not_changed_in_silence():
    plan = audited(plan_for("diazepam", {"night": "20"}, PercentOfCurrent(Decimal(50))))
    assert doses(plan)[:2] == ["20", "10"]
    assert plan.steps[1].verdict is Verdict.BLOCK
    assert "ASAM-09" in rules(plan, 2)
    assert "C-09" not in rules(plan, 2)


def test_a_pace_too_fast_and_not_dispensable_goes_to_the_smaller_cut():
    stock = (product("diazepam", "10"),)
    plan = audited(
        plan_for("diazepam", {"night": "40"}, PercentOfCurrent(Decimal(40)), products=stock)
    )
    assert doses(plan)[:2] == ["40", "30"]


def test_a_pace_too_fast_with_nothing_between_goes_to_the_next_lower_dose():
    stock = (product("flurazepam", "30", "capsule"),)
    plan = audited(
        plan_for("flurazepam", {"night": "60"}, PercentOfCurrent(Decimal(40)), products=stock)
    )
    assert doses(plan) == ["60", "30", "0"]


def test_a_goal_in_a_gap_between_products_ends_above_it_and_says_why():
    stock = (product("diazepam", "4"), product("diazepam", "5"))
    plan = audited(plan_for("diazepam", {"night": "5"}, goal_mg="1", products=stock))
    assert doses(plan) == ["5", "4"]
    assert "ends at 4 mg" in found(plan, "GOAL").message


def test_a_goal_that_cannot_be_made_ends_above_it_and_says_why():
    plan = audited(plan_for("clonazepam", {"night": "1"}, goal_mg="0.3", products=HALVES))
    assert doses(plan)[-1] == "0.5"
    assert "cannot make the goal of 0.3 mg" in found(plan, "GOAL").message


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (PercentOfStart(Decimal(25)), ["8", "6", "4", "2", "0"]),
        (FixedMg(Decimal(2)), ["8", "6", "4", "2", "0"]),
        (CKS_BANDS, ["8", "7", "6", "5", "4.5", "4", "3.5", "3", "2.5", "2", "1", "0"]),
        (DoseTable(MAUDSLEY_A_MG), ["8", "7", "6", "5", "4", "3", "2", "1", "0"]),
    ],
)
def test_each_method_lowers_in_its_own_way(method, expected):
    plan = audited(plan_for("diazepam", {"night": "8"}, method, products=SOLID_DIAZEPAM))
    assert doses(plan) == expected


def test_hyperbolic_says_that_occupancy_is_a_shape_and_not_a_measurement():
    plan = audited(plan_for("diazepam", {"night": "20"}, Hyperbolic(12)))
    assert "MAU-01" in rules(plan)
    assert len(plan.steps) == 13


def test_typed_doses_are_followed_and_a_repeated_one_is_a_hold():
    typed = Custom(tuple(map(Decimal, ("18", "18", "16", "0"))))
    assert doses(audited(plan_for("diazepam", {"night": "20"}, typed))) == [
        "20",
        "18",
        "18",
        "16",
        "0",
    ]


def test_a_typed_list_may_begin_with_the_present_dose():
    typed = Custom(tuple(map(Decimal, ("20", "18", "0"))))
    assert doses(audited(plan_for("diazepam", {"night": "20"}, typed))) == ["20", "18", "0"]


def test_a_typed_dose_that_cannot_be_made_is_named_with_its_neighbours():
    typed = Custom(tuple(map(Decimal, ("18.3", "0"))))
    plan = plan_for("diazepam", {"night": "20"}, typed, products=SOLID_DIAZEPAM)
    assert doses(plan)[1] == "18"
    note = next(item for item in plan.findings if item.rule == "ROUNDED")
    assert "the nearest are 18 mg, which it gives, and 18.5 mg" in note.message


QUARTERS = (product("clonazepam", "0.5", part="0.25"),)


@pytest.mark.parametrize(
    ("typed", "given", "rule", "words"),
    [
        # Too fast as typed: still never higher than typed while something lower is handed out.
        ("0.5 0.2 0", "1 0.5 0.125 0", "ROUNDED", "0.2 mg cannot be made"),
        ("0.9 0.875 0", "1 0.875 0.875 0", "ROUNDED", "the nearest are 0.875 mg, which it gives"),
        ("0.9 0.8", "1 0.875 0.75", "GOAL", "ends at 0.75 mg, the nearest dose"),
        # Nothing lower is handed out: never a stop that nobody typed.
        ("0.5 0.25 0.0625 0", "1 0.5 0.25 0.125 0", "C-09", "typed as 0.0625 mg"),
        ("0.25 0.125 0.0625 0", "1 0.25 0.125 0.125 0", "C-09", "It is 0.125 mg."),
        ("0.5 0", "1 0.5 0", "ASAM-09", "in 14 days"),
    ],
)
def test_a_typed_dose_becomes_the_nearest_lower_one_and_says_both(typed, given, rule, words):
    method = Custom(tuple(map(Decimal, typed.split())))
    plan = plan_for(
        "clonazepam", {"night": "1"}, method, products=QUARTERS, goal_mg=typed.split()[-1]
    )
    assert " ".join(doses(plan)) == given
    assert any(item.rule == rule and words in item.message for item in plan.findings)


def test_a_typed_list_that_ends_above_the_goal_says_so():
    typed = Custom(tuple(map(Decimal, ("18", "16"))))
    plan = audited(plan_for("diazepam", {"night": "20"}, typed))
    assert "typed end at 16 mg, above the goal of 0 mg" in found(plan, "GOAL").message


def test_a_goal_above_the_last_typed_dose_is_refused():
    typed = Custom(tuple(map(Decimal, ("18", "16", "14"))))
    with pytest.raises(RequestError, match="goal_mg: takes no more than the last typed dose, 14"):
        plan_for("diazepam", {"night": "20"}, typed, goal_mg="17")


@pytest.mark.parametrize(
    ("doses_typed", "field"), [(["2"], 0), (["2", "2", "2"], 2), (["3", "1"], 0)]
)
def test_a_typed_list_that_lowers_nothing_is_named_where_it_was_typed(doses_typed, field):
    typed = Custom(tuple(map(Decimal, doses_typed)))
    with pytest.raises(RequestError, match=rf"^method\.daily_mg\[{field}\]: takes"):
        plan_for("clonazepam", {"night": "2"}, typed, goal_mg=doses_typed[-1])
    after = Switch("diazepam", "ashton", 7, Custom(tuple(mg * 20 for mg in typed.daily_mg)))
    with pytest.raises(RequestError, match=rf"^method\.then\.daily_mg\[{field}\]: takes"):
        plan_for("clonazepam", {"night": "2"}, after)


def test_typed_doses_above_the_present_one_are_refused():
    with pytest.raises(RequestError, match=r"method.daily_mg\[0\]"):
        plan_for("diazepam", {"night": "20"}, Custom((Decimal(25), Decimal(0))))


@pytest.mark.parametrize("goal", ["20", "21"])
def test_a_goal_at_or_above_the_present_dose_is_refused(goal):
    with pytest.raises(RequestError, match="goal_mg: takes less than the 20 mg diazepam"):
        plan_for("diazepam", {"night": "20"}, goal_mg=goal)


@pytest.mark.parametrize(
    ("slots", "fields", "why"),
    [
        ({}, {}, "1 to 4 times of day"),
        ({"night": "0"}, {}, "slots: takes a dose above zero"),
        ({"morning": "5", "night": "-1"}, {}, "slots: takes a dose above zero"),
        ({"night": "5"}, {"interval_days": 0}, "interval_days: takes a whole number from 7 to 28"),
        ({"night": "5"}, {"goal_mg": "-1"}, "goal_mg: takes zero or more"),
    ],
)
def test_a_request_no_plan_can_be_made_of_is_refused_wherever_it_was_typed(slots, fields, why):
    with pytest.raises(RequestError, match=why):
        request_for("diazepam", slots, **fields)


def test_a_dose_ten_times_the_usual_asks_and_passes_once_confirmed():
    with pytest.raises(ConfirmDoseError, match="20 mg clonazepam a day is at least ten times"):
        plan_for("clonazepam", {"night": "20"})
    plan = plan_for("clonazepam", {"night": "20"}, confirmed=True)
    confirm = next(item for item in plan.findings if item.rule == "TENFOLD")
    assert confirm.level is Level.CONFIRM


def test_a_present_dose_that_cannot_be_made_names_the_nearest():
    with pytest.raises(NotDispensableError, match=r"slots.night: 0.3 mg .* 0.25 mg and 0.375 mg"):
        plan_for("clonazepam", {"night": "0.3"})
    with pytest.raises(NotDispensableError, match="the nearest they give is 15 mg"):
        plan_for("flurazepam", {"night": "5"})


def test_cuts_too_small_to_ever_end_are_refused():
    stock = (product("diazepam", "1", "liquid", "0.01"),)
    with pytest.raises(RequestError, match="over 10 years"):
        plan_for("diazepam", {"night": "40"}, FixedMg(Decimal("0.01")), products=stock)


def test_steps_under_14_days_apart_are_pointed_out():
    plan = audited(plan_for("diazepam", {"night": "20"}, interval_days=7))
    assert rules(plan)[0] == "C-03"


def test_a_stock_nobody_lists_and_a_score_nobody_lists_are_pointed_out():
    stock = (product("clonazepam", "0.7"), product("clonazepam", "1", part="0.5"))
    plan = audited(plan_for("clonazepam", {"night": "1"}, products=stock))
    notes = [item.message for item in plan.findings if item.rule == "STOCK"]
    assert len(notes) == 2
    assert "0.7 mg tablet is not on the product list" in notes[0]
    assert "not listed as scored" in notes[1]


def test_short_use_lifts_the_warning_and_says_so():
    plan = audited_without_verdicts("diazepam", {"night": "20"}, short_use=True)
    assert "ASAM-08" not in rules(plan)
    (said,) = [item for item in plan.findings if item.rule == "ASAM-10"]
    assert (said.level, said.step) == (Level.NOTE, None)
    assert "25 % in 14 days stands" in said.message


def audited_without_verdicts(*arguments, **fields):
    plan = plan_for(*arguments, **fields)
    assert wrong_sums(plan) == []
    return plan


def test_totals_count_every_step_that_has_an_end():
    typed = Custom(tuple(map(Decimal, ("5", "0"))))
    plan = plan_for("diazepam", {"morning": "5", "night": "5"}, typed, products=SOLID_DIAZEPAM)
    (total,) = plan.totals
    assert total.product.name == "diazepam 5 mg tablet"
    assert (total.quantity, total.mg) == (2 * 14 + 1 * 14, 210)


def test_the_same_request_always_gives_the_same_plan():
    request = request_for("diazepam", {"morning": "20", "night": "20"})
    assert build_plan(request) == build_plan(request)


def test_the_step_in_force_on_a_day_is_known():
    plan = plan_for("diazepam", {"night": "20"})
    assert plan.step_on(START - timedelta(days=1)) is None
    assert plan.step_on(START + timedelta(days=13)).number == 1
    assert plan.step_on(START + timedelta(days=14)).number == 2
    assert plan.step_on(date(2040, 1, 1)).daily_mg == 0


@pytest.mark.parametrize("drug_id", ["temazepam", "alprazolam_xr", "eszopiclone"])
def test_drugs_that_never_split_still_reach_the_end_with_every_block_named(drug_id):
    dose = {"temazepam": "30", "alprazolam_xr": "3", "eszopiclone": "3"}[drug_id]
    plan = audited(plan_for(drug_id, {"night": dose}))
    assert plan.steps[-1].daily_mg == 0


def test_every_finding_has_a_rule_with_a_source():
    for rule in RULES.values():
        assert rule.source
        assert rule.statement.endswith(".")


def test_the_reference_of_a_late_step_is_exact():
    plan = plan_for("diazepam", {"night": "8"}, FixedMg(Decimal(2)), products=SOLID_DIAZEPAM)
    assert [str(step.fall_14d_pct) for step in plan.steps] == [
        "0.0",
        "25.0",
        "33.3",
        "50.0",
        "100.0",
    ]
    assert Fraction(plan.steps[1].daily_mg) == 6
