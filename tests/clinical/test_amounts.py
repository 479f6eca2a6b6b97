"""An amount said in mg or mL: what it comes to by the plan's liquids, and what is not sure."""

from dataclasses import replace
from decimal import Decimal
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.clinical.errors import ClinicalError
from apps.clinical.triage import Context, assess

# What was said, how (less or more), mg planned, mg/mL of the plan's liquids, mg of it in tablets;
# then per cent of the plan, whether nothing can be told, and the words for staff.
# By hand: 0.6 mL of 5 mg/mL are 3 mg, of 2 mg planned 150 %.
VECTORS = [
    # One liquid: exact.
    ("0.6 mL", "extra", "2", ["5"], "0", "150", False, "0.6 mL at 5 mg/mL is 3 mg"),
    ("0.59 mL", "extra", "2", ["5"], "0", "147.5", False, "0.59 mL at 5 mg/mL is 2.95 mg"),
    ("0.3 mL", "less", "2", ["5"], "0", "75", False, "0.3 mL at 5 mg/mL is 1.5 mg"),
    ("2 mL", "less", "2", ["0.5"], "0", "50", False, "2 mL at 0.5 mg/mL is 1 mg"),
    ("0 mL", "less", "2", ["5"], "0", "0", False, "0 mL at 5 mg/mL is 0 mg"),
    # Milligrams stay milligrams, whatever the plan gives.
    ("3 mg", "extra", "2", ["5"], "0", "150", False, None),
    ("3 mg", "extra", "2", [], "2", "150", False, None),
    # ... unless they contradict "more than planned" and fit as mL of the plan's liquid.
    ("0.6 mg", "extra", "2", ["5"], "0", "150", False,
     "0.6 mg; that is not more than the 2 mg planned: the answers contradict each other, "
     "as 0.6 mL at 5 mg/mL read as 3 mg"),
    ("0.6 mg", "extra", "7", ["5"], "5", Decimal(800) / 7, False,
     "0.6 mg; that is not more than the 7 mg planned: the answers contradict each other, "
     "as 0.6 mL at 5 mg/mL, 5 mg planned beside it read as 8 mg"),
    ("2 mg", "extra", "2", ["1", "5"], "0", "500", False,
     "2 mg; that is not more than the 2 mg planned: the answers contradict each other, "
     "as 2 mL at 1 mg/mL or 5 mg/mL read as 10 mg"),
    ("0.36 mg", "less", "2", ["5"], "0", "18", False, None),
    # ... or "less than planned": 3 mL of 0.4 mg/mL are 1.2 mg, of 2 mg planned 60 %.
    ("3 mg", "less", "2", ["0.4"], "0", "60", False,
     "3 mg; that is not less than the 2 mg planned: the answers contradict each other, "
     "as 3 mL at 0.4 mg/mL read as 1.2 mg"),
    ("2 mg", "less", "2", ["0.4"], "0", "40", False,
     "2 mg; that is not less than the 2 mg planned: the answers contradict each other, "
     "as 2 mL at 0.4 mg/mL read as 0.8 mg"),
    ("4.5 mg", "less", "2", ["0.4"], "0", "90", False,
     "4.5 mg; that is not less than the 2 mg planned: the answers contradict each other, "
     "as 4.5 mL at 0.4 mg/mL read as 1.8 mg"),
    ("3 mg", "less", "2", ["0.4", "0.5"], "0", "60", False,
     "3 mg; that is not less than the 2 mg planned: the answers contradict each other, "
     "as 3 mL at 0.4 mg/mL or 0.5 mg/mL read as 1.2 mg"),
    ("7 mg", "less", "7", ["0.4"], "5", "40", False,  # the liquid alone, not beside 5 mg of tablets
     "7 mg; that is not less than the 7 mg planned: the answers contradict each other, "
     "as 7 mL at 0.4 mg/mL read as 2.8 mg"),
    # The same the other way round: mL that contradict what was said, and fit as mg.
    ("3 mL", "less", "10", ["5"], "0", "30", False,
     "3 mL at 5 mg/mL is 15 mg; that is not less than the 10 mg planned: "
     "the answers contradict each other, read as 3 mg"),
    ("3 mL", "extra", "2", ["0.4"], "0", "150", False,
     "3 mL at 0.4 mg/mL is 1.2 mg; that is not more than the 2 mg planned: "
     "the answers contradict each other, read as 3 mg"),
    # Neither unit fits: staff read that, and the smaller rule fires.
    ("0.3 mg", "extra", "2", ["5"], "0", "15", False,
     "0.3 mg; that is not more than the 2 mg planned: the answers contradict each other"),
    ("0.6 mg", "extra", "2", [], "2", "30", False,
     "0.6 mg; that is not more than the 2 mg planned: the answers contradict each other"),
    ("6 mg", "less", "2", ["0.4"], "0", "300", False,
     "6 mg; that is not less than the 2 mg planned: the answers contradict each other"),
    ("3 mg", "less", "2", [], "2", "150", False,
     "3 mg; that is not less than the 2 mg planned: the answers contradict each other"),
    ("0 mL", "extra", "2", ["5"], "0", "0", False,
     "0 mL at 5 mg/mL is 0 mg; that is not more than the 2 mg planned: "
     "the answers contradict each other"),
    (Decimal(3), "less", "2", [], "2", "150", False,
     "3 (mg or mL not said); that is not less than the 2 mg planned: "
     "the answers contradict each other"),
    (Decimal(6), "less", "2", ["0.4"], "0", "120", False,
     "6 (mg or mL not said) at 0.4 mg/mL: not sure, read as 2.4 mg; "
     "that is not less than the 2 mg planned: the answers contradict each other"),
    # No unit and no liquid: milligrams, as the old form asked.
    (Decimal("1.5"), "less", "2", [], "2", "75", False, None),
    # No unit, and a liquid: 1.8 mg (90 %) or 1.8 mL at 0.5 mg/mL (45 %); 0.6 mg or 3 mg.
    (Decimal("1.8"), "less", "2", ["0.5"], "0", "45", False,
     "1.8 (mg or mL not said) at 0.5 mg/mL: not sure, read as 0.9 mg"),
    (Decimal("0.6"), "extra", "2", ["5"], "0", "150", False,
     "0.6 (mg or mL not said) at 5 mg/mL: not sure, read as 3 mg"),
    (Decimal("0.6"), "less", "2", ["5"], "0", "30", False,
     "0.6 (mg or mL not said) at 5 mg/mL: not sure, read as 0.6 mg"),
    # At 1 mg/mL both are the same.
    (Decimal(2), "less", "2", ["1"], "0", "100", False,
     "2 (mg or mL not said) at 1 mg/mL is 2 mg; that is not less than the 2 mg planned: "
     "the answers contradict each other"),
    # Two strengths: the one that raises most.
    ("0.6 mL", "extra", "2", ["1", "5"], "0", "150", False,
     "0.6 mL at 1 mg/mL or 5 mg/mL: not sure, read as 3 mg"),
    ("0.6 mL", "less", "2", ["1", "5"], "0", "30", False,
     "0.6 mL at 1 mg/mL or 5 mg/mL: not sure, read as 0.6 mg"),
    # A tablet beside the liquid: whoever says mL may have left it out, or not have taken it.
    ("0.4 mL", "extra", "7", ["5"], "5", "100", False,
     "0.4 mL at 5 mg/mL, 5 mg planned beside it: not sure, read as 7 mg; "
     "that is not more than the 7 mg planned: the answers contradict each other"),
    ("0.7 mL", "less", "7", ["5"], "5", "50", False,
     "0.7 mL at 5 mg/mL, 5 mg planned beside it: not sure, read as 3.5 mg"),
    # mL without a strength that is known.
    ("0.6 mL", "extra", "2", [], "2", None, True,
     "0.6 mL: not sure, the plan gives no liquid whose strength is known"),
    ("0.6 mL", "less", "2", [], "2", None, True,
     "0.6 mL: not sure, the plan gives no liquid whose strength is known"),
    # Nothing to compare with: none planned, or two drugs.
    ("0.6 mL", "extra", "0", [], "0", None, False, "0.6 mL: not compared"),
    ("0.6 mL", "extra", None, ["5"], "0", None, False, "0.6 mL: not compared"),
    ("3 mg", "extra", None, ["5"], "0", None, False, None),
]  # fmt: skip


