"""Staff read that no reminder goes out, why, and what to do: nobody waits for a mail in vain."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.models import Reminder
from apps.checkins.no_mail import no_mail_to_mend, why_no_mail
from apps.checkins.reminder_actions import set_schedule
from apps.checkins.reminder_sweep import sweep_reminders
from apps.patients.actions import change_status
from apps.patients.models import Patient
from apps.portal.actions import begin, give_consent, invite_patient, withdraw_consent
from tests.conftest import signed_in
from tests.factories import make_active_plan, make_patient, put_on_call

pytestmark = pytest.mark.django_db
ADDRESS = "wren@home.example"
NONE_GO_OUT, NOT_PROVED = "No reminders go out.", "Nobody has agreed or signed in by a mail to"
JUDGED = "A missed check-in is judged all the same."
PHONE = "Ask by phone whether the address is right"
NOT_WAITED_FOR = ("deceased", "ended", "paused", "in_hospital")


@pytest.fixture
def new(clinic, prescriber) -> Patient:
    """On a plan for a week, at high risk, with an address that staff typed."""
    now = timezone.now() - timedelta(days=7)
    patient = make_patient(clinic, now=now, risk={"prior_wd_seizure": True})
    make_active_plan(patient, prescriber.user, now=now)
    Patient.objects.filter(pk=patient.pk).update(email=ADDRESS, email_proved="")
    set_schedule(
        patient=patient, remind_at=timezone.now().time(), wants_mail=True, by=None, now=now
    )
    patient.refresh_from_db()
    return patient


def text(client: Client, name: str, row: object) -> str:
    page = client.get(reverse(name, args=[row.pk]))
    assert page.status_code == 200
    return page.text


def agrees(patient: Patient) -> None:
    now = timezone.now()
    invitation = invite_patient(patient=patient, address=ADDRESS, by=None, now=now)
    patient.refresh_from_db()
    assert begin(invitation=invitation, now=now) is not None
    give_consent(patient=patient, language="en", now=now)
    patient.refresh_from_db()


def test_until_the_address_is_proved_each_page_says_that_no_reminder_goes_out(new, nurse) -> None:
    client, access = signed_in(nurse), reverse("portal:access", args=[new.pk])
    of_patient = text(client, "dashboard:patient", new)
    for page in (of_patient, text(client, "portal:access", new)):
        assert NONE_GO_OUT in page
        assert NOT_PROVED in page
        assert ADDRESS in page
        assert JUDGED in page
        assert PHONE in page
    assert f'href="{access}#invite"' in of_patient
    sent = client.post(access, {"email": ADDRESS}, follow=True)  # the button that it points to
    assert "The invitation is on its way" in sent.text
    assert NONE_GO_OUT in sent.text  # a mail that was sent proves nothing
    agrees(new)
    for name in ("dashboard:patient", "portal:access"):
        assert NONE_GO_OUT not in text(client, name, new)
    assert f"go to {ADDRESS}" in text(client, "portal:access", new)


def test_an_alert_about_silence_says_that_nobody_was_asked_by_mail(new, nurse) -> None:
    now = timezone.now()
    put_on_call(nurse, now=now)
    sweep_reminders(now - timedelta(days=6))
    for hours in range(0, 6 * 24, 12):
        sweep_reminders(now - timedelta(days=6) + timedelta(hours=hours))
    alert = Alert.objects.filter(patient=new).earliest("opened_at")
    assert alert.source_type == "silence"
    assert not Reminder.objects.filter(mails_sent__gt=0).exists()
    client = signed_in(nurse)
    page = text(client, "dashboard:alert", alert)
    assert NONE_GO_OUT in page
    assert NOT_PROVED in page
    agrees(new)
    assert NONE_GO_OUT not in text(client, "dashboard:alert", alert)


def test_why_no_reminder_goes_out(new) -> None:
    assert why_no_mail(new) == "not_proved"
    agrees(new)
    assert why_no_mail(new) == ""
    assert why_no_mail(Patient(email=ADDRESS, email_proved="another@home.example")) == "not_proved"
    assert why_no_mail(Patient(email="")) == "no_address"
    withdraw_consent(patient=new, now=timezone.now())
    found = Patient.objects.select_related("check_in_schedule").get(pk=new.pk)
    assert why_no_mail(found) == "not_wanted"


def test_who_agrees_anew_gets_mails_again(new) -> None:
    agrees(new)
    withdraw_consent(patient=new, now=timezone.now())
    patient = Patient.objects.get(pk=new.pk)
    again = [give_consent(patient=patient, language="en", now=timezone.now()) for _ in range(2)]
    assert again[0] == again[1]  # the second time changes nothing
    found = Patient.objects.select_related("check_in_schedule").get(pk=new.pk)
    assert found.check_in_schedule.wants_mail
    assert why_no_mail(found) == ""


def test_a_proved_mailbox_that_refuses_is_told_with_what_to_do(new, nurse) -> None:
    agrees(new)
    sweep_reminders(timezone.now())
    client = signed_in(nurse)
    for name in ("dashboard:patient", "portal:access"):
        assert NONE_GO_OUT not in text(client, name, new)
    over = {"state": "failed", "next_attempt_at": None, "last_error": "550 no such user"}
    assert Reminder.objects.live().update(**over) == 1
    for name in ("dashboard:patient", "portal:access"):
        page = text(client, name, new)
        assert NONE_GO_OUT in page
        assert f"The last one to <b>{ADDRESS}</b> could not be delivered." in page
        assert "Ask by phone which address is right." in page


def test_a_patient_whom_the_clinic_does_not_wait_for_has_no_such_note(clinic, nurse) -> None:
    patient = make_patient(clinic)
    Patient.objects.filter(pk=patient.pk).update(email=ADDRESS, email_proved="")
    patient.refresh_from_db()
    assert no_mail_to_mend(patient) == ""
    page = text(signed_in(nurse), "dashboard:patient", patient)
    assert NONE_GO_OUT not in page
    assert "Not proved: no reminders go to it" in page
    access = text(signed_in(nurse), "portal:access", patient)
    assert JUDGED not in access
    assert PHONE not in access
    assert f"{ADDRESS} is not proved" in access  # what is on record is said all the same


@pytest.mark.parametrize("status", NOT_WAITED_FOR)
def test_nobody_is_asked_to_phone_about_the_address_of_whom_nobody_waits_for(
    clinic, nurse, status
) -> None:
    patient, now = make_patient(clinic), timezone.now()
    Patient.objects.filter(pk=patient.pk).update(email=ADDRESS, email_proved="")
    set_schedule(patient=patient, remind_at=now.time(), wants_mail=True, by=None, now=now)
    patient = Patient.objects.get(pk=patient.pk)
    assert no_mail_to_mend(patient) == "not_proved"
    change_status(patient=patient, status=status, by=nurse.user, now=now)
    assert no_mail_to_mend(patient) == ""
    for name in ("dashboard:patient", "portal:access"):
        page = text(signed_in(nurse), name, patient)
        for words in (NONE_GO_OUT, JUDGED, PHONE):
            assert words not in page


@pytest.mark.parametrize("status", ["deceased", "paused"])
def test_an_alert_of_whom_nobody_waits_for_any_more_asks_nobody_to_phone(
    new, nurse, status
) -> None:
    now = timezone.now()
    put_on_call(nurse, now=now)
    for hours in range(0, 6 * 24, 12):
        sweep_reminders(now - timedelta(days=6) + timedelta(hours=hours))
    alert = Alert.objects.filter(patient=new, source_type="silence").earliest("opened_at")
    assert PHONE in text(signed_in(nurse), "dashboard:alert", alert)
    change_status(patient=new, status=status, by=nurse.user, now=now)
    page = text(signed_in(nurse), "dashboard:alert", alert)
    assert JUDGED not in page
    assert PHONE not in page
