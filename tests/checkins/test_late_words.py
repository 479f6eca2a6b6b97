"""What comes late or by a link used too often raises, and never calms (ADR 75)."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins import advice
from apps.checkins.gates import NO_CHECK_IN, check_in_came
from apps.checkins.link_actions import create_link
from apps.checkins.models import CareTask, CheckIn, CheckInLink, Reminder, end_of_day
from apps.checkins.reminder_actions import plan_window
from apps.checkins.windows import last_complete, silence_of
from apps.dashboard.states import first_unanswered_of
from apps.patients.models import Patient
from tests.checkins.conftest import live
from tests.factories import (
    CALM,
    NOW,
    SEIZURE,
    check_in,
    make_active_plan,
    make_patient,
    put_on_call,
)

pytestmark = pytest.mark.django_db
LATE = timedelta(days=60)


def posted(answers: dict, **extra: object) -> dict:
    values = {key: list(v) if isinstance(v, tuple) else v for key, v in answers.items()}
    return values | {"submission_id": str(uuid4())} | extra


def url_for(patient: Patient, part: str = "create", *, age: timedelta = LATE) -> str:
    token = create_link(patient=patient, by=None, now=timezone.now() - age)
    return reverse(f"checkins:{part}", args=[token])


def waiting(patient: Patient) -> Reminder:
    """Return the patient's window, due for thirty hours and open for nine more."""
    now = timezone.now()
    plan_window(patient.pk, now - timedelta(days=3))
    Reminder.objects.update(due_at=now - timedelta(hours=30), closes_at=now + timedelta(hours=9))
    return Reminder.objects.get()


@pytest.fixture
def of_record(clinic, prescriber) -> Patient:
    """On an opioid without naloxone: W15 fires whatever is answered."""
    now = timezone.now()
    patient = make_patient(clinic, risk={"opioid_rx": True, "naloxone_on_file": False})
    start = (now - timedelta(days=3)).date().isoformat()
    make_active_plan(patient, prescriber.user, now=now, start_on=start)
    return patient


def test_what_the_record_fires_makes_no_late_answers_worth_storing(of_record) -> None:
    page = Client().post(url_for(of_record), posted(CALM))
    assert (page.status_code, page.headers["Checkin-Refused"]) == (410, "expired")
    assert not CheckIn.objects.exists()
    # By a link of today the same answers show it.
    assert Client().post(url_for(of_record, age=timedelta()), posted(CALM)).status_code == 200
    assert "W15" in Alert.objects.get().rules[0]


def test_a_link_used_too_often_takes_no_calm_answers_for_the_records_sake(
    of_record, monkeypatch
) -> None:
    monkeypatch.setattr("apps.checkins.link_actions.CORRECTIONS", 1)
    url = url_for(of_record, age=timedelta())
    found = [Client().post(url, posted(CALM | {"s_fog": n})).status_code for n in (0, 1, 2)]
    assert found == [200, 200, 410]


def test_a_late_red_flag_is_heard_and_calms_nothing(of_record) -> None:
    waiting(of_record)
    before = last_complete(of_record)
    assert Client().post(url_for(of_record), posted(CALM | SEIZURE)).status_code == 200
    row, now = CheckIn.objects.get(), timezone.now()
    assert (row.is_complete, row.may_calm) == (True, False)
    assert Alert.objects.get().level == "emergency"
    assert last_complete(of_record) == before is None
    assert Reminder.objects.get().ended_at is None
    day = timedelta(days=1)
    assert check_in_came(of_record.pk, now - day, now + day) == NO_CHECK_IN