def context_of(planned, strengths, solid):
    return Context(
        planned_daily_mg=None if planned is None else Decimal(planned),
        liquid_mg_per_ml=tuple(map(Decimal, strengths)),
        planned_solid_mg=Decimal(solid),
    )


def adherence(said, how, context):
    """Return what fired on the amount alone: its evidence by the rule's id."""
    result = assess({"dose_taken": f"took_{how}", "dose_taken_mg": said}, context=context)
    return {each.rule_id: each.evidence for each in result.fired}


@pytest.mark.parametrize(
    ("said", "how", "planned", "strengths", "solid", "pct", "unknown", "words"), VECTORS
)
def test_an_amount_comes_to(said, how, planned, strengths, solid, pct, unknown, words):
    fired = adherence(said, how, context_of(planned, strengths, solid))
    big = {"less": "U21_TOOK_LESS_25", "extra": "U22_TOOK_EXTRA_150"}[how]
    share = None if pct is None else Decimal(pct)
    is_big = unknown or (share is not None and (share < 75 if how == "less" else share >= 150))
    assert (big in fired) is is_big
    evidence = fired[big if is_big else "W08_OFF_PLAN_SMALL"]
    assert evidence.get("dose_taken_pct") == share
    assert evidence.get("dose_taken_unknown") is (True if unknown else None)
    assert evidence.get("dose_taken_read") == words


amounts = st.decimals(0, 50, places=2)
strengths = st.lists(
    st.sampled_from([Decimal(each) for each in ("0.1", "0.5", "1", "2", "2.5", "5")]),
    max_size=3, unique=True,
).map(tuple)  # fmt: skip
how = st.sampled_from(["less", "extra"])


