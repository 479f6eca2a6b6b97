"""A lost phone, consent taken back, mails that survive, and the export."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.checkins.link_actions import create_link
from apps.checkins.models import CareTask, CheckIn, CheckInLink
from apps.exchange.actions import make_feed
from apps.patients.models import Patient
from apps.portal.actions import (
    give_consent,
    invite_patient,
    revoke_everything,
    set_preferences,
    withdraw_consent,
)
from apps.portal.delivery import claim, deliver_due, forget_codes, settle, sweep_mails
from apps.portal.export import MACHINERY, everything_about, our_models, tables_of
from apps.portal.models import Consent, PortalMail, SignInCode, TrustedPerson
from apps.portal.sign_in_actions import ask_for_code
from tests.conftest import signed_in
from tests.factories import CALM, NOW, check_in, make_patient, make_task, make_trusted
from tests.harness.smtp import Answer
from tests.portal.conftest import (
    invited_link,
    newest_code,
    sign_in_by_mail,
    trusted_link,
)

pytestmark = pytest.mark.django_db
HOME = reverse("portal:home")


def test_a_lost_phone_is_shut_out_at_once_in_one_act(own, wren, robin, nurse) -> None:
    now = timezone.now()
    link = reverse("checkins:create", args=[create_link(patient=wren, by=None, now=now)])
    feed = reverse(
        "exchange:feed", args=[make_feed(patient=wren, with_names=False, by=None, now=now)]
    )
    thief = Client()
    thief.post(reverse("portal:sign_in"), {"email": wren.email})
    code = newest_code()
    invited = invited_link(wren)
    page = signed_in(nurse).post(reverse("portal:revoke", args=[wren.pk]), follow=True)
    assert "Every way in has ended" in page.text
    assert own.get(HOME).status_code == 302
    assert Client().get(link).status_code == 404
    assert Client().post(link, {}).status_code == 404
    assert Client().get(feed).status_code == 404
    assert thief.post(reverse("portal:code"), {"code": code}).status_code == 422
    assert Client().post(invited).status_code == 410
    assert Client().post(trusted_link(robin)).status_code == 410
    assert not PortalMail.objects.filter(state="pending").exists()
    event = AuditEvent.objects.get(event="portal.revoked")
    assert event.actor_id == nurse.user_id
    assert event.details == {
        "check_in_links": 1, "sessions": 1, "codes": 1, "invitations": 1, "trusted_people": 1,
        "calendars": 1,
    }  # fmt: skip
    again = revoke_everything(patient=wren, by=nurse.user, now=timezone.now())
    assert not any(again.values())
    assert AuditEvent.objects.filter(event="portal.revoked").count() == 1
    # The patient, with a new phone and the same mailbox, comes in again.
    assert sign_in_by_mail(Client(), wren.email).status_code == 200


def test_revoking_is_all_or_nothing(own, wren, robin, monkeypatch) -> None:
    create_link(patient=wren, by=None, now=timezone.now())

    def fail(*args, **kwargs):
        raise IntegrityError("no audit")

    monkeypatch.setattr("apps.portal.actions.record", fail)
    with pytest.raises(IntegrityError), transaction.atomic():
        revoke_everything(patient=wren, by=None, now=timezone.now())
    assert own.get(reverse("portal:export")).status_code == 200
    assert CheckInLink.objects.not_revoked().count() == 1
    assert TrustedPerson.objects.live().count() == 1


def test_a_corrected_address_ends_every_way_in(own, wren, nurse, robin) -> None:
    page = signed_in(nurse).post(
        reverse("portal:access", args=[wren.pk]), {"email": "right@home.example"}, follow=True
    )
    assert "on its way to right@home.example" in page.text
    assert own.get(HOME).status_code == 302
    assert not TrustedPerson.objects.live().exists()
    assert AuditEvent.objects.filter(event="patient.address_changed").count() == 1


def test_consent_taken_back_stops_the_mails_and_tells_the_clinic(own, wren, robin) -> None:
    page = own.get(reverse("portal:withdraw")).text
    assert "We send you no more mails." in page
    assert "Do not stop it on your own." in page
    page = own.post(reverse("portal:withdraw"), follow=True)
    assert "You have taken your consent back" in page.text
    wren.refresh_from_db()
    assert wren.check_in_schedule.wants_mail is False
    assert CareTask.objects.get().kind == "consent"
    assert not TrustedPerson.objects.live().exists()
    assert own.get(HOME).headers["Location"] == reverse("portal:consent")
    assert own.get(reverse("portal:export")).status_code == 200
    assert not withdraw_consent(patient=wren, now=timezone.now())
    assert AuditEvent.objects.filter(event="consent.withdrawn").count() == 1
    page = own.post(reverse("portal:consent"), {"agree": "on"}, follow=True)
    assert page.redirect_chain[-1][0] == reverse("portal:settings")
    assert Consent.objects.count() == 2


@pytest.mark.parametrize("act", ["withdraw", "consent", "preferences"])
def test_what_a_patient_decides_is_all_or_nothing(wren, robin, monkeypatch, act) -> None:
    before = list(Consent.objects.values())
    other = make_patient(wren.clinic, email="other@home.example")

    def fail(*args, **kwargs):
        raise IntegrityError("no audit")

    monkeypatch.setattr("apps.portal.actions.record", fail)
    wishes = {
        "language": "es", "time_zone": "America/Denver", "calendar_names_drug": True,
        "remind_at": timezone.now().time(), "wants_mail": False,
    }  # fmt: skip
    now = timezone.now()
    acts = {
        "withdraw": lambda: withdraw_consent(patient=wren, now=now),
        "consent": lambda: give_consent(patient=other, language="en", now=now),
        "preferences": lambda: set_preferences(patient=wren, wishes=wishes, now=now),
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        acts[act]()
    assert list(Consent.objects.values()) == before
    wren.refresh_from_db()
    assert wren.language == "en"
    assert not CareTask.objects.exists()
    assert TrustedPerson.objects.live().count() == 1


def test_agreeing_twice_is_one_consent(wren) -> None:
    first = Consent.objects.get()
    assert give_consent(patient=wren, language="en", now=timezone.now()) == first
    assert AuditEvent.objects.filter(event="consent.given").count() == 1


# --- Mails ---------------------------------------------------------------------------------------


def test_a_mail_is_sent_once_however_often_one_asks(patient, mail) -> None:
    invite_patient(patient=patient, address="wren@home.example", by=None, now=timezone.now())
    assert len(mail()) == len(mail()) == 1
    row = PortalMail.objects.get()
    assert (row.state, row.attempts) == ("sent", 1)
    assert AuditEvent.objects.filter(event="portal_mail.sent").count() == 1


def test_a_busy_server_is_asked_again_and_a_refusal_is_shown_to_staff(
    patient, mail, smtp, nurse
) -> None:
    invite_patient(patient=patient, address="wren@home.example", by=None, now=timezone.now())
    smtp.behave(Answer.TEMPORARY_AFTER_DATA, times=1)
    mail()
    row = PortalMail.objects.get()
    assert row.state == "pending"
    assert row.next_attempt_at > timezone.now()
    PortalMail.objects.update(next_attempt_at=timezone.now())
    from apps.alerts import breaker

    breaker.note_answer(timezone.now())
    smtp.behave(Answer.PERMANENT_AT_RCPT)
    mail()
    assert PortalMail.objects.get().state == "failed"
    page = signed_in(nurse).get(reverse("portal:access", args=[patient.pk])).text
    assert "cannot be delivered" in page
    assert "550" in page


def test_a_sender_that_died_gives_its_mail_back(patient, mail) -> None:
    now = timezone.now()
    invite_patient(patient=patient, address="wren@home.example", by=None, now=now)
    held = claim(now)
    assert claim(now) is None
    later = now + timedelta(minutes=5)
    assert sweep_mails(later) == 1
    assert sweep_mails(later) == 0
    from apps.alerts.smtp import Answer as Said
    from apps.alerts.smtp import Result

    assert settle(held, Said(Result.SENT, "late"), later) is False
    assert PortalMail.objects.get().state == "pending"


def test_a_code_that_is_too_old_is_not_mailed_any_more(wren, mail) -> None:
    ask_for_code(address=wren.email, now=timezone.now() - timedelta(minutes=11))
    assert mail() == []
    assert PortalMail.objects.get(kind="code").state == "cancelled"


def test_a_strangers_code_is_never_mailed(wren, mail) -> None:
    ask_for_code(address="stranger@home.example", now=timezone.now())
    assert mail() == []
    assert PortalMail.objects.get().state == "nobody"


def test_cron_sends_without_a_broker_and_old_codes_are_forgotten(wren, mail, smtp, capsys) -> None:
    ask_for_code(address=wren.email, now=timezone.now())
    call_command("send_portal_mails")
    assert "1 mails tried" in capsys.readouterr().out
    assert len(smtp.messages) == 1
    assert forget_codes(timezone.now()) == 0
    assert forget_codes(timezone.now() + timedelta(days=8)) == 1
    assert not SignInCode.objects.exists()


def test_no_mail_holds_a_word_of_the_patients_life(wren, robin, mail) -> None:
    Patient.objects.filter(pk=wren.pk).update(
        given_name="Zephyrine", family_name="Quillfeather", phone="555-7391"
    )
    invite_patient(patient=wren, address=wren.email, by=None, now=timezone.now())
    ask_for_code(address=wren.email, now=timezone.now())
    from tests.flows.conftest import leaks

    letters = mail()
    assert len(letters) == 3
    assert [found for letter in letters for found in leaks(letter.message.as_string())] == []


@pytest.mark.parametrize(
    "change",
    [
        {"state": "sending"},
        {"state": "pending", "next_attempt_at": None},
        {"state": "sent"},
        {"kind": "code"},
        {"patient": None},
    ],
)
def test_postgres_refuses_a_mail_that_cannot_be(patient, change) -> None:
    invite_patient(patient=patient, address="wren@home.example", by=None, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        PortalMail.objects.update(**change)


# --- Export --------------------------------------------------------------------------------------


def exported(client: Client) -> tuple[dict, str]:
    page = client.post(reverse("portal:export_file"))
    assert page.headers["Content-Type"] == "application/zip"
    assert page.headers["Content-Disposition"] == 'attachment; filename="my-data.zip"'
    with zipfile.ZipFile(io.BytesIO(page.content)) as file:
        return json.loads(file.read("data.json")), file.read("read-me.html").decode()


def test_the_export_holds_everything_about_me_and_nothing_about_others(
    own, wren, robin, clinic, nurse, prescriber
) -> None:
    other = make_patient(clinic, given_name="Juniper", email="juniper@home.example")
    check_in(other, CALM, now=timezone.now())
    make_trusted(other, name="Otherfriend")
    check_in(wren, CALM | {"alcohol_drinks": 3}, now=timezone.now())
    make_task(wren, now=timezone.now())
    signed_in(nurse).get(f"/patients/{wren.pk}/")
    data, page = exported(own)
    text = json.dumps(data)
    tables = data["tables"]
    assert len(tables["checkins.CheckIn"]) == 2
    assert len(tables["tapers.TaperStep"]) == wren.plans.get().version.steps.count()
    assert tables["alerts.Alert"][0]["level"]
    assert tables["portal.TrustedPerson"][0]["name"] == "Robin"
    for secret in (
        "Juniper", "Otherfriend", str(other.pk), robin.email, nurse.user.full_name,
        prescriber.user.full_name, prescriber.user.email, str(nurse.user_id), robin.token_hash,
    ):  # fmt: skip
        assert secret not in text, secret
        assert secret not in page, secret
    assert {"event": "patient.viewed", "by": "staff"} in [
        {"event": row["event"], "by": row["by"]} for row in data["access"]
    ]
    for words in ("Did you have a seizure", "clonazepam", wren.family_name, "All my data"):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")
    assert AuditEvent.objects.filter(event="portal.exported").get().actor_id == wren.pk


def test_every_table_about_a_patient_is_in_the_export_or_named_as_machinery(wren) -> None:
    found = {f"{m._meta.app_label}.{m.__name__}" for m in tables_of(wren)}
    about = {
        f"{model._meta.app_label}.{model.__name__}"
        for model in apps.get_models()
        if any(field.related_model is Patient for field in model._meta.fields)
    }
    assert about - found == {"portal.PortalMail", "portal.SignInCode"}
    assert MACHINERY & found == set()
    assert len(our_models()) > len(found)


def test_the_export_is_all_or_nothing_and_its_questions_do_not_grow(wren, monkeypatch) -> None:
    from django.test.utils import CaptureQueriesContext

    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            everything_about(wren, timezone.now())
        return len(asked)

    check_in(wren, CALM, now=timezone.now())
    few = count()
    for _ in range(5):
        check_in(wren, CALM, now=timezone.now())
    assert count() == few
    assert CheckIn.objects.count() == 6


def test_two_exports_are_two_files_and_two_audit_rows(own) -> None:
    first, second = exported(own)[0], exported(own)[0]
    assert first["tables"].keys() == second["tables"].keys()
    assert AuditEvent.objects.filter(event="portal.exported").count() == 2


def test_staff_cannot_take_a_patients_export(nurse, wren) -> None:
    page = signed_in(nurse).post(reverse("portal:export_file"))
    assert page.headers["Location"] == reverse("portal:sign_in")


def test_deliver_due_stops_when_its_time_is_up(patient, mail) -> None:
    invite_patient(patient=patient, address="wren@home.example", by=None, now=timezone.now())
    assert deliver_due(timezone.now, seconds=-1) == 0
