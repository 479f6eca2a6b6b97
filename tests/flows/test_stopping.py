"""Told to stop in the middle of a message, a process finishes it, claims no other, loses none."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction
from django.utils import timezone

from apps.alerts.models import Alert, Delivery
from apps.alerts.tasks import deliver
from apps.checkins.models import CheckIn
from apps.patients.models import Patient, Role
from tests.factories import SEIZURE, check_in, make_clinic, make_member, make_patient, put_on_call
from tests.flows.test_check_in_to_mail import path_for, posted, tap
from tests.harness.smtp import Answer
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow, pytest.mark.slow]

ALERTS = 4


@pytest.mark.parametrize("kind", ["dispatcher", "worker"])
def test_sigterm_in_the_middle_of_a_delivery_loses_nothing(kind, parts, smtp) -> None:
    clinic, now = make_clinic("Larkspur Clinic"), timezone.now()
    nurse = make_member(clinic, Role.NURSE)
    put_on_call(nurse, now=now)
    smtp.behave(Answer.HANG_BEFORE_DATA, times=1)
    process = getattr(parts, kind)(ALERT_SENDERS="1", EMAIL_TIMEOUT="3")
    for _ in range(ALERTS):
        check_in(make_patient(clinic, now=now), SEIZURE, now=timezone.now())
    if kind == "worker":
        deliver.apply_async([str(Delivery.objects.first().pk)])
    wait_until(lambda: smtp.attempts, 10)
    before = Delivery.objects.exclude(attempts=0).count()
    os.kill(process.process.pid, signal.SIGTERM)  # as systemd and an orchestrator do: it alone
    wait_until(lambda: not process.alive(), 20, process.log_end)
    assert process.process.returncode == 0
    assert not Delivery.objects.filter(status="sending").exists(), "it let go of what it held"
    if kind == "dispatcher":
        assert Delivery.objects.exclude(attempts=0).count() == before == 1
    parts.dispatcher()
    smtp.wait_for(ALERTS, timeout=20)
    wait_until(lambda: Delivery.objects.filter(status="sent").count() == ALERTS, 10)
    assert len(smtp.messages) == ALERTS, "each once"


def test_sigterm_in_the_middle_of_a_check_in_saves_and_answers_it(
    parts, people, marked_patient
) -> None:
    web = parts.deployed_web(WEB_WORKERS="1")
    address = f"http://localhost:{web.port}{path_for(marked_patient)}"
    with ThreadPoolExecutor(1) as phone:
        with transaction.atomic():
            Patient.objects.select_for_update().get(pk=marked_patient.pk)
            answer = phone.submit(tap, address, posted())
            wait_until(lambda: web.has_session("AND wait_event_type = 'Lock'"), 10)
            os.kill(web.process.pid, signal.SIGTERM)
            time.sleep(1)
            assert web.alive(), "it waits for the request in hand"
            assert not answer.done()
        status, page = answer.result(timeout=30)
    assert status == 200
    assert "Call 911 now" in page
    wait_until(lambda: not web.alive(), 30, web.log_end)
    assert web.process.returncode == 0
    assert (CheckIn.objects.count(), Alert.objects.count()) == (1, 1)
