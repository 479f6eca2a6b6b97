"""Level of care suggested, cautions, sedation in words."""

from itertools import product

import pytest

from apps.clinical.detox import (
    PHENOBARBITAL_CAUTIONS,
    SEDATION,
    sedation_words,
)
from apps.clinical.errors import ClinicalError
from apps.clinical.level_of_care import (
    CARE_REASONS,
    Care,
    LevelOfCareError,
    level_of_care,
    needs_sign_off,
)


@pytest.mark.parametrize("yes", list(product([False, True], repeat=3)))
@pytest.mark.parametrize("tier", ["low", "moderate", "high"])
@pytest.mark.parametrize("severe", [False, True])
def test_any_yes_is_inpatient_and_high_risk_or_a_severe_sign_daily(yes, tier, severe) -> None:
    found = level_of_care(dict(zip(CARE_REASONS, yes, strict=True)), tier, severe_sign=severe)
    closer = tier == "high" or severe
    expected = Care.INPATIENT if any(yes) else Care.DAILY if closer else Care.OUTPATIENT
    assert found.level is expected
    assert len(found.because) == max(sum(yes) + (tier == "high") + severe, 1)


def test_a_missing_answer_and_an_unknown_tier_are_refused() -> None:
    with pytest.raises(LevelOfCareError, match="three questions"):
        level_of_care({"ASAM-07a": False}, "low", severe_sign=False)
    with pytest.raises(LevelOfCareError, match="tier"):
        level_of_care(dict.fromkeys(CARE_REASONS, False), "none", severe_sign=False)


def test_only_another_decision_needs_a_sign_off() -> None:
    assert not needs_sign_off(Care.DAILY, Care.DAILY)
    assert needs_sign_off(Care.INPATIENT, Care.DAILY)
    assert needs_sign_off(Care.OUTPATIENT, Care.INPATIENT)


def test_every_caution_names_its_source() -> None:
    assert len(PHENOBARBITAL_CAUTIONS) == 7
    assert all(each.source for each in PHENOBARBITAL_CAUTIONS)


def test_sedation_is_told_in_words() -> None:
    assert [sedation_words(number) for number, _ in SEDATION] == [words for _, words in SEDATION]
    with pytest.raises(ClinicalError, match="no level of sedation 5"):
        sedation_words(5)