@given(amounts, strengths, how, st.decimals("0.25", 60, places=2), st.decimals(0, 20, places=2))
def test_what_is_not_sure_is_never_calmer_than_any_way_to_read_it(
    value, liquids, took, planned, solid
):
    """Each way to read it, said outright in mg, raises no more than the words as they were said."""
    context = Context(planned_daily_mg=planned, liquid_mg_per_ml=liquids, planned_solid_mg=solid)
    in_ml = list(
        chain.from_iterable((value * each, value * each + solid) for each in liquids)
        if value else [Decimal(0)]
    )  # fmt: skip
    for said, ways in ((f"{value} mL", in_ml), (value, [value, *(in_ml if liquids else [])])):
        level = level_of(said, took, context)
        outright = replace(context, liquid_mg_per_ml=())  # mg that nobody takes for mL
        assert level >= max((level_of(f"{mg:f} mg", took, outright) for mg in ways), default=level)
        if said != value and not liquids and value:
            assert level.value == "urgent"


@given(amounts, st.sampled_from(["0.5", "1", "5"]), how, st.decimals("0.25", 60, places=2))
def test_one_liquid_gives_the_same_level_as_its_milligrams(value, strength, took, planned):
    """... and no calmer one where they contradict what was said beside them."""
    context = Context(planned_daily_mg=planned, liquid_mg_per_ml=(Decimal(strength),))
    mg = value * Decimal(strength)
    said = level_of(f"{value} mL", took, context)
    outright = level_of(f"{mg:f} mg", took, replace(context, liquid_mg_per_ml=()))
    fits = mg < planned if took == "less" else mg > planned
    assert said == outright if fits else said >= outright


@given(
    amounts, st.sampled_from([" mg", " mL", ""]), strengths, how,
    st.decimals("0.25", 60, places=2), st.decimals(0, 20, places=2),
)  # fmt: skip
def test_no_contradiction_lowers_what_the_answers_say(value, unit, liquids, took, planned, solid):
    """Whatever is said: "took less" or "more" by itself, and every reading that fits it, counts.

    Staff read of a contradiction exactly where no reading in the unit that was said fits.
    """
    context = Context(planned_daily_mg=planned, liquid_mg_per_ml=liquids, planned_solid_mg=solid)
    outright = replace(context, liquid_mg_per_ml=())  # mg that nobody takes for mL
    in_ml = {value * each + more for each in liquids for more in (0, solid)} if value else {value}
    in_unit = {" mg": {value}, " mL": in_ml, "": {value} | in_ml}[unit]

    def fits(mg):
        return mg < planned if took == "less" else mg > planned

    known = [mg for mg in in_unit | in_ml | {value} if fits(mg)]
    if any(map(fits, in_unit)) or (unit == " mL" and not in_unit):
        known = [mg for mg in in_unit if fits(mg)]
    said = Decimal(value) if not unit else f"{value:f}{unit}"
    level = level_of(said, took, context)
    assert level >= assess({"dose_taken": f"took_{took}"}, context=context).level
    assert level >= max((level_of(f"{mg:f} mg", took, outright) for mg in known), default=level)
    read = [each.get("dose_taken_read") or "" for each in adherence(said, took, context).values()]
    is_said = any("contradict" in words for words in read)
    assert is_said is (bool(in_unit) and not any(map(fits, in_unit)))


@given(
    st.sampled_from(["yes_all", "missed_some", "stopped", "ran_out"]), amounts,
    st.sampled_from([" mg", " mL", ""]), strengths, st.decimals("0.25", 60, places=2),
)  # fmt: skip
def test_an_amount_beside_any_other_answer_changes_no_level(answer, value, unit, liquids, planned):
    """A page that asked for it nonetheless: the answer itself says what it says."""
    context = Context(planned_daily_mg=planned, liquid_mg_per_ml=liquids)
    said = f"{value:f}{unit}" if unit else value
    with_it = assess({"dose_taken": answer, "dose_taken_mg": said}, context=context)
    assert with_it.level == assess({"dose_taken": answer}, context=context).level


@given(amounts, strengths, how, st.decimals("0.25", 60, places=2), st.decimals(0, 20, places=2))
def test_mg_beside_a_liquid_are_never_calmer_than_without_one(value, liquids, took, planned, solid):
    """Reading "mg" as mL only ever raises."""
    context = Context(planned_daily_mg=planned, liquid_mg_per_ml=liquids, planned_solid_mg=solid)
    outright = replace(context, liquid_mg_per_ml=())
    said = f"{value:f} mg"
    assert level_of(said, took, context) >= level_of(said, took, outright)


def level_of(said, took, context):
    answers = {"dose_taken": f"took_{took}", "dose_taken_mg": said}
    return assess(answers, context=context).level


@pytest.mark.parametrize("said", ["2 kg", "0,6 mL", "mL", "0.6 ml", "-1 mL", True])
def test_an_amount_that_no_form_gives_is_an_error(said):
    with pytest.raises(ClinicalError):
        assess({"dose_taken": "took_less", "dose_taken_mg": said})
