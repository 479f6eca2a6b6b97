"""Reminders go to the patient's own address only, in time, and once (ADR 88)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction

from apps.alerts import smtp
from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import Reminder
from apps.checkins.reminder_actions import prove_address, set_schedule
from apps.checkins.reminder_delivery import claim, deliver_due, settle
from apps.database.scope import as_owner
from apps.patients.intake_actions import SectionValues, save_section
from apps.patients.models import Patient
from apps.portal.actions import (
    begin,
    give_consent,
    invite_patient,
    set_preferences,
    withdraw_consent,
)
from apps.portal.models import SignInCode
from apps.portal.sign_in_actions import send_code_to, sign_in
from apps.portal.tokens import code_digits
from tests.checkins.conftest import Clock, live, run
from tests.factories import make_active_plan, make_patient
from tests.harness.smtp import Answer
from tests.harness.waiting import wait_until

pytestmark = pytest.mark.django_db
OWN, WRONG = "wren@home.example", "wern@home.example"


@pytest.fixture
def new(clinic, prescriber) -> Patient:
    """High risk, one week after the first cut, and not invited yet."""
    patient = make_patient(clinic, risk={"prior_wd_seizure": True})
    make_active_plan(patient, prescriber.user)
    return patient


def invited(patient: Patient, address: str, by: Any, clock: Clock) -> Any:
    invitation = invite_patient(patient=patient, address=address, by=by, now=clock())
    patient.refresh_from_db()
    return invitation


def agrees(patient: Patient, invitation: Any, clock: Clock) -> None:
    assert begin(invitation=invitation, now=clock()) is not None
    give_consent(patient=patient, language="en", now=clock())
    patient.refresh_from_db()


def signs_in(patient: Patient, clock: Clock) -> None:
    (code,) = send_code_to(patient=patient, now=clock())
    sign_in(codes=[code], typed=code_digits(code), now=clock())
    patient.refresh_from_db()


def sent_to(mail: Any) -> list[str]:
    """Return the addresses of reminders; nothing else is delivered here."""
    return [message.recipients[0] for message in mail.messages]


def to_the_due_hour(clock: Clock, patient: Patient) -> None:
    run(clock)
    clock.time = live(patient).due_at
    run(clock)


def test_no_reminder_goes_out_before_its_owner_agreed_and_silence_is_judged(
    new, prescriber, clock, mail
) -> None:
    invitation = invited(new, OWN, prescriber.user, clock)
    to_the_due_hour(clock, new)
    assert live(new).state == "no_mail"
    begin(invitation=invitation, now=clock())  # opened is not agreed
    run(clock)
    assert sent_to(mail) == []
    for _ in range(3):
        clock.tick(days=1)
    assert sent_to(mail) == []
    assert Alert.objects.get().rules == ["U24_NO_CHECKIN_HIGH"]


def test_who_agrees_while_the_window_is_open_is_asked_in_it_once(
    new, prescriber, clock, mail
) -> None:
    invitation = invited(new, OWN, prescriber.user, clock)
    to_the_due_hour(clock, new)
    window = live(new)
    clock.tick(hours=2)
    agrees(new, invitation, clock)
    run(clock)
    run(clock)
    assert sent_to(mail) == [OWN]
    assert live(new).pk == window.pk
    assert AuditEvent.objects.filter(event="patient.address_proved").count() == 1
    clock.tick(hours=3)
    assert sent_to(mail) == [OWN, OWN]
    clock.tick(hours=3)
    assert sent_to(mail) == [OWN, OWN]


def test_a_corrected_address_gets_the_mail_of_the_open_window_once_it_is_proved(
    new, prescriber, clock, mail
) -> None:
    agrees(new, invited(new, WRONG, prescriber.user, clock), clock)
    to_the_due_hour(clock, new)
    assert sent_to(mail) == [WRONG]
    clock.tick(hours=1)
    invited(new, OWN, prescriber.user, clock)
    clock.tick(hours=4)
    assert sent_to(mail) == [WRONG]  # ... and no second one to either
    signs_in(new, clock)
    run(clock)
    run(clock)
    assert sent_to(mail) == [WRONG, OWN]


@pytest.mark.parametrize("state", ["failed", "no_mail"])
def test_a_window_whose_mail_could_not_go_out_goes_out_to_the_proved_address(
    new, prescriber, clock, mail, state
) -> None:
    agrees(new, invited(new, WRONG, prescriber.user, clock), clock)
    to_the_due_hour(clock, new)
    Reminder.objects.update(state=state, next_attempt_at=None, mails_sent=0)
    mail.messages.clear()
    invited(new, OWN, prescriber.user, clock)
    clock.tick(minutes=5)
    assert sent_to(mail) == []
    signs_in(new, clock)
    run(clock)
    assert sent_to(mail) == [OWN]


def proves_elsewhere(patient: Patient, clock: Clock) -> None:
    """Sign in by another connection of the database."""
    signs_in(Patient.objects.get(pk=patient.pk), clock)
    connection.close()


def agrees_anew(patient: Patient, address: str, by: Any, clock: Clock) -> None:
    """Take consent back, and give it again by an invitation to this address."""
    withdraw_consent(patient=patient, now=clock())
    agrees(patient, invited(patient, address, by, clock), clock)
    run(clock)


def test_a_window_sends_no_third_mail_to_who_agrees_anew(new, prescriber, clock, mail) -> None:
    agrees(new, invited(new, OWN, prescriber.user, clock), clock)
    to_the_due_hour(clock, new)
    clock.tick(hours=5)
    window = live(new)
    assert sent_to(mail) == [OWN, OWN]
    for _ in range(2):
        agrees_anew(new, OWN, prescriber.user, clock)
        clock.tick(hours=5)
        run(clock)
    assert live(new).pk == window.pk
    assert live(new).state == "sent"
    assert sent_to(mail) == [OWN, OWN]


def test_who_agrees_anew_after_the_first_mail_gets_the_second_hours_later(
    new, prescriber, clock, mail
) -> None:
    agrees(new, invited(new, OWN, prescriber.user, clock), clock)
    to_the_due_hour(clock, new)
    clock.tick(hours=1)
    agrees_anew(new, OWN, prescriber.user, clock)
    clock.tick(hours=2)
    assert sent_to(mail) == [OWN]
    clock.tick(hours=2)
    run(clock)
    assert sent_to(mail) == [OWN, OWN]
    clock.tick(hours=5)
    assert sent_to(mail) == [OWN, OWN]


def test_each_address_of_a_window_gets_two_mails_of_its_own_and_no_more(
    new, prescriber, clock, mail
) -> None:
    """Corrected, and corrected back, in letters of another size."""
    agrees(new, invited(new, WRONG, prescriber.user, clock), clock)
    to_the_due_hour(clock, new)
    window = live(new)
    for address in (OWN, WRONG.upper(), OWN, WRONG):
        clock.tick(hours=4, minutes=10)
        agrees_anew(new, address, prescriber.user, clock)
    clock.tick(hours=5)
    assert live(new).pk == window.pk
    to = [address.lower() for address in sent_to(mail)]
    assert (to.count(WRONG), to.count(OWN)) == (2, 2)
    assert live(new).mails_in_all == 4
    assert OWN not in str(live(new).mailed_to)


def test_a_mail_in_a_senders_hand_counts_for_who_agrees_anew(new, prescriber, clock, mail) -> None:
    agrees(new, invited(new, OWN, prescriber.user, clock), clock)
    run(clock)
    clock.time = live(new).due_at
    taken = claim(clock())
    withdraw_consent(patient=new, now=clock())
    agrees(new, invited(new, OWN, prescriber.user, clock), clock)
    assert not settle(taken[0], smtp.Answer(smtp.Result.SENT, "250"), clock())
    for _ in range(3):
        run(clock)
        clock.tick(hours=5)
    assert sent_to(mail) == [OWN]  # beside the one in hand


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answer", [Answer.PERMANENT_AT_RCPT, Answer.ACCEPT])
def test_a_mail_to_the_old_address_that_is_on_its_way_leaves_nobody_unasked(
    new, prescriber, clock, mail, answer
) -> None:
    """Between the claim and the mail server's answer the address is corrected and proved."""
    agrees(new, invited(new, WRONG, prescriber.user, clock), clock)
    run(clock)
    clock.time = live(new).due_at
    mail.behave(answer, to=WRONG)
    claimed_state: list[str] = []

    class Meanwhile(Clock):
        """The sender looks at it before the mail goes out, its claim committed."""

        def __call__(self):
            if not claimed_state and live(new).state == "sending":
                claimed_state.append("sending")
                invite_patient(patient=new, address=OWN, by=prescriber.user, now=clock())
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(proves_elsewhere, new, clock).result(20)
            return clock()

    deliver_due(Meanwhile())
    assert claimed_state == ["sending"]
    assert mail.attempts[0] == WRONG
    window = live(new)
    assert (window.state, window.lease_token, window.mails_sent) == ("no_mail", None, 0)
    mail.messages.clear()
    run(clock)
    run(clock)
    assert sent_to(mail) == [OWN]