def test_a_red_flag_by_a_link_used_too_often_calms_nothing(patient, monkeypatch) -> None:
    monkeypatch.setattr("apps.checkins.link_actions.CORRECTIONS", 0)
    url = url_for(patient, age=timedelta())
    for answers in (CALM, CALM | SEIZURE):
        assert Client().post(url, posted(answers)).status_code == 200
    assert list(CheckIn.objects.order_by("received_at").values_list("may_calm", flat=True)) == [
        True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("wish", ["call_today", "stay"])
def test_a_request_is_heard_however_late_its_link(patient, nurse, wish: str) -> None:
    put_on_call(nurse, now=timezone.now())
    page = Client().post(url_for(patient), posted(CALM, requests=[wish]))
    assert page.status_code == 200
    assert CareTask.objects.get().kind == wish
    assert not CheckIn.objects.stopping_the_clock().exists()


def test_no_further_step_is_heard_by_a_weekly_link_however_late(patient) -> None:
    url = url_for(patient, "weekly")
    CheckInLink.objects.update(used_at=timezone.now(), submission_id=uuid4())
    assert Client().post(url, posted({"phq9_1": "0", "ready_next": "ready"})).status_code == 410
    assert Client().post(url, posted({"phq9_1": "0", "ready_next": "pause"})).status_code == 200
    assert CareTask.objects.get().kind == "stay"


def test_a_refused_page_shows_what_was_asked_for_too(patient) -> None:
    page = Client().post("/c/forged/", posted(CALM, requests=["call_today"]))
    assert page.status_code == 404
    assert "You asked for" in page.text
    assert "Yes, please call me today" in page.text


def test_answers_that_a_phone_kept_for_days_answer_no_window_of_today(clinic, prescriber) -> None:
    now = timezone.now()
    patient = make_patient(clinic, risk={"prior_wd_seizure": True})
    start = (now - timedelta(days=12)).date().isoformat()
    make_active_plan(patient, prescriber.user, now=now, start_on=start)
    window, felt = waiting(patient), now - timedelta(days=8)
    data = posted(CALM, reported_at=felt.isoformat(), sent_at=now.isoformat())
    assert Client().post(url_for(patient, age=timedelta(days=9)), data).status_code == 200
    row = CheckIn.objects.get()
    assert row.may_calm
    window.refresh_from_db()
    assert window.ended_at is None
    assert last_complete(patient) == row.reported_at
    assert silence_of(patient, window).overdue_since == window.due_at
    assert first_unanswered_of({patient.pk: patient}) == {patient.pk: window.due_at}


def test_a_kept_answer_of_the_windows_day_is_its_answer_when_it_comes_after_its_end(high) -> None:
    plan_window(high.pk, NOW)
    due = live(high).due_at
    after = due + timedelta(hours=30)
    Reminder.objects.update(
        state="missed", ended_at=after, lease_token=None, lease_until=None, next_attempt_at=None,
        judge_at=None,
    )  # fmt: skip
    assert first_unanswered_of({high.pk: high}) == {high.pk: due}
    check_in(high, CALM, now=after + timedelta(hours=1), felt_at=due - timedelta(hours=1))
    assert first_unanswered_of({high.pk: high}) == {}
    plan_window(high.pk, after + timedelta(hours=2))
    window = live(high)
    assert silence_of(high, window).overdue_since == window.due_at


def test_a_day_ends_at_the_patients_midnight(high) -> None:
    end = end_of_day(NOW, high.tz)
    after = (end + timedelta.resolution).astimezone(high.tz)
    assert (after.hour, after.minute) == (0, 0)
    assert end.astimezone(high.tz).date() == NOW.astimezone(high.tz).date()


def test_a_finding_that_calls_nobody_anew_tells_of_the_alert_that_does(
    patient, nurse, monkeypatch
) -> None:
    put_on_call(nurse, now=timezone.now())
    monkeypatch.setattr("apps.checkins.link_actions.CORRECTIONS", 0)
    url = url_for(patient, age=timedelta())
    for answers in (CALM, CALM | SEIZURE):
        Client().post(url, posted(answers))
    page = Client().post(url, posted(CALM | SEIZURE))
    assert Alert.objects.count() == 1
    assert "We are telling the person on call now" in page.text
    # ... by the clock of that alert, which has run out two hours later.
    row, alert = CheckIn.objects.order_by("-received_at").first(), Alert.objects.get()
    assert advice.alert_of(row) == alert
    told = advice.told_sentence(row, alert, alert.opened_at + timedelta(hours=2))
    assert told.startswith("Someone should have called you by")
