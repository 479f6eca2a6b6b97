"""Totals and bands of the check-in scores and questionnaires."""

from decimal import Decimal

import pytest

from apps.clinical import scoring
from apps.clinical.questionnaires import get_questionnaire
from apps.clinical.scoring import ScoreError


def same(keys, value):
    return dict.fromkeys(keys, value)


def spread(keys, total, item_max):
    answers = {}
    for key in keys:
        answers[key] = min(item_max, total)
        total -= answers[key]
    return answers


def test_daily_score_adds_the_ten_symptom_items_of_the_form():
    assert set(scoring.DWS_KEYS) == set(get_questionnaire("daily", 1).score_keys)
    score = scoring.dws(same(scoring.DWS_KEYS, 4))
    assert (score.total, score.complete, score.band) == (40, True, None)


def test_daily_score_is_incomplete_while_an_item_is_missing():
    score = scoring.dws({"s_anx": 3})
    assert (score.total, score.complete) == (3, False)
    assert scoring.dws({}) is None


@pytest.mark.parametrize(
    ("total", "band"),
    [
        (0, "minimal"),
        (4, "minimal"),
        (5, "mild"),
        (9, "mild"),
        (10, "moderate"),
        (14, "moderate"),
        (15, "moderately_severe"),
        (19, "moderately_severe"),
        (20, "severe"),
        (27, "severe"),
    ],
)
def test_phq9_bands(total, band):
    score = scoring.phq9(spread(scoring.PHQ9_KEYS, total, 3))
    assert (score.total, score.band) == (total, band)


@pytest.mark.parametrize(
    ("total", "band"),
    [
        (0, "minimal"),
        (4, "minimal"),
        (5, "mild"),
        (9, "mild"),
        (10, "moderate"),
        (14, "moderate"),
        (15, "severe"),
        (21, "severe"),
    ],
)
def test_gad7_bands(total, band):
    score = scoring.gad7(spread(scoring.GAD7_KEYS, total, 3))
    assert (score.total, score.band) == (total, band)


def test_an_incomplete_phq9_has_a_total_so_far_and_no_band():
    score = scoring.phq9({"phq9_1": 3})
    assert (score.total, score.complete, score.band) == (3, False, None)


@pytest.mark.parametrize(
    ("answers", "positive", "acute"),
    [
        ({}, None, None),
        ({"asq_1": False}, None, None),
        ({f"asq_{number}": False for number in range(1, 5)}, False, None),
        ({"asq_4": True}, True, None),
        ({"asq_1": True, "asq_5": False}, True, False),
        ({"asq_1": True, "asq_5": True}, True, True),
    ],
)
def test_asq_is_positive_on_any_yes_and_acute_on_question_five(answers, positive, acute):
    result = scoring.asq(answers)
    assert (result.positive, result.acute) == (positive, acute)


@pytest.mark.parametrize("value", [-1, 5, "3", True, 2.0])
def test_a_score_outside_its_item_is_refused(value):
    with pytest.raises(ScoreError, match="s_anx"):
        scoring.dws({"s_anx": value})


@pytest.mark.parametrize(("score", "key"), [(scoring.phq9, "phq9_9"), (scoring.gad7, "gad7_7")])
def test_a_questionnaire_item_goes_from_0_to_3(score, key):
    assert score({key: 3}).total == 3
    with pytest.raises(ScoreError, match=key):
        score({key: 4})


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("phq9", scoring.PHQ9_KEYS),
        ("gad7", scoring.GAD7_KEYS),
        ("asq", (*scoring.ASQ_KEYS, scoring.ASQ_NOW_KEY)),
    ],
)
def test_every_question_of_an_instrument_is_scored(section, keys):
    asked = tuple(item.key for item in get_questionnaire("weekly", 1).items_of(section))
    assert asked == keys


def test_ciwa_b_reads_its_two_sleep_items_backwards():
    best = [0] * 20
    best[11] = best[13] = 4
    assert scoring.ciwa_b(best).total == 0
    assert scoring.ciwa_b([0] * 20).total == 8


@pytest.mark.parametrize(
    ("total", "band"),
    [
        (0, "none"),
        (1, "mild"),
        (20, "mild"),
        (21, "moderate"),
        (40, "moderate"),
        (41, "severe"),
        (60, "severe"),
        (61, "very_severe"),
        (80, "very_severe"),
    ],
)
def test_ciwa_b_bands_carry_the_version_of_their_table(total, band):
    anchors = list(spread(range(20), total, 4).values())
    for reversed_item in (11, 13):
        anchors[reversed_item] = 4 - anchors[reversed_item]
    score = scoring.ciwa_b(anchors)
    assert (score.total, score.band, score.band_table) == (total, band, "form-1")


@pytest.mark.parametrize("anchors", [[0] * 19, [0] * 21, [5] + [0] * 19, [None] + [0] * 19])
def test_ciwa_b_refuses_a_wrong_form(anchors):
    with pytest.raises(ScoreError, match="CIWA-B"):
        scoring.ciwa_b(anchors)


def test_ciwa_b_refuses_an_unknown_band_table():
    with pytest.raises(ScoreError, match="band table"):
        scoring.ciwa_b([0] * 20, band_table="wiki")


def test_ciwa_b_holds_twenty_concept_labels():
    assert len(scoring.CIWA_B_CONCEPTS) == 20
    assert {12, 14} == scoring.CIWA_B_REVERSED


@pytest.mark.parametrize(
    ("scores", "median"),
    [
        ([], None),
        ([6, 8], None),
        ([6, None, 8], None),
        ([9, 6, 8], Decimal(8)),
        ([6, 8, None, 9, 7], Decimal("7.5")),
    ],
)
def test_baseline_is_the_median_of_three_or_more_scores(scores, median):
    assert scoring.baseline(scores) == median


def test_counting_items_at_a_level_needs_an_answered_item():
    assert scoring.items_at({"s_anx": 4, "s_fog": 4, "s_mood": 3}, 4) == 2
    assert scoring.items_at({}, 4) is None
