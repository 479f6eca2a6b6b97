"""The step review: what the prescriber sees, and where each decision leads."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.dashboard.summaries import chart_points
from apps.portal.trusted_actions import report
from apps.tapers.actions import hold_plan
from apps.tapers.models import TaperPlan
from apps.tapers.today import today_of
from tests.conftest import signed_in
from tests.factories import (
    CALM,
    check_in,
    make_active_plan,
    make_alert,
    make_patient,
    make_plan,
    make_trusted,
    sign,
    today,
)

pytestmark = pytest.mark.django_db


def hold(patient) -> None:
    hold_plan(
        patient=patient, action="hold_next", rules=[], source_type="check_in",
        source_id=uuid4(), by=None, now=timezone.now(),
    )  # fmt: skip


@pytest.fixture
def plan(patient, prescriber):
    now = timezone.now() - timedelta(days=5)
    return make_active_plan(patient, prescriber.user, now=now, start_on=now.date().isoformat())


def test_the_review_counts_symptoms_doses_and_days(plan, prescriber) -> None:
    now = timezone.now()
    for days, points in ((7, 1), (8, 1), (3, 3), (2, 3), (1, 3)):
        scales = {key: points for key in CALM if key.startswith("s_")}
        check_in(plan.patient, CALM | scales, now=now - timedelta(days=days))
    alert = make_alert(plan.patient, "urgent", now=now)
    page = signed_in(prescriber).get(reverse("dashboard:review", args=[plan.pk]))
    review = page.context["review"]
    assert (review.days_answered, review.typical_before) == (3, 10)
    assert review.typical_score > review.typical_before
    assert review.trend == "worse"
    assert review.doses[0][1] == 3
    assert alert.reference in page.text
    for kind in ("go_on", "hold", "step_back", "slow"):
        assert reverse(f"tapers:{kind}", args=[plan.pk]) in page.text


def test_a_step_without_check_ins_says_so(plan, prescriber) -> None:
    page = signed_in(prescriber).get(reverse("dashboard:review", args=[plan.pk]))
    assert "No check-in of the patient since this step began" in page.text


def test_a_trusted_persons_report_is_shown_and_answers_no_day(plan, prescriber) -> None:
    report(
        person=make_trusted(plan.patient), signs=["rf_confused"], submission_id=uuid4(),
        now=timezone.now(),
    )  # fmt: skip
    page = signed_in(prescriber).get(reverse("dashboard:review", args=[plan.pk]))
    assert page.context["review"].days_answered == 0
    assert "trusted person" in page.text
    assert "The next cut stays locked until one comes" in page.text


def test_the_chart_draws_what_was_taken_on_the_patients_days(patient, prescriber) -> None:
    late = timezone.now().replace(hour=3, minute=0)  # still the day before in New York
    start = (late - timedelta(days=20)).date().isoformat()
    plan = make_active_plan(patient, prescriber.user, now=late, start_on=start)
    TaperPlan.objects.update(begun_step=1)  # no check-in came, so the second step did not begin
    check_in(patient, CALM, now=late)
    state = today_of(TaperPlan.objects.get(pk=plan.pk), late, pieces=True)
    chart = chart_points(state, list(patient.check_ins.select_related("triage")))
    assert [step.number for step in state.steps if step.start_on <= state.day] == [1, 2]
    assert [line.points for line in chart["doses"]] == ["0.0,0.0 720.0,0.0"]
    assert chart["score_points"] == "720.0,165.0"


def test_a_draft_has_nothing_to_review(patient, prescriber) -> None:
    plan = make_plan(patient, prescriber.user)
    page = signed_in(prescriber).get(reverse("dashboard:review", args=[plan.pk]))
    assert page.headers["Location"] == reverse("tapers:detail", args=[plan.pk])


def test_the_review_costs_the_same_with_a_long_history(
    plan, prescriber, django_assert_max_num_queries
) -> None:
    for hours in range(1, 100, 4):
        check_in(plan.patient, CALM, now=timezone.now() - timedelta(hours=hours))
    client = signed_in(prescriber)
    with django_assert_max_num_queries(20):
        client.get(reverse("dashboard:review", args=[plan.pk]))


def test_plans_that_wait_are_listed_for_their_clinic_only(
    plan, prescriber, nurse, outsider, clinic, django_assert_max_num_queries
) -> None:
    hold(plan.patient)
    for _ in range(4):
        patient = make_patient(clinic)
        make_active_plan(patient, prescriber.user, now=timezone.now())
        hold(patient)
        hold(patient)
    for _ in range(3):
        asked = make_plan(
            make_patient(clinic), prescriber.user, now=timezone.now(), goal_mg="0",
            start_on=today().isoformat(),
        )  # fmt: skip
        sign(asked, prescriber.user, now=timezone.now(), breach_reason="Her wish.")
    url = reverse("dashboard:decisions")
    client = signed_in(nurse)
    with django_assert_max_num_queries(17):
        page = client.get(url)
    assert len(page.context["plans"]) == 5
    assert len(page.context["versions"]) == 3
    assert asked.patient.family_name in page.text
    assert reverse("tapers:sign_second", args=[asked.pk]) not in page.text
    own = signed_in(prescriber).get(url).text
    assert reverse("tapers:sign_second", args=[asked.pk]) in own
    assert "somebody other than you" in own
    assert asked.patient.family_name not in signed_in(outsider).get(url).text
    rows = page.context["plans"]
    assert all(row.waits_because.startswith("A check-in asked for it") for row in rows), [
        row.waits_because for row in rows
    ]
    assert page.text.count("Seizure risk") > len(rows)
    assert plan.patient.family_name in page.text
    assert plan.patient.family_name not in signed_in(outsider).get(url).text
