"""The pages of decisions: previewed, signed, nothing typed is lost, two editors."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.tapers.models import PlanVersion, TaperPlan
from tests.conftest import signed_in
from tests.factories import make_active_plan, seen_on_page

pytestmark = pytest.mark.django_db
PASSWORD = "a long test password"


@pytest.fixture
def plan(patient, prescriber) -> TaperPlan:
    now = timezone.now()
    today = timezone.localdate(now, patient.tz)
    return make_active_plan(patient, prescriber.user, now=now, start_on=today.isoformat())


def post(member, plan, kind: str, **values: str):
    today = timezone.localdate(timezone=plan.patient.tz).isoformat()
    agreed = {"agreed_on": today, "agreed_how": "visit"}
    data = {"based_on": "1", "reason": "Poor sleep", "password": PASSWORD} | agreed | values
    return signed_in(member).post(reverse(f"tapers:{kind}", args=[plan.pk]), data)


def test_opening_a_decision_shows_was_and_now_at_once(plan, prescriber) -> None:
    page = signed_in(prescriber).get(reverse("tapers:hold", args=[plan.pk]))
    assert page.status_code == 200
    assert any(row.is_changed for row in page.context["preview"].rows)
    assert PlanVersion.objects.count() == 1


@pytest.mark.parametrize("kind", ["go_on", "hold", "slow", "method", "goal", "stop"])
def test_every_decision_opens(plan, prescriber, kind) -> None:
    page = signed_in(prescriber).get(reverse(f"tapers:{kind}", args=[plan.pk]))
    assert page.status_code == 200
    assert "Was and now" in page.text


def test_a_step_back_with_nothing_to_go_back_to_says_so(plan, prescriber) -> None:
    page = signed_in(prescriber).get(reverse("tapers:step_back", args=[plan.pk]))
    assert page.status_code == 200
    assert "o dose before this one was higher" in page.text


def test_a_preview_keeps_what_was_typed_and_asks_for_no_password(plan, prescriber) -> None:
    page = post(prescriber, plan, "hold", length="28", preview="1", password="", reason="")
    assert page.status_code == 200
    assert page.context["form"]["length"].value() == "28"
    assert PlanVersion.objects.count() == 1


def test_a_signed_decision_is_saved_and_shown_on_the_plan(plan, prescriber) -> None:
    page = post(prescriber, plan, "hold", length="14", save="1")
    assert page.status_code == 302
    shown = signed_in(prescriber).get(reverse("tapers:detail", args=[plan.pk]))
    assert "Poor sleep" in shown.text
    assert shown.context["version"].number == 2


def test_a_wrong_password_saves_nothing_and_loses_nothing(plan, prescriber) -> None:
    page = post(prescriber, plan, "hold", length="28", save="1", password="no")
    assert page.status_code in (200, 422)
    assert "This is not your password" in page.text
    assert "Poor sleep" in page.text
    assert PlanVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        ("goal", {"goal_mg": "0,5"}, "goal_mg"),
        ("goal", {"goal_mg": "٥"}, "goal_mg"),
        ("goal", {"goal_mg": "20"}, "goal_mg"),
        ("goal", {"goal_mg": ""}, "goal_mg"),
        ("slow", {"percent": "5,5"}, "percent"),
        ("slow", {"percent": "200"}, "percent"),
        ("slow", {"interval_days": "7"}, "interval_days"),
        ("hold", {"length": "15"}, "length"),
        ("method", {"method": "fixed_mg", "mg": ""}, "mg"),
        ("method", {"method": "switch", "to_drug": "diazepam"}, "source"),
        ("method", {"method": "preset:ashton"}, "method"),
        ("method", {"method": "custom", "daily_mg": "1,75\n1.5"}, "daily_mg"),
    ],
)
def test_a_wrong_value_is_told_beside_its_field(plan, prescriber, kind, values, field) -> None:
    page = post(prescriber, plan, kind, save="1", **values)
    assert page.status_code == 422
    assert page.context["form"].errors[field]
    assert PlanVersion.objects.count() == 1


def test_the_second_editor_sees_the_difference_and_keeps_the_form(plan, prescriber, lead) -> None:
    post(prescriber, plan, "hold", length="14", save="1")
    page = post(lead, plan, "slow", interval_days="28", save="1", reason="Dizzy in the morning")
    assert page.status_code == 409
    assert "saved version 2 while you worked on version 1" in page.text
    assert "Dizzy in the morning" in page.text
    assert any(row.is_changed for row in page.context["theirs"])
    again = post(lead, plan, "slow", interval_days="28", save="1", reason="Dizzy", based_on="2")
    assert again.status_code == 302
    assert plan.versions.count() == 3


def test_a_fall_above_the_limit_asks_for_a_reason_and_waits(plan, prescriber, lead) -> None:
    fast = {"method": "percent_of_current", "percent": "40"}
    page = post(prescriber, plan, "method", **fast, save="1")
    assert page.status_code == 422
    assert page.context["form"].errors["breach_reason"]
    page = post(prescriber, plan, "method", **fast, save="1", breach_reason="Falls at night.")
    assert page.status_code == 302
    plan.refresh_from_db()
    assert plan.version.number == 1
    shown = signed_in(lead).get(reverse("tapers:detail", args=[plan.pk]))
    assert "waits for a second prescriber" in shown.text
    url = reverse("tapers:sign_second", args=[plan.pk])
    page = signed_in(lead).get(url)
    assert page.context["version"].number == 2
    assert any(row.is_less for row in page.context["diff"])
    signed_in(lead).post(url, seen_on_page(plan) | {"password": PASSWORD})
    plan.refresh_from_db()
    assert plan.version.number == 2


def test_ending_too_early_is_refused_with_the_reason(plan, prescriber) -> None:
    url = reverse("tapers:end", args=[plan.pk])
    page = signed_in(prescriber).post(url, {"reason": "Moves away"})
    assert page.status_code == 422
    assert "ASAM-03" in page.text
    assert "Moves away" in page.text


def test_moving_to_hospital_from_the_page(plan, prescriber) -> None:
    url = reverse("tapers:inpatient", args=[plan.pk])
    assert signed_in(prescriber).post(url, {"reason": "Delirium"}).status_code == 302
    plan.refresh_from_db()
    assert plan.status == "inpatient"


def test_any_day_can_be_asked_for(plan, nurse) -> None:
    client, url = signed_in(nurse), reverse("tapers:on_day", args=[plan.pk])
    today = timezone.localdate(timezone=plan.patient.tz)
    assert "2 mg a day" in client.get(url, {"day": today.isoformat()}).text
    later = client.get(url, {"day": (today + timedelta(days=30)).isoformat()})
    assert later.context["step"].number == 3
    before = client.get(url, {"day": "2020-01-01"})
    assert "No version of this plan was in force" in before.text
    assert client.get(url, {"day": "nonsense"}).status_code == 200


def test_the_plan_page_costs_the_same_with_many_versions(
    plan, prescriber, django_assert_max_num_queries
) -> None:
    for number in range(1, 6):
        post(prescriber, plan, "hold", length="7", save="1", based_on=str(number))
    assert plan.versions.count() == 6
    client = signed_in(prescriber)
    with django_assert_max_num_queries(26):
        client.get(reverse("tapers:detail", args=[plan.pk]))
