"""Links taken back, requests without a check-in, and the word of a trusted person."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.actions import submit_check_in
from apps.checkins.gates import NO_CHECK_IN, check_in_came
from apps.checkins.link_actions import create_link, link_for, revoke_links
from apps.checkins.models import CareTask, CheckIn, CheckInLink, CheckInPolicy, Reminder
from apps.checkins.reminder_actions import plan_window, set_schedule
from apps.checkins.task_actions import ask_for
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.tapers.models import PlanHold
from tests.conftest import signed_in
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_patient,
    put_on_call,
    weekly,
)

pytestmark = pytest.mark.django_db


def report(patient, answers, *, name="Robin", now=NOW) -> CheckIn:
    return submit_check_in(
        patient=patient,
        questionnaire=get_questionnaire("daily", LATEST["daily"]),
        answers=answers,
        submission_id=uuid4(),
        language="en",
        reported_at=now,
        now=now,
        trusted_name=name,
    )


def test_a_revoked_link_does_not_exist_any_more(patient) -> None:
    token = create_link(patient=patient, by=None, now=NOW)
    assert revoke_links(patient, NOW) == 1
    assert revoke_links(patient, NOW) == 0
    for method in ("get", "post"):
        page = getattr(Client(), method)(reverse("checkins:create", args=[token]))
        assert page.status_code == 404
        assert "This link does not work" in page.text


def test_a_window_gets_another_link_after_the_old_one_was_revoked(clinic, prescriber) -> None:
    patient = make_patient(clinic, email="wren@home.example")
    make_active_plan(patient, prescriber.user)
    plan_window(patient.pk, NOW)
    live = Reminder.objects.get()
    first = link_for(live, NOW)
    assert link_for(live, NOW) == first
    revoke_links(patient, NOW + timedelta(minutes=1))
    second = link_for(live, NOW + timedelta(minutes=2))
    assert second != first
    assert link_for(live, NOW + timedelta(minutes=3)) == second
    assert CheckInLink.objects.not_revoked().count() == 1


def test_who_turned_mails_off_gets_no_second_one(clinic, prescriber) -> None:
    patient = make_patient(clinic, email="wren@home.example")
    make_active_plan(patient, prescriber.user)
    plan_window(patient.pk, NOW)
    live = Reminder.objects.get()
    later = live.due_at + timedelta(minutes=1)
    assert list(Reminder.objects.mail_due(later)) == [live]
    set_schedule(
        patient=patient, remind_at=live.due_at.time(), wants_mail=False, by=None, now=later
    )
    assert list(Reminder.objects.mail_due(later)) == []


def test_asking_without_a_check_in_makes_one_task_with_an_owner(patient, nurse) -> None:
    put_on_call(nurse)
    tasks = [ask_for(patient=patient, kind="call_today", now=NOW) for _ in range(3)]
    assert len({task.pk for task in tasks}) == 1
    assert tasks[0].owner == nurse.user
    assert AuditEvent.objects.filter(event="task.opened").count() == 1
    page = signed_in(nurse).get(reverse("checkins:task", args=[tasks[0].pk]))
    assert page.status_code == 200


def test_asking_is_all_or_nothing(patient, monkeypatch) -> None:
    def fail(*args, **kwargs):
        raise IntegrityError("no audit")

    monkeypatch.setattr("apps.checkins.task_actions.record", fail)
    with pytest.raises(IntegrityError), transaction.atomic():
        ask_for(patient=patient, kind="stay", now=NOW)
    assert not CareTask.objects.exists()


def test_a_wish_to_stay_holds_where_the_clinic_decided_so(patient, prescriber) -> None:
    CheckInPolicy.objects.create(clinic=patient.clinic, hold_on_request=True)
    make_active_plan(patient, prescriber.user)
    ask_for(patient=patient, kind="stay", now=NOW)
    assert PlanHold.objects.open().count() == 1


def test_the_database_refuses_the_same_wish_twice(patient) -> None:
    task = ask_for(patient=patient, kind="stay", now=NOW)
    with pytest.raises(IntegrityError, match="task_asked_once"), transaction.atomic():
        CareTask.objects.create(
            clinic=task.clinic, patient=patient, kind="stay", created_at=NOW,
            due_at=NOW + timedelta(hours=1),
        )  # fmt: skip


def test_the_word_of_a_trusted_person_is_triaged_and_marked(patient, nurse, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    put_on_call(nurse)
    row = report(patient, {"seizure": "yes"})
    assert (row.reporter, row.reporter_name, row.is_complete) == ("trusted", "Robin", False)
    alert = Alert.objects.get()
    assert (alert.level, alert.source_type) == ("emergency", "trusted_person")
    assert alert.deliveries.get().recipient == nurse
    assert PlanHold.objects.get().source_type == "trusted_person"
    client = signed_in(nurse)
    page = client.get(reverse("dashboard:alert", args=[alert.pk])).text
    assert "What Robin reported" in page
    assert "What the patient answered" not in page
    assert "by Robin, trusted person" in client.get(f"/patients/{patient.pk}/").text
    assert "Reported by the trusted person" in client.get("/").text


def test_only_the_patients_own_word_unlocks_a_cut(patient) -> None:
    report(patient, {"seizure": "yes"})
    since, due = NOW - timedelta(days=1), NOW + timedelta(days=1)
    assert check_in_came(patient.pk, since, due) == NO_CHECK_IN


def test_only_a_whole_daily_check_in_unlocks_a_cut(patient) -> None:
    """ASAM-15, triage.md section 3: neither half an answer nor the weekly questions alone."""
    since, due = NOW - timedelta(days=1), NOW + timedelta(days=1)
    assert not check_in(patient, {"dose_taken": "stopped"}).is_complete
    weekly(patient, NOW, 0)
    assert check_in_came(patient.pk, since, due) == NO_CHECK_IN
    check_in(patient, CALM)
    assert check_in_came(patient.pk, since, due) == ""


def test_what_was_felt_before_the_step_unlocks_no_cut(patient) -> None:
    """Kept on a phone without a line, sent after the step had begun."""
    since, due = NOW - timedelta(days=1), NOW + timedelta(days=1)
    check_in(patient, CALM, felt_at=since - timedelta(minutes=1))
    assert check_in_came(patient.pk, since, due) == NO_CHECK_IN
    check_in(patient, CALM, felt_at=since)
    assert check_in_came(patient.pk, since, due) == ""


def test_a_trusted_report_without_a_name_is_refused(patient) -> None:
    row = report(patient, {"seizure": "yes"})
    values = {f.name: getattr(row, f.name) for f in CheckIn._meta.concrete_fields}
    values |= {"id": uuid4(), "submission_id": uuid4(), "reporter_name": ""}
    with pytest.raises(IntegrityError, match="check_in_reporter_has_name"), transaction.atomic():
        CheckIn.objects.create(**values)
