"""What triage knows of a patient: the step, the baseline of the week before it, the history."""

from datetime import datetime, timedelta

import pytest

from apps.checkins.assessment import assessment_of
from apps.patients.models import Patient
from apps.tapers.actions_clock import settle_due
from tests.factories import CALM, NOW, check_in, make_active_plan, make_patient

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def stepped(patient, prescriber) -> Patient:
    """A patient whose first cut was on 16 November; 2 mg until then."""
    make_active_plan(patient, prescriber.user, start_on="2026-11-02", now=NOW - 30 * DAY)
    return patient


def score(patient: Patient, points: int, at: datetime) -> None:
    """Send a check-in whose daily score is `points` above the calm 10."""
    check_in(patient, CALM | {"s_anx": 1 + points}, now=at)


def test_the_baseline_is_the_median_of_the_week_before_the_step(stepped) -> None:
    step = datetime(2026, 11, 16, 12, tzinfo=NOW.tzinfo)
    for days, points in ((1, 0), (3, 1), (6, 3), (9, 2)):
        score(stepped, points, step - days * DAY)
    context = assessment_of(stepped, NOW).context
    assert (context.days_since_step, context.baseline_dws) == (7, 11)


def test_two_check_ins_are_no_baseline(stepped) -> None:
    step = datetime(2026, 11, 16, 12, tzinfo=NOW.tzinfo)
    for days in (1, 3):
        score(stepped, 0, step - days * DAY)
    assert assessment_of(stepped, NOW).context.baseline_dws is None


def test_the_baseline_of_a_long_step_is_not_forgotten(clinic, prescriber) -> None:
    patient = make_patient(clinic)
    make_active_plan(
        patient, prescriber.user, start_on="2026-08-01", interval_days=28, now=NOW - 120 * DAY
    )
    for month, day in ((8, 3), (9, 3)):  # a cut comes only after a check-in
        score(patient, 0, datetime(2026, month, day, 12, tzinfo=NOW.tzinfo))
    assert assessment_of(patient, datetime(2026, 10, 23, 12, tzinfo=NOW.tzinfo)).context
    step = datetime(2026, 10, 24, 12, tzinfo=NOW.tzinfo)
    for days in (1, 2, 3):
        score(patient, 0, step - days * DAY)
    for hours in range(0, 27 * 24, 12):  # two a day for the rest of the step
        score(patient, 2, step + timedelta(hours=hours))
    context = assessment_of(patient, step + 27 * DAY + timedelta(hours=1)).context
    assert (context.days_since_step, context.baseline_dws) == (27, 10)


def test_before_the_first_cut_there_is_no_step_and_no_baseline(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, start_on="2026-11-20")
    score(patient, 0, NOW - DAY)
    context = assessment_of(patient, NOW).context
    assert (context.days_since_step, context.baseline_dws) == (None, None)


def test_the_history_is_newest_last_and_holds_what_trends_need(patient) -> None:
    for days, points in ((3, 0), (2, 1), (1, 2)):
        score(patient, points, NOW - days * DAY)
    history = assessment_of(patient, NOW).context.history
    assert [row.dws for row in history] == [10, 11, 12]
    assert history[-1].s_sleep == 1


def test_another_patients_answers_are_never_read(patient, clinic) -> None:
    score(make_patient(clinic), 3, NOW - DAY)
    assert assessment_of(patient, NOW).context.history == ()


def test_a_long_history_costs_no_more_queries(stepped, django_assert_max_num_queries) -> None:
    for days in range(1, 15):
        score(stepped, 0, NOW - days * DAY)
    settle_due(NOW)
    fresh = Patient.objects.select_related("risk", "medication").get(pk=stepped.pk)
    with django_assert_max_num_queries(5):
        assessment_of(fresh, NOW)
