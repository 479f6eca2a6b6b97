"""The seizure-risk tier and its reasons."""

from dataclasses import fields
from decimal import Decimal

import pytest

from apps.clinical.data_symptoms import rows_by
from apps.clinical.risk import (
    FACTOR_TABLE,
    RiskError,
    RiskFacts,
    present_factors,
    seizure_risk_tier,
    tier_from_factors,
)

TABLE = rows_by(FACTOR_TABLE, "factor")
MEASURED = {
    "dze_over_50": RiskFacts(risk_value_dze_mg=Decimal("50.1")),
    "dze_30_to_50": RiskFacts(risk_value_dze_mg=Decimal("30.1")),
    "dze_15_to_30": RiskFacts(risk_value_dze_mg=Decimal("15.1")),
    "alprazolam_over_4mg": RiskFacts(
        drug_id="alprazolam_xr", daily_mg=Decimal("4.1"), risk_value_dze_mg=0
    ),
    "use_3_to_12_months": RiskFacts(use_months=3),
    "use_over_12_months": RiskFacts(use_months=Decimal("12.1")),
    "short_half_life_agent": RiskFacts(drug_id="triazolam"),
    "age_65_plus": RiskFacts(age=65),
    "threshold_lowering_drug": RiskFacts(threshold_drugs=1),
    "threshold_lowering_drug_2plus": RiskFacts(threshold_drugs=2),
}
JUST_OUTSIDE = [
    RiskFacts(),
    RiskFacts(risk_value_dze_mg=15, use_months=Decimal("2.9"), age=64, threshold_drugs=0),
    RiskFacts(drug_id="oxazepam"),
    RiskFacts(drug_id="diazepam", daily_mg=Decimal(5)),
]


@pytest.mark.parametrize("factor", TABLE)
def test_each_factor_of_the_table_can_be_present(factor):
    facts = MEASURED.get(factor) or RiskFacts(**{factor: True})
    assert factor in present_factors(facts)


@pytest.mark.parametrize("factor", TABLE)
def test_each_factor_carries_the_points_and_source_of_the_table(factor):
    row = TABLE[factor]
    result = tier_from_factors([factor])
    assert len(result.reasons) == 1
    reason = result.reasons[0]
    assert str(reason.points or "") == row["points"]
    assert (reason.note, reason.source, reason.mark) == (
        row["note"],
        row["source"],
        row["evidence_mark"],
    )
    if row["type"] == "absolute_high":
        assert (result.tier, result.points) == ("high", None)


@pytest.mark.parametrize("facts", JUST_OUTSIDE)
def test_values_at_the_lower_edge_add_nothing(facts):
    assert present_factors(facts) == ()
    assert seizure_risk_tier(facts).tier == "low"


def test_dose_bands_of_the_tier_do_not_overlap():
    edges = {15: [], 30: ["dze_15_to_30"], 50: ["dze_30_to_50"], 51: ["dze_over_50"]}
    for value, factors in edges.items():
        assert list(present_factors(RiskFacts(risk_value_dze_mg=value))) == factors


def test_months_of_use_and_milligrams_count_from_just_over_their_limit():
    assert present_factors(RiskFacts(use_months=12)) == ("use_3_to_12_months",)
    at_limit = RiskFacts(drug_id="alprazolam_ir", daily_mg=Decimal(4), risk_value_dze_mg=0)
    assert present_factors(at_limit) == ("short_half_life_agent",)
    other = RiskFacts(drug_id="diazepam", daily_mg=Decimal(5), risk_value_dze_mg=0)
    assert present_factors(other) == ()


def test_the_largest_equivalent_of_all_sources_is_taken_when_none_is_given():
    # 30 mg temazepam: 15 mg diazepam by Ashton, 20 by VA/DoD.
    temazepam = RiskFacts(drug_id="temazepam", daily_mg=Decimal(30))
    assert present_factors(temazepam) == ("dze_15_to_30",)
    alprazolam = RiskFacts(drug_id="alprazolam_ir", daily_mg=Decimal(3))
    assert present_factors(alprazolam) == ("dze_over_50", "short_half_life_agent")


def test_a_given_risk_value_wins_over_the_arithmetic():
    facts = RiskFacts(drug_id="alprazolam_ir", daily_mg=Decimal(3), risk_value_dze_mg=30)
    assert present_factors(facts) == ("dze_15_to_30", "short_half_life_agent")


@pytest.mark.parametrize(
    ("factors", "tier", "points"),
    [
        ([], "low", 0),
        (["use_over_12_months"], "low", 2),
        (["use_over_12_months", "age_65_plus"], "moderate", 3),
        (["use_over_12_months", "aud_history"], "moderate", 4),
        (["use_over_12_months", "aud_history", "pregnant"], "high", 5),
        (["threshold_lowering_drug", "threshold_lowering_drug_2plus"], "low", 2),
        (["prior_wd_seizure", "aud_history"], "high", None),
    ],
)
def test_tier_from_points(factors, tier, points):
    result = tier_from_factors(factors)
    assert (result.tier, result.points) == (tier, points)


def test_reasons_come_in_the_order_of_the_table():
    facts = RiskFacts(age=70, use_months=60, aud_history=True)
    result = seizure_risk_tier(facts)
    assert [reason.factor for reason in result.reasons] == [
        "use_over_12_months",
        "aud_history",
        "age_65_plus",
    ]
    assert result.tier == "high"


def test_an_unknown_factor_is_refused():
    with pytest.raises(RiskError, match="'left_handed'"):
        tier_from_factors(["left_handed"])


def test_every_yes_or_no_of_the_facts_is_a_factor_of_the_table():
    measured = {"drug_id", "daily_mg", "risk_value_dze_mg", "use_months", "age", "threshold_drugs"}
    assert {each.name for each in fields(RiskFacts)} - measured <= set(TABLE)
