"""Mails to patients and the people they trust leave although no broker and no worker runs."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.checkins.models import Reminder
from apps.checkins.reminder_actions import plan_window
from apps.portal.actions import give_consent
from apps.portal.models import PortalMail
from apps.portal.sign_in_actions import ask_for_code
from apps.portal.trusted_actions import invite_trusted
from tests.harness.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.flow,
    pytest.mark.slow,
]


def test_the_dispatcher_sends_codes_links_and_reminders_with_the_broker_dead(
    parts, smtp, people, marked_patient, live_broker
) -> None:
    live_broker.kill()
    now = timezone.now()
    marked_patient.email = "own@home.example"  # the address is in the mail's head, as it must be
    marked_patient.save()
    give_consent(patient=marked_patient, language="en", now=now)
    plan_window(marked_patient.pk, now)
    due = {"due_at": now, "next_attempt_at": now, "closes_at": now + timedelta(days=1)}
    Reminder.objects.update(**due)
    parts.dispatcher()
    smtp.wait_for(1, to="own@home.example", timeout=15)
    ask_for_code(address="own@home.example", now=timezone.now())
    invite_trusted(
        patient=marked_patient, name="Robin", email="robin@home.example", language="en",
        sees_dose=False, now=timezone.now(),
    )  # fmt: skip
    smtp.wait_for(2, to="own@home.example", timeout=5)
    smtp.wait_for(1, to="robin@home.example", timeout=5)
    wait_until(lambda: PortalMail.objects.filter(state="sent").count() == 2)
    assert Reminder.objects.get().mails_sent == 1
    assert len(smtp.messages) == 3
