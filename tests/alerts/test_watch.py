"""Watching the watcher: signs of life, the machinery's own alerts, the figures."""

import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.alerts import breaker
from apps.alerts.health import RECORD_BROKEN, RECORD_LATE_AFTER, WATCHED, check_health
from apps.alerts.metrics import metrics
from apps.alerts.models import Heartbeat, SystemAlert
from apps.alerts.outside import ping
from apps.alerts.sweep import STRANDED_AFTER, beat, deliver_due, sweep
from apps.alerts.system_alerts import SINCE, keep
from apps.alerts.system_sending import tell_due
from apps.alerts.tasks import beat_heartbeat, check_record
from apps.audit.actions import record, seal_events
from apps.audit.chain import Head, heads
from apps.database.scope import as_owner
from config.schedule import BEAT_SCHEDULE
from tests.factories import NOW, make_alert, put_on_call

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def all_beat() -> None:
    for name in WATCHED:
        beat(name, NOW)


def test_a_process_without_a_sign_of_life_is_named_within_a_minute(all_beat) -> None:
    assert check_health(NOW + 45 * SECOND).is_well
    problems = check_health(NOW + 46 * SECOND).problems
    assert len(problems) == len(WATCHED)


def test_a_sign_of_life_from_the_future_is_none(all_beat) -> None:
    assert len(check_health(NOW - timedelta(hours=1)).problems) == len(WATCHED)


def test_a_stranded_alert_makes_one_system_alert_and_mails_the_lead(
    patient, nurse, lead, monkeypatch
) -> None:
    make_alert(patient)
    deliver_due(lambda: NOW)
    monkeypatch.setattr("apps.alerts.sweep.climb", lambda alert, now: None)
    late = NOW + timedelta(minutes=5) + STRANDED_AFTER + SECOND
    for _ in range(2):
        assert sweep(late).stranded == 1
    assert SystemAlert.objects.filter(kind="stranded", closed_at=None).count() == 1
    assert tell_due(late) == 1
    assert tell_due(late) == 0
    message = mail.outbox[-1]
    assert message.to == [lead.user.email]
    assert message.subject == "SYSTEM ALERT: alerts may not be delivered"
    assert patient.family_name not in message.body


def test_a_system_alert_closes_when_its_trouble_is_over(clinic) -> None:
    keep("stranded", [clinic.pk], NOW)
    keep("stranded", [], NOW + SECOND)
    assert SystemAlert.objects.get().closed_at == NOW + SECOND
    assert keep("stranded", [clinic.pk], NOW + 2 * SECOND) == 1


def test_a_clinic_without_a_lead_has_everybody_told(clinic, nurse) -> None:
    keep("stranded", [clinic.pk], NOW)
    tell_due(NOW)
    assert mail.outbox[0].to == [nurse.user.email]


