"""The staff pages: what they show, how much they cost, what they write down."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.health import WATCHED
from apps.alerts.models import Alert, Heartbeat
from apps.alerts.sweep import beat
from apps.audit.models import AuditEvent
from apps.patients.models import Role
from tests.conftest import signed_in
from tests.factories import (
    CALM,
    SEIZURE,
    check_in,
    make_active_plan,
    make_alert,
    make_member,
    make_patient,
    put_on_call,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def all_well(db: None) -> None:
    for name in WATCHED:
        beat(name, timezone.now())


def test_an_empty_board_says_so(nurse, all_well) -> None:
    page = signed_in(nurse).get("/")
    assert page.status_code == 200
    assert page.context["alerts"] == []


def test_the_board_shows_the_most_severe_first(nurse, patient, all_well) -> None:
    now = timezone.now()
    make_alert(patient, "watch", now=now - timedelta(days=1))
    make_alert(patient, "urgent", now=now - timedelta(hours=2))
    make_alert(patient, "emergency", now=now)
    levels = [alert.level for alert in signed_in(nurse).get("/").context["alerts"]]
    assert levels == ["emergency", "urgent", "watch"]


def test_the_board_costs_the_same_for_one_and_for_twenty_alerts(
    nurse, clinic, django_assert_max_num_queries
) -> None:
    client = signed_in(nurse)
    for _ in range(20):
        make_alert(make_patient(clinic), now=timezone.now())
    client.get("/")  # brings the rows of the new patients up to date
    with django_assert_max_num_queries(12):
        client.get("/")


def test_the_alert_page_shows_what_was_said_and_why_it_fired(nurse, patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    put_on_call(nurse, now=timezone.now())
    check_in(patient, SEIZURE | {"red_flags": ("rf_aura",)}, now=timezone.now())
    alert = Alert.objects.get()
    page = signed_in(nurse).get(reverse("dashboard:alert", args=[alert.pk]))
    assert "E01_SEIZURE" in page.text
    assert "A strange warning feeling" in page.text
    assert patient.phone in page.text
    assert AuditEvent.objects.filter(event="alert.viewed", actor_id=nurse.user.pk).count() == 1


def test_an_alert_is_taken_then_closed_with_a_note(nurse, patient) -> None:
    alert, client = make_alert(patient), signed_in(nurse)
    client.post(reverse("alerts:acknowledge", args=[alert.pk]))
    alert.refresh_from_db()
    assert alert.owner == nurse.user
    page = client.post(reverse("dashboard:alert", args=[alert.pk]), {"outcome": "", "note": "Hm"})
    assert page.status_code == 422
    assert "Hm" in page.text
    client.post(
        reverse("dashboard:alert", args=[alert.pk]), {"outcome": "spoke", "note": "Well again."}
    )
    alert.refresh_from_db()
    assert (alert.status, alert.note, alert.resolved_by) == ("resolved", "Well again.", nurse.user)


def test_the_second_nurse_is_told_who_has_the_alert(nurse, backup, patient) -> None:
    alert = make_alert(patient)
    signed_in(nurse).post(reverse("alerts:acknowledge", args=[alert.pk]))
    page = signed_in(backup).post(reverse("alerts:acknowledge", args=[alert.pk]), follow=True)
    assert f"{nurse.user.full_name} has already taken this alert." in page.text


def test_opening_a_patient_is_written_down(nurse, patient) -> None:
    signed_in(nurse).get(reverse("dashboard:patient", args=[patient.pk]))
    event = AuditEvent.objects.get(event="patient.viewed")
    assert (event.actor_id, event.patient_id) == (nurse.user.pk, patient.pk)


def test_the_patient_page_costs_the_same_with_a_long_history(
    nurse, patient, prescriber, django_assert_max_num_queries
) -> None:
    make_active_plan(patient, prescriber.user)
    for day in range(20):
        check_in(patient, CALM, now=timezone.now() - timedelta(days=day))
    client = signed_in(nurse)
    with django_assert_max_num_queries(12):
        client.get(reverse("dashboard:patient", args=[patient.pk]))


def test_a_clinic_admin_sees_no_patient_anywhere(clinic, patient) -> None:
    make_alert(patient)
    client = signed_in(make_member(clinic, Role.CLINIC_ADMIN))
    page = client.get("/", follow=True)
    assert page.redirect_chain == [(reverse("alerts:rota"), 302)]
    assert patient.family_name not in page.text


def test_the_banner_is_red_when_nothing_beats_and_gone_when_all_do(nurse) -> None:
    client = signed_in(nurse)
    assert client.get("/").context["site"]["system_alarm"]
    for name in WATCHED:
        beat(name, timezone.now())
    assert client.get("/").context["site"]["system_alarm"] == ""
    Heartbeat.objects.filter(name="sweep").update(beat_at=timezone.now() - timedelta(seconds=60))
    assert client.get("/").context["site"]["system_alarm"]


def test_an_alert_that_reached_nobody_is_shouted_on_every_page(nurse, patient, all_well) -> None:
    alert = make_alert(patient, now=timezone.now() - timedelta(minutes=2))
    for name in ("dashboard:board", "dashboard:caseload"):
        assert (
            alert.reference in signed_in(nurse).get(reverse(name)).context["site"]["system_alarm"]
        )


def test_health_is_503_with_reasons_and_200_when_well(db) -> None:
    ill = Client().get("/healthz")
    assert ill.status_code == 503
    assert "The dispatcher that sends alert mails is not running." in ill.json()["problems"]
    for name in WATCHED:
        beat(name, timezone.now())
    assert Client().get("/healthz").json() == {"ok": True, "problems": []}


def test_pages_come_with_a_strict_policy(nurse) -> None:
    headers = signed_in(nurse).get("/").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert "camera=()" in headers["Permissions-Policy"]
