"""Level-of-care prompts, activation requirements and check-in frequency."""

import pytest

from apps.clinical.level_of_care import (
    COMORBIDITY_FACTORS,
    HARM_FACTORS,
    LevelOfCareError,
    activation_requirements,
    check_in_every_days,
    level_of_care_prompts,
)
from apps.clinical.risk import FACTOR_TABLE, rows_by, tier_from_factors


def test_all_three_questions_are_asked_of_everyone():
    prompts = level_of_care_prompts(tier_from_factors([]))
    assert [each.prompt_id for each in prompts] == ["ASAM-07a", "ASAM-07b", "ASAM-07c"]
    assert all(each.question.endswith("?") and not each.because for each in prompts)


def test_risk_factors_are_named_beside_the_question_they_bear_on():
    risk = tier_from_factors(["unstable_psychiatric", "prior_wd_seizure", "age_65_plus"])
    harm, comorbidity, severe = level_of_care_prompts(risk)
    assert harm.because == ("unstable_psychiatric",)
    assert comorbidity.because == ("unstable_psychiatric",)
    assert severe.because == ("prior_wd_seizure",)


def test_every_hint_is_a_factor_of_the_table():
    assert set(rows_by(FACTOR_TABLE, "factor")) >= COMORBIDITY_FACTORS | HARM_FACTORS


def test_only_a_high_tier_has_requirements_before_activation():
    assert len(activation_requirements("high")) == 4
    assert activation_requirements("moderate") == activation_requirements("low") == {}
    with pytest.raises(LevelOfCareError, match="tier"):
        activation_requirements("unknown")


@pytest.mark.parametrize(
    ("tier", "hl_class", "days_since_step", "every"),
    [
        ("low", "short", 1, 7),
        ("moderate", "short", 0, 2),
        ("moderate", "long", 14, 2),
        ("moderate", "long", 15, 7),
        ("moderate", "long", None, 7),
        ("high", "short", 14, 1),
        ("high", "short", 15, 7),
        ("high", "intermediate", 15, 7),
        ("high", "long", 28, 1),
        ("high", "long", 29, 7),
        ("high", "long", -1, 7),
    ],
)
def test_check_in_frequency_follows_tier_and_days_since_the_step(
    tier, hl_class, days_since_step, every
):
    assert check_in_every_days(tier, hl_class, days_since_step) == every


def test_an_unknown_half_life_class_is_refused():
    with pytest.raises(LevelOfCareError, match="half-life"):
        check_in_every_days("low", "tiny", 1)
