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
     "0.6 mg is not more than the 2 mg planned: not sure, as 0.6 mL at 5 mg/mL read as 3 mg"),
    ("0.6 mg", "extra", "7", ["5"], "5", Decimal(800) / 7, False,
     "0.6 mg is not more than the 7 mg planned: not sure, as 0.6 mL at 5 mg/mL read as 8 mg"),
    ("2 mg", "extra", "2", ["1", "5"], "0", "500", False,
     "2 mg is not more than the 2 mg planned: not sure, "
     "as 2 mL at 1 mg/mL or 5 mg/mL read as 10 mg"),
    ("0.3 mg", "extra", "2", ["5"], "0", "15", False, None),
    ("0.6 mg", "extra", "2", [], "2", "30", False, None),
    ("0.36 mg", "less", "2", ["5"], "0", "18", False, None),
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
     "2 (mg or mL not said) at 1 mg/mL is 2 mg"),
    # Two strengths: the one that raises most.
    ("0.6 mL", "extra", "2", ["1", "5"], "0", "150", False,
     "0.6 mL at 1 mg/mL or 5 mg/mL: not sure, read as 3 mg"),
    ("0.6 mL", "less", "2", ["1", "5"], "0", "30", False,
     "0.6 mL at 1 mg/mL or 5 mg/mL: not sure, read as 0.6 mg"),
    # A tablet beside the liquid: whoever says mL may have left it out, or not have taken it.
    ("0.4 mL", "extra", "7", ["5"], "5", "100", False,
     "0.4 mL at 5 mg/mL, 5 mg planned beside it: not sure, read as 7 mg"),
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
    context = Context(planned_daily_mg=planned, liquid_mg_per_ml=(Decimal(strength),))
    said = level_of(f"{value} mL", took, context)
    outright = replace(context, liquid_mg_per_ml=())
    assert said == level_of(f"{value * Decimal(strength):f} mg", took, outright)


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