@pytest.mark.django_db(transaction=True)
def test_a_failure_that_is_stored_while_the_address_is_proved_leaves_nobody_unasked(
    new, prescriber, clock, mail
) -> None:
    """The settling transaction has the row; the proof waits for it and sees what it left."""
    agrees(new, invited(new, WRONG, prescriber.user, clock), clock)
    run(clock)
    clock.time = live(new).due_at
    taken = claim(clock())
    invited(new, OWN, prescriber.user, clock)

    def waits() -> bool:
        with connection.cursor() as cursor:
            # Not pg_stat_activity: a transaction sees there who was connected at its first look.
            cursor.execute(
                "SELECT 1 FROM pg_locks "
                "WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            return cursor.fetchone() is not None

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert settle(taken[0], smtp.Answer(smtp.Result.PERMANENT, "550"), clock())
            proof = pool.submit(proves_elsewhere, new, clock)
            wait_until(lambda: waits() or proof.done(), 60)
            assert not proof.done(), proof.result()
        proof.result(60)
    assert live(new).state == "no_mail"
    run(clock)
    assert sent_to(mail) == [OWN]


def test_a_code_of_who_took_consent_back_proves_nothing(new, prescriber, clock, mail) -> None:
    agrees(new, invited(new, OWN, prescriber.user, clock), clock)
    withdraw_consent(patient=new, now=clock())
    new.refresh_from_db()
    signs_in(new, clock)
    set_schedule(patient=new, remind_at=live_time(new), wants_mail=True, by=new, now=clock())
    to_the_due_hour(clock, new)
    assert sent_to(mail) == []
    assert SignInCode.objects.get().ended_at is not None


def live_time(patient: Patient) -> Any:
    return patient.check_in_schedule.remind_at


def test_mails_turned_on_while_the_window_is_open_begin_in_it(new, prescriber, clock, mail) -> None:
    agrees(new, invited(new, OWN, prescriber.user, clock), clock)
    run(clock)
    wishes = {
        "language": "en", "time_zone": new.time_zone, "calendar_names_drug": False,
        "remind_at": live_time(new),
    }  # fmt: skip
    set_preferences(patient=new, wishes=wishes | {"wants_mail": False}, now=clock())
    to_the_due_hour(clock, new)
    assert sent_to(mail) == []
    set_preferences(patient=new, wishes=wishes | {"wants_mail": True}, now=clock())
    run(clock)
    assert sent_to(mail) == [OWN]


def test_proving_it_again_changes_nothing_and_without_its_audit_row_nothing(
    new, prescriber, clock, monkeypatch
) -> None:
    agrees(new, invited(new, OWN, prescriber.user, clock), clock)
    assert prove_address(new, clock()) is False
    invited(new, WRONG, prescriber.user, clock)
    (code,) = send_code_to(patient=new, now=clock())

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("apps.checkins.reminder_actions.record", fail)
    with pytest.raises(RuntimeError):
        sign_in(codes=[code], typed=code_digits(code), now=clock())
    new.refresh_from_db()
    assert new.email_proved == OWN
    assert SignInCode.objects.get(pk=code).ended_at is None


def test_another_zone_entered_by_staff_moves_the_window_that_waits(high, nurse, clock) -> None:
    run(clock)
    assert live(high).due_at.astimezone(high.tz).strftime("%d %H:%M") == "24 09:00"
    save_section(
        patient=high, section="person", based_on=99, by=nurse.user, now=clock(),
        values=SectionValues(person={"time_zone": "America/Los_Angeles"}),
    )  # fmt: skip
    high.refresh_from_db()
    assert high.tz == ZoneInfo("America/Los_Angeles")
    clock.tick(minutes=1)
    window = live(high)
    # It is seven in the morning there: nine o'clock of today is still to come.
    assert window.due_at.astimezone(high.tz).strftime("%d %H:%M") == "23 09:00"
    assert window.closes_at == window.due_at + timedelta(days=1)


def test_an_upgrade_proves_the_address_of_who_has_agreed_and_of_nobody_else(
    new, clinic, prescriber, clock
) -> None:
    agrees(new, invited(new, OWN, prescriber.user, clock), clock)
    other = make_patient(clinic)
    invited(other, WRONG, prescriber.user, clock)
    Patient.objects.update(email_proved="")  # as the release before left them
    migration = import_module("apps.portal.migrations.0005_addresses_proved")
    with as_owner(), connection.cursor() as cursor:  # as `migrate` signs in
        cursor.execute(migration.PROVE)
        assert cursor.rowcount == 1
    proved = dict(Patient.objects.values_list("pk", "email_proved"))
    assert (proved[new.pk], proved[other.pk]) == (OWN, "")


def test_who_agrees_while_the_address_is_corrected_proves_not_the_new_one(
    new, prescriber, clock
) -> None:
    invitation = invited(new, WRONG, prescriber.user, clock)
    begin(invitation=invitation, now=clock())  # and the page of consent has read the patient
    invite_patient(patient=new, address=OWN, by=prescriber.user, now=clock())
    give_consent(patient=new, language="en", now=clock())
    new.refresh_from_db()
    assert (new.email, new.email_proved) == (OWN, "")
