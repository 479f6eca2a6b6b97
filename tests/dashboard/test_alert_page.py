"""The alert's page: what it shows, what it costs, and what its buttons do."""

from datetime import timedelta

import pgtrigger
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.escalation import log
from apps.alerts.models import Alert, AlertAct, Mute
from apps.audit.models import AuditEvent
from apps.tapers.models import PlanHold
from tests.conftest import signed_in
from tests.factories import (
    CALM,
    SEIZURE,
    check_in,
    make_active_plan,
    make_alert,
    make_mute,
    put_on_call,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def alert(patient, nurse, prescriber) -> Alert:
    now = timezone.now() - timedelta(minutes=10)
    make_active_plan(patient, prescriber.user)
    put_on_call(nurse, now=now)
    check_in(patient, SEIZURE | {"red_flags": ("rf_aura",)}, now=now)
    return Alert.objects.get()


def url(name: str, alert: Alert) -> str:
    return reverse(f"dashboard:{name}", args=[alert.pk])


def test_the_page_shows_words_rules_plan_tier_phone_and_timeline(alert, nurse, backup) -> None:
    signed_in(backup).get(url("alert", alert))
    page = signed_in(nurse).get(url("alert", alert)).text
    assert "E01_SEIZURE" in page
    assert "A strange warning feeling" in page
    assert f'href="tel:{alert.patient.phone.replace("-", "")}"' in page
    assert f"{alert.patient.risk.get_tier_display()} seizure risk" in page
    assert f"telling {nurse.user.full_name} by e-mail" in page
    assert backup.user.full_name in page
    assert "Opened the page." in page
    assert 'aria-current="step"' in page


def test_a_long_night_is_folded_until_all_of_it_is_asked_for(alert, nurse) -> None:
    for number in range(40):
        log(alert, f"Line {number}.", timezone.now())
        delivery = alert.deliveries.first()
        delivery.pk, delivery.link_hash, delivery.link_expires_at = None, None, None
        delivery.round = 100 + number
        delivery.save(force_insert=True)
    reader = signed_in(nurse)
    short = reader.get(url("alert", alert))
    assert (len(short.context["events"]), len(short.context["deliveries"])) == (30, 12)
    assert "Line 39." in short.text
    assert "Line 0." not in short.text
    assert short.text.count("?all=1") == 2
    whole = reader.get(url("alert", alert), {"all": "1"})
    assert "Line 0." in whole.text
    assert len(whole.context["deliveries"]) == 41
    assert "?all=1" not in whole.text


def test_a_later_answer_is_shown_beside_the_original(alert, nurse) -> None:
    check_in(alert.patient, CALM, now=timezone.now())
    page = signed_in(nurse).get(url("alert", alert))
    changed = {row["label"]: (row["was"], row["now"]) for row in page.context["changed"]}
    assert ("yes", "no") in changed.values()
    assert "A later answer never withdraws this alert." in page.text


def test_the_page_costs_the_same_with_a_long_history(
    alert, nurse, django_assert_max_num_queries
) -> None:
    acknowledge_alert(alert=alert, by=nurse.user, now=timezone.now())
    client = signed_in(nurse)
    for number in range(12):
        client.post(url("alert_act", alert), {"kind": "no_answer", "note": f"Try {number}"})
        client.get(url("alert", alert))
    for day in range(8):
        check_in(alert.patient, CALM, now=timezone.now() - timedelta(minutes=day))
    with django_assert_max_num_queries(30):
        page = client.get(url("alert", alert))
    assert "Try 11" in page.text


def test_the_owner_writes_down_a_step(alert, nurse) -> None:
    acknowledge_alert(alert=alert, by=nurse.user, now=timezone.now())
    client = signed_in(nurse)
    client.post(url("alert_act", alert), {"kind": "no_answer", "note": "Rang <b>twice</b>."})
    page = client.get(url("alert", alert)).text
    assert "Rang &lt;b&gt;twice" in page
    assert AlertAct.objects.get().by == nurse.user


def test_a_step_without_a_kind_comes_back_with_its_note(alert, nurse) -> None:
    acknowledge_alert(alert=alert, by=nurse.user, now=timezone.now())
    page = signed_in(nurse).post(url("alert_act", alert), {"kind": "", "note": "Left word"})
    assert page.status_code == 422
    assert "Left word" in page.text
    assert 'id="id_actform_kind"' in page.text


def test_the_wrong_outcome_is_told_beside_its_field_and_nothing_is_lost(alert, nurse) -> None:
    acknowledge_alert(alert=alert, by=nurse.user, now=timezone.now())
    answer = {"outcome": "no_answer", "note": "Rang five times."}
    page = signed_in(nurse).post(url("alert", alert), answer)
    assert page.status_code == 422
    assert "Ask for a welfare check" in page.text
    assert "Rang five times." in page.text
    alert.refresh_from_db()
    assert alert.status == "acknowledged"


def test_an_alert_is_handed_over_on_its_page(alert, nurse, backup) -> None:
    acknowledge_alert(alert=alert, by=nurse.user, now=timezone.now())
    answer = {"to": str(backup.pk), "note": "Going home."}
    page = signed_in(nurse).post(url("alert_hand_over", alert), answer, follow=True)
    assert f"{backup.user.full_name} has this alert now." in page.text
    assert "Going home." in page.text


def test_an_alert_goes_to_nobody_of_another_clinic(alert, nurse, outsider, clinic_admin) -> None:
    acknowledge_alert(alert=alert, by=nurse.user, now=timezone.now())
    for person in (outsider, clinic_admin):
        answer = {"to": str(person.pk), "note": "x"}
        page = signed_in(nurse).post(url("alert_hand_over", alert), answer)
        assert page.status_code == 422
        assert person.user.full_name not in page.text
    alert.refresh_from_db()
    assert alert.owner == nurse.user


def test_a_closed_alert_is_opened_again_with_a_reason(alert, nurse, backup) -> None:
    resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="All well.", now=timezone.now())
    client = signed_in(backup)
    assert client.post(url("alert_reopen", alert), {"reason": ""}).status_code == 422
    page = client.post(url("alert_reopen", alert), {"reason": "Daughter rang."}, follow=True)
    assert "Open again, and yours." in page.text
    assert "All well." in page.text
    assert "Daughter rang." in page.text


