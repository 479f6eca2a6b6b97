"""What comes late or by a link used too often raises, and never calms (ADR 75)."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.actions import acknowledge_alert
from apps.alerts.models import Alert
from apps.checkins import advice
from apps.checkins.actions import NotInTimeError, submit_check_in
from apps.checkins.assessment import assessment_of, form_context
from apps.checkins.gates import NO_CHECK_IN, check_in_came
from apps.checkins.link_actions import create_link
from apps.checkins.models import (
    CareTask,
    CheckIn,
    CheckInLink,
    CheckInPolicy,
    Reminder,
    end_of_day,
)
from apps.checkins.reminder_actions import plan_window
from apps.checkins.task_actions import close_task
from apps.checkins.windows import last_complete, silence_of, weekly_is_due
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.dashboard.states import first_unanswered_of
from apps.patients.models import Patient
from apps.tapers.models import PlanHold
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


def test_what_the_record_fires_makes_no_late_answers_count(of_record) -> None:
    assert Client().post(url_for(of_record), posted(CALM)).status_code == 200
    assert not CheckIn.objects.exists()
    assert not Alert.objects.exists()
    assert CheckIn.as_given.get().triage.fired == []
    # By a link of today the same answers show it.
    assert Client().post(url_for(of_record, age=timedelta()), posted(CALM)).status_code == 200
    assert "W15" in Alert.objects.get().rules[0]


def test_a_link_used_too_often_counts_no_calm_answers_for_the_records_sake(
    of_record, monkeypatch
) -> None:
    monkeypatch.setattr("apps.checkins.link_actions.CORRECTIONS", 1)
    url = url_for(of_record, age=timedelta())
    found = [Client().post(url, posted(CALM | {"s_fog": n})).status_code for n in (0, 1, 2)]
    assert found == [200, 200, 200]
    rows = CheckIn.as_given.order_by("received_at").values_list("answers__s_fog", "counts")
    assert list(rows) == [(0, True), (1, True), (2, False)]


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
    assert Client().post(url, posted({"phq9_1": "0", "ready_next": "ready"})).status_code == 200
    assert not CheckIn.objects.exists()
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


@pytest.fixture
def worn(patient, monkeypatch) -> str:
    """A link that has served and takes no calm answer any more."""
    monkeypatch.setattr("apps.checkins.link_actions.CORRECTIONS", 0)
    url = url_for(patient, age=timedelta())
    assert Client().post(url, posted(CALM)).status_code == 200
    return url


def test_nobody_is_said_to_have_seen_a_finding_that_came_after_they_took_its_alert(
    patient, nurse, worn
) -> None:
    put_on_call(nurse, now=timezone.now())
    Client().post(worn, posted(CALM | SEIZURE))
    acknowledge_alert(alert=Alert.objects.get(), by=nurse.user, now=timezone.now())
    page = Client().post(worn, posted(CALM | SEIZURE | {"s_fog": 2}))
    assert Alert.objects.count() == 1
    assert "has seen what you told us before, but not this yet" in page.text
    assert "has seen what you sent" not in page.text
    assert "care team has been told" not in page.text
    assert patient.clinic.phone in page.text


@pytest.mark.parametrize("wish", ["call_today", "stay"])
def test_a_wish_by_a_link_used_too_often_is_one_task_until_it_is_done(
    patient, nurse, worn, wish: str
) -> None:
    for fog in (1, 2, 3):
        page = Client().post(worn, posted(CALM | {"s_fog": fog}, requests=[wish]))
        assert page.status_code == 200
        assert "By " in page.text  # ... by the first task's time
    task = CareTask.objects.get()
    assert [row.requests for row in CheckIn.objects.filter(may_calm=False)] == [[wish]] * 3
    close_task(task=task, by=nurse.user, outcome="spoke", note="", now=timezone.now())
    Client().post(worn, posted(CALM | {"s_fog": 4}, requests=[wish]))
    assert CareTask.objects.open().get() != task


def test_a_wish_that_nobody_met_in_time_is_asked_anew_by_any_link(patient, worn) -> None:
    now = timezone.now()
    Client().post(worn, posted(CALM | {"s_fog": 1}, requests=["call_today"]))
    CareTask.objects.update(created_at=now - timedelta(days=1), due_at=now - timedelta(hours=3))
    page = Client().post(worn, posted(CALM | {"s_fog": 2}, requests=["call_today"]))
    assert CareTask.objects.count() == 2
    due = CareTask.objects.latest("created_at").due_at
    assert f"By {advice.moment(due, patient, now)} someone should call you" in page.text


def test_a_wish_whose_hold_is_gone_holds_anew_by_any_link(patient, prescriber, worn) -> None:
    now = timezone.now()
    make_active_plan(patient, prescriber.user, now=now, start_on=now.date().isoformat())
    CheckInPolicy.objects.create(clinic=patient.clinic, hold_on_request=True)
    for fog in (1, 2):
        Client().post(worn, posted(CALM | {"s_fog": fog}, requests=["stay"]))
    PlanHold.objects.update(released_at=now, released_by=prescriber.user, release_reason="Spoke.")
    Client().post(worn, posted(CALM | {"s_fog": 3}, requests=["stay"]))
    assert PlanHold.objects.filter(released_at=None).count() == 1
    assert CareTask.objects.count() == 2


def test_without_a_plan_to_hold_a_wish_to_stay_is_one_task_while_it_waits(patient, worn) -> None:
    CheckInPolicy.objects.create(clinic=patient.clinic, hold_on_request=True)
    for fog in (1, 2, 3):
        Client().post(worn, posted(CALM | {"s_fog": fog}, requests=["stay"]))
    assert CareTask.objects.get().kind == "stay"


def test_a_weekly_wish_to_stay_by_a_worn_link_is_told_with_the_first_ones_time(
    patient, monkeypatch
) -> None:
    """The wish of the weekly questions stands in their answers, not among the requests."""
    monkeypatch.setattr("apps.checkins.link_actions.CORRECTIONS", 0)
    token = create_link(patient=patient, by=None, now=timezone.now())
    CheckInLink.objects.update(with_weekly=True)
    Client().post(reverse("checkins:create", args=[token]), posted(CALM))
    weekly = reverse("checkins:weekly", args=[token])
    for score in (0, 1, 2):
        page = Client().post(weekly, posted({"ready_next": "pause", "phq9_1": score}))
        assert "You asked to stay at this dose. By " in page.text
    assert CheckIn.objects.filter(questionnaire="weekly", may_calm=False).exists()
    assert CareTask.objects.get().kind == "stay"


def test_the_weekly_questions_are_due_by_when_the_last_ones_were_felt(patient) -> None:
    now = timezone.now()
    sent = {"questionnaire": get_questionnaire("weekly", LATEST["weekly"]), "language": "en"}
    submit_check_in(
        patient=patient, answers={"phq9_1": 0}, submission_id=uuid4(), now=now,
        reported_at=now - timedelta(days=8), **sent,
    )  # fmt: skip
    assert weekly_is_due(patient, now)
    # What may not calm is no week that was asked about either.
    row = submit_check_in(
        patient=patient, answers={"phq9_9": 3}, submission_id=uuid4(), now=now, reported_at=now,
        refusal=NotInTimeError("too late"), **sent,
    )  # fmt: skip
    assert (row.may_calm, weekly_is_due(patient, now)) == (False, True)


def test_what_a_phone_kept_hides_no_question_that_newer_answers_ask(patient) -> None:
    now = timezone.now()
    check_in(patient, CALM | {"supply_days": 5, "si": "passive", "si_now": "no"}, now=now)
    later = now + timedelta(hours=5)
    check_in(
        patient, CALM | {"supply_days": 60, "si": "no"}, now=later, felt_at=now - timedelta(days=6)
    )
    known = form_context(patient, later + timedelta(hours=1))
    assert (known["last_supply_days"], known["days_since_supply"]) == (5, 0)
    assert known["last_si"] == "passive"


def test_what_may_only_raise_hides_no_question(patient, worn) -> None:
    answers = CALM | {"supply_days": 60, "si": "no"}
    Client().post(worn, posted(answers, requests=["call_today"]))
    assert CheckIn.objects.filter(may_calm=False, answers__supply_days=60).exists()
    assert form_context(patient, timezone.now()).get("last_supply_days") != 60


def test_no_calm_answer_by_a_worn_link_ends_a_trend_or_lifts_a_baseline(clinic, prescriber) -> None:
    patient = make_patient(clinic)
    make_active_plan(patient, prescriber.user)  # its first cut was a week before NOW
    hour, bad = timedelta(hours=1), CALM | {key: 3 for key in CALM if key.startswith("s_")}

    def by_an_old_link(answers: dict, at: datetime) -> None:
        row = submit_check_in(
            patient=patient, questionnaire=get_questionnaire("daily", LATEST["daily"]),
            answers=answers, submission_id=uuid4(), language="en", reported_at=at, now=at,
            requests=["call_today"], refusal=NotInTimeError("too late"),
        )  # fmt: skip
        assert not row.may_calm

    for days in (13, 12, 11):
        at = NOW - timedelta(days=days)
        check_in(patient, CALM, now=at)
        for each in (1, 2):
            by_an_old_link(bad, at + each * hour)
    assert assessment_of(patient, NOW).context.baseline_dws == 10
    check_in(patient, bad, now=NOW - timedelta(days=1))
    by_an_old_link(CALM, NOW - hour)
    fired = {each["rule_id"] for each in check_in(patient, bad, now=NOW).triage.fired}
    assert {"U13_SCORE_HIGH_2D", "U14_RISE_12"} <= fired
