"""What /metrics tells of pages, queues and alerts: true over processes, and of nobody."""

import os
import re
import signal
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from apps.alerts.metrics import metrics
from apps.alerts.models import Delivery
from apps.checkins.models import Reminder
from apps.checkins.reminder_actions import plan_window
from apps.dashboard.queue_figures import SECONDS, broker_depths, hurried, queue_figures
from apps.portal.actions import invite_patient
from apps.portal.models import PortalMail
from config import figures, figures_folder
from config.celery import app
from tests.factories import NOW, make_active_plan, make_alert, put_on_call, recorded
from tests.harness.broker import use_broker
from tests.harness.waiting import wait_until

BOOTED = r"Booting worker with pid: (\d+)"
TOKEN = {"Authorization": "Bearer a-token-of-the-test"}


def value(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.django_db
def test_a_page_is_counted_under_its_route_and_what_is_unknown_under_one_name() -> None:
    before = figures.text()
    assert Client().get("/c/Quillfeather-token/").status_code in (404, 410, 200)
    Client().get("/Quillfeather/there/is/no/such")
    Client().generic("QUILLFEATHER", "/healthz")
    text = figures.text()
    assert "uillfeather" not in text.lower()
    unknown = 'glidepath_requests_total{method="GET",route="unknown",status="4xx"}'
    assert value(text, unknown) == value(before, unknown) + 1
    odd = 'glidepath_requests_total{method="other",route="/healthz",status="4xx"}'
    assert value(text, odd) == value(before, odd) + 1


def test_times_fall_into_their_slots() -> None:
    before = figures.text()
    for seconds in (0.001, 0.12, 0.3, 99.0):
        figures.count("/healthz", "GET", 200, seconds)
    text = figures.text()

    def more(name: str) -> float:
        return value(text, name) - value(before, name)

    bucket = 'glidepath_request_seconds_bucket{{le="{}",route="/healthz"}}'
    assert [more(bucket.format(le)) for le in ("0.01", "0.12", "0.25", "0.5", "+Inf")] == [
        1, 2, 2, 3, 4,
    ]  # fmt: skip
    assert more('glidepath_request_seconds_count{route="/healthz"}') == 4
    assert more('glidepath_request_seconds_sum{route="/healthz"}') == pytest.approx(99.421)


@pytest.mark.flow
@pytest.mark.django_db(transaction=True)
def test_all_processes_are_counted_together_and_a_killed_one_takes_nothing_away(
    parts,
) -> None:
    web = parts.deployed_web(WEB_WORKERS="2", METRICS_TOKEN="a-token-of-the-test")
    ready = 'glidepath_requests_total{method="GET",route="/readyz",status="2xx"}'

    def ask(path: str) -> str:
        line = HTTPConnection("localhost", web.port, timeout=20)
        line.request("GET", path, headers=TOKEN)
        text = line.getresponse().read().decode()
        line.close()
        return text

    for _ in range(30):
        ask("/readyz")
    assert {value(ask("/metrics"), ready) for _ in range(10)} == {30}
    booted = re.findall(BOOTED, web.log_text())
    os.kill(int(booted[0]), signal.SIGKILL)
    wait_until(lambda: len(re.findall(BOOTED, web.log_text())) == 3, 20, web.log_end)
    for _ in range(10):
        ask("/readyz")
    assert {value(ask("/metrics"), ready) for _ in range(10)} == {40}


@pytest.mark.django_db
def test_what_waits_is_told_with_its_age(patient, nurse, prescriber) -> None:
    now = timezone.now()
    make_active_plan(patient, prescriber.user, now=now)
    invite_patient(patient=patient, address="wren@example.org", by=nurse.user, now=now)
    plan_window(patient.pk, now)
    PortalMail.objects.update(next_attempt_at=now - timedelta(seconds=20))
    Reminder.objects.update(state="pending", next_attempt_at=now - timedelta(seconds=30))
    type(patient).objects.update(email_proved=F("email"))
    put_on_call(nurse)
    make_alert(patient)
    Delivery.objects.update(next_attempt_at=now - timedelta(seconds=40))
    recorded("patient.viewed", by=None, now=now, clinic_id=patient.clinic_id)
    text = queue_figures(now)
    assert value(text, 'glidepath_queue_waiting{queue="alert messages"}') == 1
    assert value(text, 'glidepath_queue_oldest_seconds{queue="alert messages"}') == 40
    assert value(text, 'glidepath_queue_waiting{queue="seals"}') > 0
    assert value(text, 'glidepath_queue_waiting{queue="reminders"}') == 1
    assert value(text, 'glidepath_queue_oldest_seconds{queue="reminders"}') == 30
    assert value(text, 'glidepath_queue_waiting{queue="portal mails"}') == 1
    assert value(text, 'glidepath_queue_oldest_seconds{queue="portal mails"}') == 20
    found = [patient.family_name, patient.reference, str(patient.pk), nurse.user.email, "wren@"]
    for word in found:
        assert word not in text


@pytest.mark.flow
def test_the_brokers_queues_are_counted_and_one_that_is_away_is_told(redis_server) -> None:
    with use_broker(redis_server.url):
        assert [depth for _, depth in broker_depths()] == [0, 0]
        app.send_task("nobody.takes.it", queue="default")
        assert broker_depths() == [({"queue": "alerts"}, 0), ({"queue": "default"}, 1)]
        with app.connection_for_write() as broker:
            broker.default_channel.queue_purge("default")
    with use_broker("redis://127.0.0.1:1/0"):
        assert broker_depths() == []


@pytest.mark.flow
@pytest.mark.django_db
def test_a_broker_that_hangs_is_told_and_holds_no_page(redis_server) -> None:
    """Stopped, it takes connections and answers none: the kernel still does the first for it."""
    with use_broker(redis_server.url):
        assert value(queue_figures(NOW), "glidepath_broker_up") == 1
        waits = hurried()
        assert {waits["socket_timeout"], waits["socket_connect_timeout"]} == {SECONDS}
        os.kill(redis_server.process.pid, signal.SIGSTOP)
        try:
            text = queue_figures(NOW)
        finally:
            os.kill(redis_server.process.pid, signal.SIGCONT)
        assert re.search("^glidepath_broker_up 0", text, re.MULTILINE)
        assert not re.search("^glidepath_broker_messages{", text, re.MULTILINE)
        assert re.search('^glidepath_queue_waiting{queue="alert messages"}', text, re.MULTILINE)
        assert value(queue_figures(NOW), "glidepath_broker_up") == 1, "it goes on by itself"


@pytest.mark.django_db
def test_the_latency_is_from_the_alert_to_the_first_message_sent(patient, nurse) -> None:
    now = NOW
    put_on_call(nurse, now=now - timedelta(days=1))
    name = 'glidepath_alert_latency_seconds{level="emergency",quantile="1"}'
    for age, seconds in ((timedelta(minutes=5), 3), (timedelta(hours=36), 900)):
        alert = make_alert(patient, now=now - age)
        mine = Delivery.objects.filter(alert=alert)
        mine.update(
            status="sending", attempts=1, next_attempt_at=None, lease_token=uuid4(),
            lease_until=now,
        )  # fmt: skip
        mine.update(
            status="sent", lease_token=None, lease_until=None,
            sent_at=now - age + timedelta(seconds=seconds),
        )  # fmt: skip
    text = metrics(now)
    assert value(text, name) == 3
    assert value(text, 'glidepath_alerts_told{level="emergency"}') == 1


def test_what_a_killed_server_left_in_memory_goes_at_the_next_start(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv(figures_folder.NAME, raising=False)
    living, dead = tmp_path / f"glidepath-figures-{os.getppid()}", tmp_path / "glidepath-figures-x"
    left = tmp_path / f"glidepath-figures-{os.getpid()}"  # a container gives the same number again
    for each in (living, dead, left):
        each.mkdir()
        (each / "counter_1.db").touch()
    mine = figures_folder.new_folder(str(tmp_path))
    assert (Path(mine), os.listdir(mine)) == (left, [])
    assert {each.name for each in tmp_path.iterdir()} == {living.name, left.name}
    (left / "counter_1.db").touch()
    monkeypatch.setenv(figures_folder.NAME, mine)
    assert figures_folder.new_folder(str(tmp_path)) == mine, "read anew, it stays"
    assert os.listdir(mine) == ["counter_1.db"]


def test_short_memory_is_freed_of_dead_processes_and_else_nothing_is_counted(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv(figures_folder.NAME, str(tmp_path))
    mine, gone = os.getpid(), 2**22 + 1  # no process has a number beyond the kernel's own limit
    for number in (mine, gone):
        (tmp_path / f"counter_{number}.db").touch()
    figures_folder.make_room()
    assert len(os.listdir(tmp_path)) == 2, "there is room"
    monkeypatch.setattr(figures_folder, "ROOM_BYTES", 10**18)
    figures_folder.make_room()
    assert os.listdir(tmp_path) == [f"counter_{mine}.db"]
    assert figures_folder.NAME not in os.environ


def test_an_answer_that_cannot_be_counted_is_given(monkeypatch) -> None:
    def is_gone(*labels: str) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(figures.requests, "labels", is_gone)
    figures.count("/healthz", "GET", 200, 0.1)
