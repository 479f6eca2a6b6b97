"""Due windows: planned, mailed twice, answered, missed, left in peace; each exactly once."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from apps.alerts.breaker import note_failure
from apps.audit.models import AuditEvent
from apps.checkins.link_actions import answering, create_link, link_for
from apps.checkins.models import CheckIn, CheckInLink, CheckInSchedule, Reminder
from apps.checkins.reminder_actions import leave_in_peace, miss_window, plan_window, set_schedule
from apps.checkins.reminder_delivery import claim, deliver_due
from apps.checkins.reminder_sweep import sweep_reminders
from apps.patients.models import Patient
from apps.portal.actions import set_preferences
from tests.checkins.conftest import Clock, live, run
from tests.factories import CALM, NOW, check_in, make_active_plan, make_patient, weekly
from tests.harness.smtp import Answer

pytestmark = pytest.mark.django_db
NEW_YORK = ZoneInfo("America/New_York")
NINE = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)  # 09:00 in New York, the day after NOW


def local(moment: datetime) -> str:
    return moment.astimezone(NEW_YORK).strftime("%m-%d %H:%M")


def test_a_patient_on_an_active_plan_is_asked_at_the_usual_time(high, clock) -> None:
    run(clock)
    window = live(high)
    assert (window.due_at, window.interval_days) == (NINE, 1)
    assert window.closes_at == NINE + timedelta(days=1)


def test_nobody_without_a_plan_is_asked(patient, clock) -> None:
    run(clock)
    assert not Reminder.objects.exists()


@pytest.mark.parametrize(("risk", "day"), [("high", 24), ("moderate", 25), ("low", 30)])
def test_the_next_one_is_due_by_cadence_after_the_last_check_in(request, risk, day, clock) -> None:
    patient = request.getfixturevalue(risk)
    check_in(patient, CALM)
    clock.tick(minutes=1)
    assert local(live(patient).due_at) == f"11-{day} 09:00"


def test_the_week_before_the_first_cut_is_daily(clinic, prescriber, clock) -> None:
    patient = make_patient(clinic, email="x@home.example")
    make_active_plan(patient, prescriber.user, start_on="2026-11-17")  # first cut on 1 December
    patient.risk.tier = "low"
    patient.risk.save(update_fields=["tier"])
    check_in(patient, CALM)
    run(clock)
    assert live(patient).interval_days == 7
    clock.tick(days=1, hours=3)  # 24 November, seven days before
    assert live(patient).interval_days == 1


def test_a_step_that_begins_brings_the_next_check_in_forward(clinic, prescriber, clock) -> None:
    patient = make_patient(clinic, risk={"prior_wd_seizure": True}, email="x@home.example")
    clock.time = datetime(2026, 11, 1, 15, 0, tzinfo=UTC)
    make_active_plan(patient, prescriber.user, now=clock(), start_on="2026-11-01")
    CheckInSchedule.objects.create(patient=patient, started_at=clock())
    for day in range(1, 16):  # lead-in is the week before the 15th; the first cut is then
        check_in(patient, CALM, now=clock())
        clock.tick(hours=12)
        clock.tick(hours=12)
        if day == 14:
            assert live(patient).interval_days == 1
    assert live(patient).interval_days == 1


@pytest.mark.parametrize(("risk", "weeks"), [("high", 2), ("moderate", 2), ("low", 2)])
def test_the_weekly_form_comes_once_a_week_for_every_tier(request, risk, weeks, clock) -> None:
    """Its day asks the daily questions first, red flags and all."""
    patient, asked = request.getfixturevalue(risk), []
    run(clock)
    for _ in range(15):
        clock.time = live(patient).due_at
        run(clock)
        window = live(patient)
        check_in(patient, CALM, now=clock.time)
        if window.kind == "weekly":
            asked.append(clock.time)
            link = CheckInLink.objects.latest("created_at")
            assert link.with_weekly
            weekly(patient, clock.time + timedelta(minutes=2), 1)
        clock.tick(minutes=5)
        if clock.time > NINE + timedelta(days=14):
            break
    gaps = {(later - earlier).days for earlier, later in pairwise(asked)}
    assert len(asked) > weeks
    assert gaps <= {6, 7}


def test_a_weekly_form_that_was_passed_over_is_asked_for_again(high, clock) -> None:
    run(clock)
    kinds = []
    for days in range(3):
        clock.time = NINE + timedelta(days=days)
        run(clock)
        kinds.append(live(high).kind)
        check_in(high, CALM, now=clock.time)
        if days == 1:
            weekly(high, clock.time, 1)
        clock.tick(minutes=1)
    assert kinds == ["weekly", "weekly", "daily"]


def test_a_link_by_hand_has_the_weekly_questions_when_they_are_due(high) -> None:
    create_link(patient=high, by=None, now=NOW)
    weekly(high, NOW, 1)
    for days in (1, 6, 7):
        create_link(patient=high, by=None, now=NOW + timedelta(days=days))
    links = CheckInLink.objects.order_by("created_at").values_list("with_weekly", flat=True)
    assert list(links) == [True, False, False, True]


def test_one_mail_then_a_second_then_silence(high, clock, mail) -> None:
    run(clock)
    clock.time = NINE - timedelta(seconds=1)
    run(clock)
    assert mail.messages == []
    clock.tick(seconds=1)
    run(clock)
    assert len(mail.messages) == 1
    clock.tick(hours=3)
    run(clock)
    assert [m.recipients for m in mail.messages] == [("p1@home.example",)] * 2
    assert live(high).state == "sent"
    clock.tick(hours=3)
    assert len(mail.messages) == 2


def test_the_mail_holds_a_link_that_works_once_and_no_word_of_the_patient(
    high, clock, mail
) -> None:
    run(clock)
    clock.time = NINE
    run(clock)
    (sent,) = mail.messages
    text = sent.message.as_string()
    for word in ("Wren", high.family_name, high.reference, "clonazepam", "dose", "taper",
                 "medicine", "symptom", "check-in"):  # fmt: skip
        assert word.lower() not in text.lower(), word
    path = re.search(r"/c/[0-9a-f]{64}/", sent.text)
    assert path is not None
    assert sent.message["Auto-Submitted"] == "auto-generated"
    link = CheckInLink.objects.get()
    assert link.expires_at > live(high).closes_at
    assert path[0][3:-1] not in (link.token_hash, str(link.pk))
    assert Client().get(path[0]).status_code in (200, 410)  # the frozen clock may be past


def test_both_mails_carry_the_same_link_and_it_opens_one_check_in(high, clock, mail) -> None:
    run(clock)
    clock.time = NINE
    run(clock)
    clock.tick(hours=3)
    first, second = (re.search(r"/c/\w+/", m.text)[0] for m in mail.messages)  # type: ignore[index]
    assert first == second
    assert CheckInLink.objects.count() == 1


def test_spanish_speakers_get_a_spanish_mail(high, clock, mail) -> None:
    high.language = "es"
    high.save(update_fields=["language"])
    run(clock)
    clock.time = NINE
    run(clock)
    assert "Es hora de llenar su formulario corto" in mail.messages[0].text


def test_a_check_in_ends_the_window_and_its_second_mail(high, clock, mail) -> None:
    run(clock)
    clock.time = NINE
    run(clock)
    row = check_in(high, CALM, now=NINE + timedelta(minutes=10))
    answered = Reminder.objects.get(check_in=row)
    assert (answered.state, answered.ended_at) == ("answered", NINE + timedelta(minutes=10))
    clock.tick(hours=4)
    assert len(mail.messages) == 1
    assert local(live(high).due_at) == "11-25 09:00"


def test_an_incomplete_check_in_keeps_the_clock_running(high, clock, mail) -> None:
    run(clock)
    clock.time = NINE
    run(clock)
    check_in(high, {"seizure": "no"}, now=NINE + timedelta(minutes=10))
    clock.tick(hours=3)
    assert len(mail.messages) == 2


def test_a_check_in_ahead_of_time_moves_the_next_one(low, clock) -> None:
    check_in(low, CALM)
    run(clock)
    assert local(live(low).due_at) == "11-30 09:00"
    clock.time += timedelta(days=2)
    check_in(low, CALM, now=clock())
    run(clock)
    assert local(live(low).due_at) == "12-02 09:00"


def test_a_missed_window_is_closed_and_the_next_one_opened(high, clock, mail) -> None:
    run(clock)
    clock.time = NINE + timedelta(days=1)
    run(clock)
    assert [r.state for r in Reminder.objects.order_by("due_at")] == ["missed", "pending"]
    assert local(live(high).due_at) == "11-25 09:00"


def test_a_stop_of_five_days_neither_loses_nor_repeats(high, clock, mail) -> None:
    run(clock)
    clock.time = NINE + timedelta(days=5, hours=1)
    run(clock)
    run(clock)
    assert len(mail.messages) == 1
    assert local(live(high).due_at) == "11-29 09:00"
    assert Reminder.objects.filter(state="missed").count() == 1


def test_long_after_the_hour_nobody_is_woken(high, clock, mail) -> None:
    run(clock)
    clock.time = NINE + timedelta(days=5, hours=13)  # 22:00
    run(clock)
    assert mail.messages == []
    assert local(live(high).due_at) == "11-30 09:00"


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        (datetime(2027, 3, 12, 20, 0, tzinfo=UTC), "2027-03-13 14:00"),
        (datetime(2027, 3, 13, 20, 0, tzinfo=UTC), "2027-03-14 13:00"),  # clocks go forward
        (datetime(2026, 10, 31, 20, 0, tzinfo=UTC), "2026-11-01 14:00"),  # clocks go back
    ],
)
def test_the_local_time_holds_when_the_clocks_change(clinic, prescriber, day, utc) -> None:
    patient = make_patient(clinic, now=day, risk={"prior_wd_seizure": True})
    make_active_plan(
        patient, prescriber.user, now=day, start_on=(day.date() - timedelta(20)).isoformat()
    )
    plan_window(patient.pk, day)
    assert f"{live(patient).due_at:%Y-%m-%d %H:%M}" == utc


def test_an_hour_that_a_clock_change_skips_comes_right_after_it(high) -> None:
    at = datetime(2027, 3, 13, 20, 0, tzinfo=UTC)
    set_schedule(patient=high, remind_at=time(2, 30), wants_mail=True, by=None, now=at)
    plan_window(high.pk, at)
    assert live(high).due_at.astimezone(NEW_YORK).strftime("%d %H:%M") == "14 03:30"


def test_a_new_time_moves_the_window_and_no_mail_means_no_mail(high, clock, mail) -> None:
    run(clock)
    set_schedule(patient=high, remind_at=time(18, 30), wants_mail=False, by=None, now=NOW)
    run(clock)
    assert local(live(high).due_at) == "11-23 18:30"
    clock.tick(hours=9)
    assert (mail.messages, live(high).state) == ([], "no_mail")


def test_who_moves_is_asked_at_the_usual_time_of_the_new_place(high, clock) -> None:
    set_schedule(patient=high, remind_at=time(18), wants_mail=True, by=None, now=NOW)
    run(clock)
    wishes = {
        "language": "en", "time_zone": "America/Los_Angeles", "calendar_names_drug": False,
        "remind_at": time(18), "wants_mail": True,
    }  # fmt: skip
    set_preferences(patient=high, wishes=wishes, now=NOW)
    run(clock)
    due = live(high).due_at.astimezone(ZoneInfo("America/Los_Angeles"))
    assert due.strftime("%m-%d %H:%M") == "11-23 18:00"


def test_setting_the_same_schedule_twice_writes_one_audit_row(high) -> None:
    for _ in range(2):
        set_schedule(patient=high, remind_at=time(8), wants_mail=True, by=None, now=NOW)
    assert AuditEvent.objects.filter(event="schedule.set").count() == 1


@pytest.mark.parametrize("status", ["paused", "in_hospital", "ended", "deceased"])
def test_whom_we_leave_in_peace_gets_no_mail_from_the_next_sweep_on(
    high, clock, mail, status
) -> None:
    run(clock)
    Patient.objects.filter(pk=high.pk).update(status=status)
    clock.time = NINE
    deliver_due(clock)  # even before the sweep
    run(clock)
    assert mail.messages == []
    assert Reminder.objects.get().state == "cancelled"
    clock.tick(days=3)
    assert mail.messages == []
    assert Reminder.objects.count() == 1


def test_who_comes_back_is_asked_again_from_that_day(high, clock, mail) -> None:
    run(clock)
    Patient.objects.filter(pk=high.pk).update(status="paused")
    clock.time = NINE + timedelta(hours=1)
    run(clock)
    Patient.objects.filter(pk=high.pk).update(status="active")
    run(clock)
    assert local(live(high).due_at) == "11-25 09:00"


def test_a_mail_in_hand_of_somebody_who_pauses_is_not_marked(high, clock, mail) -> None:
    run(clock)
    claimed = claim(NINE)
    assert claimed is not None
    Patient.objects.filter(pk=high.pk).update(status="paused")
    sweep_reminders(NINE)
    from apps.alerts.smtp import Answer as Said
    from apps.alerts.smtp import Result
    from apps.checkins.reminder_delivery import settle

    assert settle(claimed[0], Said(Result.SENT, "ok"), NINE) is False
    assert Reminder.objects.get().state == "cancelled"


def test_a_temporary_failure_is_tried_again_and_a_permanent_one_is_visible(
    high, clock, mail
) -> None:
    run(clock)
    clock.time = NINE
    mail.behave(Answer.TEMPORARY_AT_RCPT)
    run(clock)
    assert (live(high).state, live(high).attempts) == ("pending", 1)
    mail.behave(Answer.PERMANENT_AT_RCPT)
    clock.tick(minutes=1)
    window = live(high)
    assert window.state == "failed"
    assert "@" not in window.last_error
    clock.time = NINE + timedelta(days=1)
    mail.accept_all()
    run(clock)
    assert len(mail.messages) == 1  # the next window is a new chance


def test_a_sender_that_dies_gives_the_window_back(high, clock, mail) -> None:
    run(clock)
    assert claim(NINE) is not None
    clock.time = NINE + timedelta(seconds=1)
    run(clock)
    assert mail.messages == []
    clock.tick(minutes=1)
    clock.tick(minutes=1)
    assert len(mail.messages) == 1


def test_the_breaker_of_the_alerts_holds_reminders_back_too(high, clock, mail) -> None:
    run(clock)
    for _ in range(2):
        note_failure("421 busy", NINE)
    assert claim(NINE) is None
    clock.time = NINE + timedelta(seconds=10)
    run(clock)  # the one probe is answered and closes it
    assert len(mail.messages) == 1


def test_cron_does_the_same_without_a_broker(high, capsys) -> None:
    call_command("send_reminders")
    assert "1 planned" in capsys.readouterr().out


def test_every_write_is_safe_to_call_twice_and_atomic(high, clock, monkeypatch) -> None:
    assert plan_window(high.pk, NOW) is True
    assert plan_window(high.pk, NOW) is False
    key = live(high).pk
    assert leave_in_peace(key, NOW) is False
    assert miss_window(key, NOW) is False

    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError

    monkeypatch.setattr("apps.checkins.reminder_actions.record", refuse)
    with pytest.raises(IntegrityError):
        miss_window(key, NINE + timedelta(days=1))
    assert live(high).pk == key


def test_an_answer_that_cannot_be_stored_ends_no_window(high, clock, monkeypatch) -> None:
    run(clock)

    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError

    monkeypatch.setattr("apps.checkins.reminder_actions.end_window", refuse)
    with pytest.raises(IntegrityError):
        check_in(high, CALM, now=NINE)
    assert not CheckIn.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"state": "sending"},
        {"state": "pending", "next_attempt_at": None},
        {"state": "missed"},
        {"mails_sent": 3},
        {"closes_at": NINE - timedelta(days=2)},
    ],
)
def test_postgres_refuses_a_window_that_cannot_be(high, change) -> None:
    plan_window(high.pk, NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Reminder.objects.update(**change)


def test_a_patient_has_one_live_window(high) -> None:
    plan_window(high.pk, NOW)
    twin = live(high)
    twin.pk, twin.due_at = None, twin.due_at + timedelta(hours=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


def test_the_sweep_asks_the_same_number_of_questions_for_many_quiet_patients(
    clinic, prescriber, django_assert_num_queries
) -> None:
    for _ in range(3):
        patient = make_patient(clinic, email="x@home.example")
        make_active_plan(patient, prescriber.user)
    sweep_reminders(NOW)
    with django_assert_num_queries(8):
        sweep_reminders(NOW + timedelta(seconds=20))


def test_patients_are_looked_at_in_slices_and_none_is_left_out(
    clinic, prescriber, monkeypatch
) -> None:
    monkeypatch.setattr("apps.checkins.reminder_sweep.SLICE", 2)
    for _ in range(5):
        make_active_plan(make_patient(clinic, email="x@home.example"), prescriber.user)
    planned = [sweep_reminders(NOW).planned for _ in range(3)]
    assert planned == [2, 2, 1]
    late = make_patient(clinic, email="x@home.example")
    make_active_plan(late, prescriber.user)
    for _ in range(4):  # a restart forgets nothing: the place is a row
        sweep_reminders(NOW)
    assert Reminder.objects.live().filter(patient=late).exists()


def test_a_full_batch_goes_on_behind_its_last_patient(clinic, prescriber, monkeypatch) -> None:
    monkeypatch.setattr("apps.checkins.reminder_sweep.BATCH", 2)
    for _ in range(5):
        make_active_plan(make_patient(clinic, email="x@home.example"), prescriber.user)
    for _ in range(4):
        sweep_reminders(NOW)
    assert Reminder.objects.live().count() == 5


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_make_one_window_and_one_mail(high, mail) -> None:
    def beat(at: datetime) -> None:
        run(Clock(at))
        connection.close()

    for at in (NOW, NINE):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(beat, [at] * 4))
    assert Reminder.objects.count() == 1
    assert len(mail.messages) == 1


@pytest.mark.django_db(transaction=True)
def test_a_check_in_and_the_mail_that_asks_for_it_never_wait_for_each_other(high, mail) -> None:
    run(Clock(NOW))
    token = create_link(patient=high, by=None, now=NOW)
    taken, entered = Event(), Event()

    def ask_by_mail() -> None:
        with transaction.atomic():
            due = Reminder.objects.select_for_update().get(patient=high)
            taken.set()
            assert entered.wait(20)
            link_for(due, NINE)  # its key refers to the patient, whom the check-in holds
        connection.close()

    def submit() -> None:
        assert taken.wait(20)
        with answering(token):
            entered.set()
            Reminder.objects.select_for_update().get(patient=high)
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        for each in (pool.submit(ask_by_mail), pool.submit(submit)):
            each.result(30)
    assert CheckInLink.objects.filter(patient=high).count() == 2
