"""Patients who are asked, and a clock that the test moves."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from apps.checkins.models import Reminder
from apps.checkins.reminder_delivery import deliver_due
from apps.checkins.reminder_sweep import sweep_reminders
from apps.patients.models import Patient
from tests.factories import NOW, make_active_plan, make_patient
from tests.harness.smtp import SmtpServer


class Clock:
    """A clock that the test moves."""

    def __init__(self, at: datetime = NOW) -> None:
        self.time = at

    def __call__(self) -> datetime:
        return self.time

    def tick(self, **by: float) -> None:
        """Let time pass and everything happen that is due at its end."""
        self.time += timedelta(**by)
        run(self)


def run(clock: Clock) -> None:
    """One beat."""
    sweep_reminders(clock())
    deliver_due(clock)


def live(patient: Patient) -> Reminder:
    """Return the window that the patient is in."""
    return Reminder.objects.live().get(patient=patient)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mail(settings) -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT = 0.3
        yield server


@pytest.fixture
def high(clinic, prescriber) -> Patient:
    """High risk, on clonazepam, one week after the first cut: daily."""
    patient = make_patient(clinic, risk={"prior_wd_seizure": True}, email="p1@home.example")
    make_active_plan(patient, prescriber.user)
    return patient


@pytest.fixture
def moderate(high) -> Patient:
    """The same patient at moderate risk: every second day."""
    high.risk.tier = "moderate"
    high.risk.save(update_fields=["tier"])
    return high


@pytest.fixture
def low(high) -> Patient:
    """The same patient at low risk: weekly."""
    high.risk.tier = "low"
    high.risk.save(update_fields=["tier"])
    return high
