"""What triage knows of a patient: the step, the baseline of the week before it, the history."""

from datetime import datetime, timedelta

import pytest
from django.db import connection

from apps.checkins.assessment import HISTORY_LENGTH, LAST_AND_WEEK_BEFORE, assessment_of
from apps.checkins.models import CheckIn, TriageResult
from apps.database.scope import as_owner, one_clinic
from apps.patients.models import Patient
from apps.tapers.actions_clock import settle_due
from tests.alerts.test_growth import copy_rows, explain
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


def test_what_was_felt_before_the_step_is_compared_with_the_dose_of_that_day(stepped) -> None:
    """2 mg until 16 November, less since; the cut came because a check-in had."""
    score(stepped, 0, NOW - 10 * DAY)
    step = datetime(2026, 11, 16, 12, tzinfo=NOW.tzinfo)
    doses = [
        assessment_of(stepped, NOW, felt).context.planned_daily_mg
        for felt in (step - DAY, step, step - 20 * DAY, None)
    ]
    cut = assessment_of(stepped, NOW).context.planned_daily_mg
    assert doses == [2, cut, 2, cut]
    assert cut < 2


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


def add_past(like: CheckIn, first: int, last: int) -> None:
    """Store a check-in like this one, with its result, for each day of so many before it."""
    days, table = f"generate_series({first}, {last}) n", CheckIn._meta.db_table
    moment, key = "a.received_at - n * interval '1 day'", "md5(a.id::text || n)::uuid"
    old = {"id": key, "submission_id": key, "reported_at": moment, "received_at": moment}
    with as_owner(), connection.cursor() as cursor:
        source = f"{table} a, {days} WHERE a.id = %s"
        cursor.execute(copy_rows(CheckIn, old, source), [like.pk])
        source = f"{TriageResult._meta.db_table} a, {days} WHERE a.check_in_id = %s"
        own = {"check_in_id": "md5(a.check_in_id::text || n)::uuid"}
        cursor.execute(copy_rows(TriageResult, own, source), [like.pk])
        # As autovacuum does within a minute; only the owner may.
        cursor.execute(f"ANALYZE {table}, {TriageResult._meta.db_table}")


def blocks_read(patient: Patient) -> int:
    """Return how many blocks PostgreSQL reads for the history, in the scope of a request."""
    values = {"patient_id": patient.pk, "now": NOW}
    week = {"begin": NOW - 14 * DAY, "end": NOW - 6 * DAY}
    with one_clinic(patient.clinic_id):
        return explain(LAST_AND_WEEK_BEFORE.build(**values, **week))[1]


def test_three_years_of_check_ins_cost_no_more_blocks_than_three_months(clinic) -> None:
    score(patient := make_patient(clinic), 0, NOW - timedelta(hours=1))
    score(neighbour := make_patient(clinic), 0, NOW - timedelta(hours=1))
    add_past(CheckIn.objects.get(patient=neighbour), 1, 3 * 365)
    add_past(mine := CheckIn.objects.get(patient=patient), 1, 90)
    short = blocks_read(patient)
    add_past(mine, 91, 3 * 365)
    assert blocks_read(patient) < 1.2 * short < 600


def test_the_history_reads_no_more_than_it_needs_although_all_is_of_one_clinic(clinic) -> None:
    """Both conditions name the same rows; taken for independent, they have PostgreSQL sort all."""
    past = []
    for _ in range(10):
        score(patient := make_patient(clinic), 0, NOW - timedelta(hours=1))
        past.append(CheckIn.objects.get(patient=patient))
    for each in past:
        add_past(each, 1, 90)
    # The row of a check-in and its index, its result, and the check-in for the result's policy.
    assert blocks_read(past[0].patient) < 10 * (HISTORY_LENGTH + 8)