def test_the_next_cut_is_held_with_one_tap_and_once(patient, nurse, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    alert = make_alert(patient)
    client = signed_in(nurse)
    assert "Hold the next cut" in client.get(url("alert", alert)).text
    for _ in range(2):
        client.post(url("alert_hold_plan", alert))
    assert PlanHold.objects.count() == 1
    assert AuditEvent.objects.get(event="alert.plan_held").actor_id == nurse.user.pk


def test_each_reader_finds_the_plan_actions_that_are_theirs(patient, nurse, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user)
    alert = make_alert(patient)
    step_back = reverse("tapers:step_back", args=[plan.pk])
    assert step_back not in signed_in(nurse).get(url("alert", alert)).text
    client = signed_in(prescriber)
    page = client.get(url("alert", alert)).text
    assert step_back in page
    assert reverse("tapers:inpatient", args=[plan.pk]) in page
    assert client.get(step_back).status_code == 200
    client = signed_in(nurse)
    refer = f"{url('alert', alert)}?act=referred"
    assert "Take and refer" in client.get(url("alert", alert)).text
    take = reverse("alerts:acknowledge", args=[alert.pk])
    assert client.post(take, {"act": "referred"}).url == f"{refer}#step"
    assert client.post(take, {"act": "//evil.example"}).url == url("alert", alert)
    assert f'href="{refer}#step"' in client.get(url("alert", alert)).text
    assert client.get(refer).context["act_form"]["kind"].value() == "referred"
    client.post(url("alert_act", alert), {"kind": "referred", "note": "To Dr. Hale, today."})
    assert "Referred to a specialist or hospital." in client.get(url("alert", alert)).text


def test_without_a_plan_there_is_nothing_to_hold(patient, nurse) -> None:
    page = signed_in(nurse).post(url("alert_hold_plan", make_alert(patient)), follow=True)
    assert "nothing to hold" in page.text


def test_a_rule_is_muted_and_heard_again(patient, prescriber) -> None:
    alert = make_alert(patient, "urgent")
    with pgtrigger.ignore("alerts.Alert:alert_stays_itself"):
        Alert.objects.filter(pk=alert.pk).update(rules=["U12_SCORE_HIGH", "E01_SEIZURE"])
    client, path = signed_in(prescriber), reverse("alerts:mute", args=[alert.pk])
    assert "E01_SEIZURE" not in client.get(path).text
    bad = client.post(path, {"rule": "E01_SEIZURE", "days": "7", "reason": "Known."})
    assert bad.status_code == 422
    assert "Known." in bad.text
    client.post(path, {"rule": "U12_SCORE_HIGH", "days": "7", "reason": "Known."})
    mute = Mute.objects.get()
    assert mute.reason == "Known."
    assert "U12_SCORE_HIGH is muted until" in client.get(url("alert", alert)).text
    client.post(reverse("alerts:mute_end", args=[mute.pk]))
    mute.refresh_from_db()
    assert mute.ended_by == prescriber.user


def test_a_nurse_mutes_nothing(patient, nurse, prescriber) -> None:
    alert, mute = make_alert(patient), make_mute(patient, prescriber.user)
    client: Client = signed_in(nurse)
    assert client.post(reverse("alerts:mute", args=[alert.pk])).status_code == 403
    assert client.post(reverse("alerts:mute_end", args=[mute.pk])).status_code == 403
