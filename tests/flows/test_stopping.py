"""Told to stop in the middle of a message, a process finishes it, claims no other, loses none."""

import os
import signal

import pytest
from django.utils import timezone

from apps.alerts.models import Delivery
from apps.alerts.tasks import deliver
from apps.patients.models import Role
from tests.factories import SEIZURE, check_in, make_clinic, make_member, make_patient, put_on_call
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
