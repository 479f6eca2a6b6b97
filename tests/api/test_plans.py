"""A plan worked out through the API is the builder's; a stop at once is refused here too."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.tapers.models import PlanVersion, TaperPlan
from tests.detox.test_beside import tell
from tests.factories import make_active_plan, make_patient, today

pytestmark = pytest.mark.django_db


def preview(planner, patient, **changes):
    body = {"start_on": today().isoformat(), "percent": "10", "goal_mg": "1", **changes}
    return planner.sends(reverse("api:plan_preview", args=[patient.pk]), body)


def test_it_is_what_the_builder_shows(planner, patient) -> None:
    answer = preview(planner, patient)
    assert answer.status_code == 200
    found = answer.json()
    assert found["steps"][0]["daily_mg"] == "2"
    assert found["steps"][-1]["daily_mg"] == "1"
    assert not found["needs_second"]
    assert not TaperPlan.objects.exists()
    row = AuditEvent.objects.get(event="plan.previewed")
    assert row.patient_id == patient.pk


def test_a_fall_that_is_too_fast_says_that_a_second_must_sign(planner, patient) -> None:
    found = preview(planner, patient, method="custom", daily_mg=["1.5", "1"], percent="").json()
    assert found["needs_second"]
    assert any(step["verdict"] == "block" for step in found["steps"])


STOPS = [
    {"method": "custom", "daily_mg": ["0"]},
    {"method": "custom", "daily_mg": ["0.0"], "interval_days": 7},
    {"method": "percent_of_current", "percent": "100"},
    {"method": "percent_of_start", "percent": "100", "goal_mg": "0"},
    {"method": "fixed_mg", "mg": "2", "goal_mg": "0"},
    {"method": "hyperbolic", "steps": 1, "goal_mg": "0"},
]


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_at_once_is_refused_through_the_api_too(planner, patient, stop) -> None:
    answer = preview(planner, patient, **({"percent": "", "goal_mg": "0"} | stop))
    assert answer.status_code == 422, answer.content
    found = answer.json()
    if stop.get("percent") != "100":  # the form knows no cut of 100 %
        assert found["type"].endswith(":abrupt-stop")
        assert "would stop the medicine at once" in found["detail"]
    assert not TaperPlan.objects.exists()


def test_little_that_is_left_of_a_high_dose_is_planned_and_asks_for_a_second(
    planner, clinic, prescriber
) -> None:
    then = timezone.now() - timedelta(days=3)
    wren = make_patient(clinic, now=then, drug_id="diazepam", slots={"night": "40"})
    tell(wren, prescriber, now=timezone.now(), medication={"night_mg": Decimal(1)})
    typed = {"method": "fixed_mg", "mg": "0.5", "percent": "", "goal_mg": "0"}
    answer = preview(planner, wren, **typed)
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["steps"][0]["daily_mg"], found["steps"][0]["verdict"]) == ("1", "block")
    assert found["needs_second"]


def test_no_call_of_the_api_changes_a_plan(planner, patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user, start_on=today().isoformat())
    before = list(PlanVersion.objects.values()), list(TaperPlan.objects.values())
    assert preview(planner, patient, method="custom", daily_mg=["0"]).status_code == 422
    assert preview(planner, patient).status_code == 200
    for path in (f"/api/v1/plans/{plan.pk}", f"/api/v1/plans/{plan.pk}/end", "/api/v1/plans"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert planner.generic(method, path, "{}").status_code == 404
    for name in ("stop", "end", "goal"):  # the pages do not take a token
        path = reverse(f"tapers:{name}", args=[plan.pk])
        assert planner.generic("POST", path, "{}").status_code == 302
    assert (list(PlanVersion.objects.values()), list(TaperPlan.objects.values())) == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"percent": "1e400"}, "percent"), ({"percent": "NaN"}, "percent"),
        ({"goal_mg": "-1"}, "goal_mg"),
        ({"method": "magic"}, "method"), ({"method": "custom", "daily_mg": [""]}, "daily_mg"),
        ({"start_on": "2020-01-01"}, "start_on"), ({"start_on": "9999-12-31"}, "start_on"),
        ({"start_on": "0001-01-01"}, "start_on"), ({"interval_days": 3}, "interval_days"),
        ({"daily_mg": "0"}, "daily_mg"), ({"drug": "diazepam"}, "drug"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(planner, patient, changes, field) -> None:
    answer = preview(planner, patient, **changes)
    assert answer.status_code == 422
    assert field in [each["field"] for each in answer.json()["errors"]]