class Monitor(BaseHTTPRequestHandler):
    """A monitor on loopback that counts its calls."""

    calls: list[str] = []

    def do_GET(self) -> None:
        self.calls.append(self.path)
        self.send_response(500 if self.path == "/ill" else 200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def monitor():
    server = HTTPServer(("127.0.0.1", 0), Monitor)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Monitor.calls.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_outside_is_told_that_all_is_well(monitor, settings) -> None:
    settings.HEARTBEAT_URL = monitor + "/well"
    assert ping()
    assert Monitor.calls == ["/well"]


def test_a_monitor_that_is_ill_gone_or_not_set_raises_nothing(monitor, settings) -> None:
    for url in (monitor + "/ill", "http://127.0.0.1:1/", "", "file:///etc/hostname"):
        settings.HEARTBEAT_URL = url
        assert not ping()


def test_an_open_breaker_is_a_problem_on_the_health_page(all_beat) -> None:
    breaker.note_failure("421 too busy", NOW)
    assert check_health(NOW).is_well
    breaker.note_failure("421 too busy", NOW)
    (problem,) = check_health(NOW).problems
    assert "mail server" in problem


def test_metrics_speak_of_the_machinery_and_of_nobody(patient, nurse, all_beat) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    text = metrics(NOW)
    assert 'glidepath_alerts{level="emergency",status="open"} 1' in text
    assert "glidepath_deliveries_pending 1" in text
    for word in (patient.family_name, alert.reference, str(patient.pk), nurse.user.email, "E01"):
        assert word not in text


def test_metrics_need_their_token(settings) -> None:
    assert Client().get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "a-token"
    assert Client().get("/metrics").status_code == 404
    page = Client().get("/metrics", headers={"Authorization": "Bearer a-token"})
    assert page.status_code == 200
    assert "glidepath_alerts" in page.text


def test_ready_means_that_the_database_is_there_and_up_to_date() -> None:
    assert Client().get("/readyz").json() == {"ok": True, "problems": []}


def test_health_is_ill_when_a_sign_of_life_is_old() -> None:
    for name in ("dispatcher", "worker", "chores"):
        beat(name, timezone.now())
    beat("sweep", timezone.now() - timedelta(minutes=2))
    asked = {name: Client().get(f"/healthz{name}").status_code for name in (
        "", "?process=sweep", "?process=dispatcher", "?process=worker", "?process=web", "?process=x"
    )}  # fmt: skip
    assert list(asked.values()) == [503, 503, 200, 200, 200, 503]


@pytest.mark.parametrize("silent", WATCHED)
def test_each_queue_and_process_is_missed_by_its_own_name(silent) -> None:
    for name in WATCHED:
        beat(name, timezone.now() - timedelta(minutes=2 if name == silent else 0))
    answer = Client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == [f"{WATCHED[silent]} is not running."]


def test_beat_asks_each_queue_for_a_sign_of_life() -> None:
    signs = [
        (each["options"]["queue"], *each.get("args", ()))
        for each in BEAT_SCHEDULE.values()
        if each["task"] == beat_heartbeat.name
    ]
    assert sorted(signs) == [("alerts",), ("default", "chores")]
    for _, *name in signs:
        beat_heartbeat(*name)
    assert {"worker", "chores"} <= set(Heartbeat.objects.values_list("name", flat=True))


def test_a_record_that_was_never_verified_is_told_after_two_days(all_beat) -> None:
    beat(SINCE, NOW - timedelta(days=2))
    assert check_health(NOW).is_well
    beat(SINCE, NOW - timedelta(days=2, minutes=1))
    assert check_health(NOW).problems == ("The audit record was not verified for two days.",)


def test_trouble_that_no_restart_mends_is_told_and_restarts_nothing() -> None:
    for name in WATCHED:
        beat(name, timezone.now())
    for _ in range(2):
        breaker.note_failure("refused", timezone.now())
    answer = Client().get("/healthz")
    assert answer.status_code == 200
    assert "does not take mail" in answer.json()["problems"][0]


def test_the_nightly_look_at_the_audit_record_tells_what_it_found(all_beat, patient) -> None:
    record("patient.viewed", by=None, now=NOW, clinic_id=patient.clinic_id)
    check_record()
    assert check_health(NOW).is_well
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE audit_auditevent DISABLE TRIGGER ALL;"
            "UPDATE audit_auditevent SET event = 'x.y';"
            "ALTER TABLE audit_auditevent ENABLE TRIGGER ALL"
        )
    check_record()
    (problem,) = check_health(NOW, patient.clinic_id).problems
    assert problem.startswith("The audit record does not verify")
    Heartbeat.objects.filter(name=RECORD_BROKEN).delete()
    late = timezone.now() + RECORD_LATE_AFTER + timedelta(minutes=1)
    assert "The audit record was not verified for two days." in check_health(late).problems


def test_the_heads_of_an_intact_record_go_to_the_log(all_beat, patient, caplog) -> None:
    """A collector elsewhere keeps what shows a record that was rewritten as a whole."""
    record("patient.viewed", by=None, now=NOW, clinic_id=patient.clinic_id)
    while seal_events():
        pass
    with caplog.at_level("INFO", logger="apps.alerts.record_check"):
        check_record()
    said = [line.removeprefix("audit head ") for line in caplog.messages]
    assert [Head.parse(line) for line in said] == heads()
    assert patient.clinic_id in {head.clinic_id for head in heads()}


def test_the_record_is_looked_at_each_night() -> None:
    assert settings.CELERY_BEAT_SCHEDULE["check-record"]["task"] == check_record.name
