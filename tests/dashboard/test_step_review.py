"""The step review: what the prescriber sees, and where each decision leads."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.tapers.actions import hold_plan
from tests.conftest import signed_in
from tests.factories import (
    CALM,
    check_in,
    make_active_plan,
    make_alert,
    make_patient,
    make_plan,
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
    assert "No check-in since this step began" in page.text


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
    url = reverse("dashboard:decisions")
    client = signed_in(nurse)
    with django_assert_max_num_queries(14):
        page = client.get(url)
    assert len(page.context["plans"]) == 5
    assert plan.patient.family_name in page.text
    assert plan.patient.family_name not in signed_in(outsider).get(url).text
