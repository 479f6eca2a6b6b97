"""The year after the last dose: cadence, waves and windows, relapse beside withdrawal."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.clinical.aftercare import (
    WAVE_SCORE,
    Course,
    Span,
    check_in_every,
    waves_and_windows,
    weigh_relapse,
)
from apps.clinical.scoring import DWS_KEYS
from apps.clinical.triage import Context, Profile, assess

LAST = date(2026, 1, 1)
SLEPT = Course(7, 7, 7)


def day(number: int) -> date:
    return LAST + timedelta(days=number)


@pytest.mark.parametrize(("days", "every"), [(0, 7), (182, 7), (183, 28), (365, 28), (366, None)])
def test_weekly_for_six_months_then_monthly_for_a_year(days, every) -> None:
    assert check_in_every(days) == every


@pytest.mark.parametrize(("score", "fires"), [(WAVE_SCORE - 1, False), (WAVE_SCORE, True)])
def test_waves_begin_at_the_cut_off_of_w17(score, fires) -> None:
    full, rest = divmod(score, 4)
    worth = [4] * full + [rest] + [0] * (9 - full)
    answers = dict(zip(DWS_KEYS, worth, strict=True))
    found = assess(answers, context=Context(days_since_stop=31))
    assert ("W17_PROTRACTED" in [rule.rule_id for rule in found.fired]) is fires


def test_waves_and_windows_are_runs_of_check_ins() -> None:
    scores = [(day(7), 9), (day(14), 12), (day(21), 3), (day(28), 8), (day(-3), 30), (day(0), 30)]
    assert waves_and_windows(scores, LAST) == [
        Span(True, day(7), day(14), 12),
        Span(False, day(21), day(21), 3),
        Span(True, day(28), day(28), 8),
    ]
    assert waves_and_windows([], LAST) == []


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 40)), max_size=40))
def test_spans_alternate_and_hold_every_check_in(points) -> None:
    scores = [(day(number), score) for number, score in points]
    spans = waves_and_windows(scores, LAST)
    assert all(one.is_wave != other.is_wave for one, other in pairwise(spans))
    assert all(span.is_wave == (span.peak >= WAVE_SCORE) for span in spans)
    for when, _ in scores:
        assert any(span.first <= when <= span.last for span in spans)


def test_relapse_needs_a_moderate_score_that_has_risen() -> None:
    risen = Course(before=8, at_last_dose=6, now=14)
    same = Course(before=14, at_last_dose=13, now=14)
    mild = Course(before=1, at_last_dose=1, now=9)
    unknown = Course(before=None, at_last_dose=None, now=20)
    found = weigh_relapse(risen, same, SLEPT, [])
    assert found.for_relapse == ("PHQ-9 is 14 now and was 6 at the last dose",)
    assert (found.for_withdrawal, found.no_baseline) == ((), ())
    assert weigh_relapse(mild, unknown, SLEPT, []).for_relapse == ()


@pytest.mark.parametrize(("now", "counts"), [(5.0, True), (5.5, False), (9.0, False)])
def test_two_hours_of_sleep_fewer_than_at_the_last_dose_count(now, counts) -> None:
    calm = Course(2, 2, 2)
    found = weigh_relapse(calm, calm, Course(8, 7, now), [])
    words = ("Sleep is 5 hours a night now and was 7 at the last dose",) if counts else ()
    assert found.for_relapse == words


def test_what_was_never_asked_up_to_the_last_dose_has_no_baseline_and_says_nothing() -> None:
    unknown, calm = Course(None, None, 20), Course(2, 2, 2)
    found = weigh_relapse(unknown, calm, Course(None, None, 3), [])
    assert (found.no_baseline, found.for_relapse) == (("PHQ-9", "sleep"), ())


def test_waves_with_windows_speak_for_withdrawal_and_both_may_hold() -> None:
    spans = waves_and_windows([(day(40), 12), (day(47), 2), (day(54), 11)], LAST)
    found = weigh_relapse(Course(5, 5, 5), Course(4, 4, 15), SLEPT, spans)
    assert found.for_withdrawal == (
        "Symptoms come and go: 2 waves and 1 window since the last dose",
    )
    assert len(found.for_relapse) == 1


@pytest.mark.parametrize(
    ("answers", "fires"),
    [
        ({"dose_taken": "stopped", "hours_since_last_dose": 240, "supply_days": 0}, []),
        ({"dose_taken": "ran_out"}, []),
        ({"dose_taken": "missed_some", "supply_days": 5}, []),
        ({"dose_taken": "took_extra", "dose_taken_mg": 1}, ["W08_OFF_PLAN_SMALL"]),
        ({"dose_taken": "stopped", "red_flags": ("rf_vomit",)}, ["U04_VOMIT"]),
    ],
)
def test_that_none_is_taken_is_no_abrupt_stop_after_the_last_dose(answers, fires) -> None:
    """Only a dose that was taken, and every symptom, still counts."""
    found = assess(answers, Profile(tier="high"), Context(days_since_stop=120))
    assert [rule.rule_id for rule in found.fired] == fires


def test_while_a_dose_is_planned_a_stop_is_an_emergency_of_a_high_tier() -> None:
    found = assess({"dose_taken": "stopped"}, Profile(tier="high"), Context())
    assert found.level.value == "emergency"
