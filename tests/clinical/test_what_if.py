"""Trying another threshold: with the number in force it says what triage says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.clinical.scoring import DWS_KEYS
from apps.clinical.triage import RULES_BY_ID, Level, assess
from apps.clinical.what_if import THRESHOLDS, level_with

answers_of_a_day = st.fixed_dictionaries({}, optional=dict.fromkeys(DWS_KEYS, st.integers(0, 4)))
whole_days = st.fixed_dictionaries(dict.fromkeys(DWS_KEYS, st.integers(0, 4)))


def day_of(rating: int) -> dict[str, int]:
    return dict.fromkeys(DWS_KEYS, rating)


@given(answers_of_a_day | whole_days, st.sampled_from(sorted(THRESHOLDS)))
def test_the_number_in_force_gives_the_level_of_triage(answers, rule_id):
    result = assess(answers)
    fired = [each.rule_id for each in result.fired]
    assert (
        level_with(rule_id, THRESHOLDS[rule_id].present, answers=answers, fired=fired)
        is result.level
    )


def test_a_higher_number_may_lower_the_level_and_a_lower_one_raise_it():
    answers = day_of(2)  # a score of 20
    fired = [each.rule_id for each in assess(answers).fired]
    assert fired == ["W18_SCORE_MID"]
    of = {"answers": answers, "fired": fired}
    assert level_with("W18_SCORE_MID", 21, **of) is Level.NONE
    assert level_with("U12_SCORE_HIGH", 20, **of) is Level.URGENT


def test_a_red_flag_stays_whatever_number_is_tried():
    answers = day_of(0) | {"seizure": "yes"}
    fired = [each.rule_id for each in assess(answers).fired]
    for rule_id, threshold in THRESHOLDS.items():
        level = level_with(rule_id, threshold.highest, answers=answers, fired=fired)
        assert level is Level.EMERGENCY


def test_no_answer_fires_no_threshold_and_a_part_of_the_score_counts():
    assert level_with("U12_SCORE_HIGH", 1, answers={}, fired=[]) is Level.NONE
    assert level_with("U12_SCORE_HIGH", 4, answers={"s_anx": 4}, fired=[]) is Level.URGENT


@pytest.mark.parametrize("rule_id", ["E01_SEIZURE", "U01", "nothing"])
def test_a_rule_without_a_number_cannot_be_tried(rule_id):
    with pytest.raises(KeyError):
        level_with(rule_id, 1, answers={}, fired=[])


def test_only_rules_below_an_emergency_can_be_tried():
    assert {RULES_BY_ID[rule_id].level for rule_id in THRESHOLDS} == {Level.URGENT, Level.WATCH}
