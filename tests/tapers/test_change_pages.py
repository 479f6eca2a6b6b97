"""The pages of decisions: previewed, signed, nothing typed is lost, two editors."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.tapers.actions import hold_plan
from apps.tapers.actions_clock import settle_due
from apps.tapers.models import PlanVersion, TaperPlan
from tests.conftest import signed_in
from tests.factories import CALM, check_in, make_active_plan, proof_of, seen_on_page

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def plan(patient, prescriber) -> TaperPlan:
    now = timezone.now()
    today = timezone.localdate(now, patient.tz)
    return make_active_plan(patient, prescriber.user, now=now, start_on=today.isoformat())


def post(member, plan, kind: str, **values: str):
    """Send the form; before it is saved it is previewed, as the page asks."""
    today = timezone.localdate(timezone=plan.patient.tz).isoformat()
    agreed = {"agreed_on": today, "agreed_how": "visit"}
    data = {"based_on": "1", "reason": "Poor sleep"} | proof_of(member) | agreed | values
    client, url = signed_in(member), reverse(f"tapers:{kind}", args=[plan.pk])
    if "save" in values and "seen" not in values:
        page = client.post(url, {name: text for name, text in data.items() if name != "save"})
        preview = page.context["preview"] if page.context else None
        data["seen"] = preview.seen if preview else ""
    return client.post(url, data)


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
    signed_in(lead).post(url, seen_on_page(plan) | proof_of(lead))
    plan.refresh_from_db()
    assert plan.version.number == 2


def test_a_decision_nobody_previewed_is_shown_and_not_saved(plan, prescriber) -> None:
    for seen in ("", "0" * 64):
        page = post(prescriber, plan, "goal", goal_mg="1.5", save="1", seen=seen)
        assert page.status_code == 422
        assert page.context["preview"]
        assert page.context["form"]["reason"].value() == "Poor sleep"
        assert PlanVersion.objects.count() == 1
    seen = page.context["preview"].seen
    assert post(prescriber, plan, "goal", goal_mg="1.5", save="1", seen=seen).status_code == 302
    # Before a value is typed there is nothing to sign, so nothing asks for a signature.
    page = signed_in(prescriber).get(reverse("tapers:method", args=[plan.pk]))
    assert 'name="password"' not in page.text
    assert "Sign and save" not in page.text


def test_a_hold_that_came_after_the_page_was_shown_is_not_lifted(plan, prescriber) -> None:
    client, url = signed_in(prescriber), reverse("tapers:slow", args=[plan.pk])
    data = {"based_on": "1", "reason": "Poor sleep", "percent": "5"} | proof_of(prescriber)
    seen = client.post(url, data).context["preview"].seen
    hold = hold_plan(
        patient=plan.patient, action="hold_next", rules=["E01_SEIZURE"], source_type="check_in",
        source_id=uuid4(), by=None, now=timezone.now(),
    )  # fmt: skip
    page = client.post(url, data | {"save": "1", "seen": seen})
    hold.refresh_from_db()
    assert (page.status_code, hold.released_at, plan.versions.count()) == (422, None, 1)
    assert "a hold" in str(page.context["form"].non_field_errors())
    assert "A check-in asked for a hold" in page.text
    # Whoever has seen it decides.
    client.post(url, data | {"save": "1", "seen": page.context["preview"].seen})
    hold.refresh_from_db()
    assert hold.released_at is not None


def test_ending_too_early_is_refused_with_the_reason(plan, prescriber) -> None:
    page = post(prescriber, plan, "end", reason="Moves away", save="1")
    assert page.status_code == 422
    assert "ASAM-03" in page.text
    assert "Moves away" in page.text


@pytest.mark.parametrize(("kind", "status"), [("end", "ended"), ("inpatient", "inpatient")])
def test_leaving_a_plan_is_a_decision_like_any_other(plan, prescriber, lead, kind, status) -> None:
    post(prescriber, plan, "stop", save="1")
    page = signed_in(prescriber).get(reverse(f"tapers:{kind}", args=[plan.pk]))
    assert [row.now_dose for row in page.context["preview"].rows] == ["no plan"]
    wrong = post(prescriber, plan, kind, save="1", based_on="2", password="no")
    assert "This is not your password" in wrong.text
    conflict = post(lead, plan, kind, save="1", based_on="1")
    assert conflict.status_code == 409
    assert "saved version 2" in conflict.text
    assert post(prescriber, plan, kind, save="1", based_on="2").status_code == 302
    plan.refresh_from_db()
    version = plan.latest
    assert (plan.status, plan.left_reason, version.number) == (status, "Poor sleep", 3)
    assert (version.kind, version.reason, version.created_by) == (
        kind, "Poor sleep", prescriber.user,
    )  # fmt: skip
    assert version.signatures.get().signer == prescriber.user
    assert version.enactment.at == plan.left_at
    assert [s.daily_mg for s in version.steps.all()] == [2], "what was taken stays, no more comes"
    assert post(lead, plan, "hold", length="14", save="1", based_on="3").status_code == 302
    assert plan.versions.count() == 3


def test_a_switch_above_zero_asks_for_the_goal_in_the_new_drug(plan, prescriber) -> None:
    switch = {"method": "switch", "to_drug": "diazepam", "source": "ashton_low", "swap_days": "7",
              "then": "percent_of_current", "percent": "10"}  # fmt: skip
    page = post(prescriber, plan, "method", **switch, save="1")
    assert page.status_code == 422
    assert "diazepam" in page.context["form"].errors["goal_mg"][0]
    goal = page.context["goal"]
    assert goal.dose == "1 mg clonazepam"
    assert [mg for _, mg in goal.by_source] == ["10 mg", "20 mg", "20 mg"], goal
    assert 'name="goal_mg"' in page.text
    page = post(prescriber, plan, "method", **switch, goal_mg="15", save="1", breach_reason="Old.")
    assert page.status_code == 302
    assert plan.latest.request["goal_mg"] == "15"
    assert plan.latest.steps.last().dose == "15 mg diazepam"


def on_day(member, plan, day):
    page = signed_in(member).get(reverse("tapers:on_day", args=[plan.pk]), {"day": day.isoformat()})
    assert page.status_code == 200
    assert plan.patient.reference in page.text
    for other in (day - DAY, day + DAY):
        assert f"?day={other.isoformat()}" in page.text
    return page


def test_any_day_can_be_asked_for(plan, nurse) -> None:
    today = timezone.localdate(timezone=plan.patient.tz)
    assert "2 mg a day" in on_day(nurse, plan, today).text
    assert on_day(nurse, plan, today + 30 * DAY).context["said"].step.number == 3
    before = on_day(nurse, plan, date(2020, 1, 1))
    assert "No version of this plan was in force" in before.text
    url = reverse("tapers:on_day", args=[plan.pk])
    for odd in ("nonsense", "0001-01-01", "9999-12-31"):
        assert signed_in(nurse).get(url, {"day": odd}).status_code == 200


def test_a_day_says_what_was_taken_and_not_what_was_planned(patient, prescriber, nurse) -> None:
    """Cuts due 16 and 2 days ago: the first was unlocked by a check-in, the second was not."""
    now = timezone.now()
    today = timezone.localdate(now, patient.tz)
    begun = now - 30 * DAY
    plan = make_active_plan(
        patient, prescriber.user, now=begun, start_on=(today - 30 * DAY).isoformat()
    )
    check_in(patient, CALM, now=now - 20 * DAY)
    first, second = plan.version.steps.filter(number__in=[1, 2])
    cut = second.start_on

    def dose(day):
        return on_day(nurse, plan, day).context["said"].step.daily_mg

    for is_settled in (False, True):
        if is_settled:
            for ago in (17, 16, 3, 2):
                settle_due(now - ago * DAY)
        assert dose(cut - DAY) == first.daily_mg
        assert {dose(cut), dose(today - 3 * DAY), dose(today)} == {second.daily_mg}
        assert dose(today + 10 * DAY) == second.daily_mg, "locked until somebody decides"
        said = on_day(nurse, plan, today - DAY).context["said"]
        assert said.step.daily_mg == second.daily_mg
        assert said.locked_because or said.holds
    assert post(prescriber, plan, "go_on", save="1").status_code == 302
    assert dose(today - DAY) == second.daily_mg


def test_a_plan_that_was_left_says_nothing_of_later_days(plan, prescriber, nurse) -> None:
    post(prescriber, plan, "inpatient", save="1")
    today = timezone.localdate(timezone=plan.patient.tz)
    last = on_day(nurse, plan, today)
    assert last.context["said"].step.daily_mg == 2
    assert "Poor sleep" in last.text
    after = on_day(nurse, plan, today + DAY)
    assert after.context["said"].step is None
    assert "The plan said nothing any more" in after.text
    assert "Poor sleep" in after.text


def test_the_plan_page_costs_the_same_with_many_versions(
    plan, prescriber, django_assert_max_num_queries
) -> None:
    for number in range(1, 6):
        post(prescriber, plan, "hold", length="7", save="1", based_on=str(number))
    assert plan.versions.count() == 6
    client = signed_in(prescriber)
    with django_assert_max_num_queries(26):
        client.get(reverse("tapers:detail", args=[plan.pk]))
