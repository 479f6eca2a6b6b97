"""A check-in whose last writes travel with the COMMIT: saved with all of them, or not at all."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert, AlertEvent, Delivery
from apps.audit.models import AuditEvent
from apps.checkins.link_actions import create_link
from apps.checkins.models import CheckIn, CheckInLink, Reminder
from apps.checkins.reminder_actions import plan_window
from apps.database.statements import execute_later
from apps.patients.models import Patient
from apps.tapers.models import PlanHold
from tests.factories import SEIZURE, make_active_plan, put_on_call

pytestmark = pytest.mark.django_db(transaction=True)

WRITES = (
    "apps.audit.actions.INSERT_EVENT",
    "apps.checkins.actions.INSERT_TRIAGE",
    "apps.tapers.actions.INSERT_HOLD",
    "apps.alerts.escalation.INSERT_LINE",
    "apps.alerts.escalation.SET_NEXT",
    "apps.checkins.reminder_actions.REPLAN",
    "apps.checkins.link_actions.USE_LINK",
)


class Broken:
    """A write that PostgreSQL refuses when it gets to it."""

    asked = 0

    def run_later(self, *rows: object, **values: object) -> None:
        """Ask for what cannot be."""
        self.asked += 1
        execute_later("SELECT 1 / %s", [0])


@pytest.fixture
def url(patient: Patient, prescriber, nurse) -> str:
    """Return the link of a patient for whom a seizure means every write there is."""
    now = timezone.now()
    start = (now - timedelta(days=3)).date().isoformat()
    make_active_plan(patient, prescriber.user, now=now, start_on=start)
    put_on_call(nurse, now=now)
    plan_window(patient.pk, now)
    Reminder.objects.update(due_at=now + timedelta(days=2), closes_at=now + timedelta(days=3))
    return reverse("checkins:create", args=[create_link(patient=patient, by=None, now=now)])


@pytest.mark.parametrize("name", WRITES)
def test_a_late_write_that_fails_leaves_nothing_behind_and_is_no_success(
    url, name, monkeypatch
) -> None:
    events, broken, answers = AuditEvent.objects.count(), Broken(), dict(SEIZURE)
    answers["submission_id"] = uuid4()
    phone = Client(raise_request_exception=False)
    with monkeypatch.context() as patch:
        patch.setattr(name, broken)
        page = phone.post(url, answers)
    assert broken.asked
    assert page.status_code == 500
    assert "Checkin-Saved" not in page.headers
    for model in (CheckIn, PlanHold, Alert, AlertEvent, Delivery):
        assert not model.objects.exists(), model
    assert AuditEvent.objects.count() == events
    assert CheckInLink.objects.get().used_at is None
    assert connection.prepared.waiting == []
    again = phone.post(url, answers)
    assert again.headers["Checkin-Saved"] == str(answers["submission_id"])
    assert PlanHold.objects.count() == Alert.objects.count() == Delivery.objects.count() == 1
    assert AlertEvent.objects.count() == 2
    assert CheckInLink.objects.get().used_at is not None
