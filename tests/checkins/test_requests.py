"""What patients ask for: a task with an owner, a time and an outcome."""

from datetime import time, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.checkins.link_actions import create_link
from apps.checkins.models import CareTask, CheckIn, CheckInLink, CheckInPolicy
from apps.checkins.task_actions import TaskClosedError, close_task, due_for, take_task
from apps.patients.models import Patient
from apps.tapers.models import PlanHold
from tests.checkins.test_views import posted, url_for
from tests.conftest import signed_in
from tests.factories import CALM, NOW, make_active_plan, make_patient, make_task, put_on_call, today

pytestmark = pytest.mark.django_db


def test_please_call_me_makes_a_task_for_who_is_on_call(patient, nurse) -> None:
    put_on_call(nurse, now=timezone.now())
    page = Client().post(url_for(patient), posted(CALM, requests=["call_today"]))
    task = CareTask.objects.get()
    assert (task.kind, task.owner, task.patient) == ("call_today", nurse.user, patient)
    assert task.check_in.requests == ["call_today"]
    assert "someone should call you, as you asked" in page.text


def test_sending_twice_asks_once(patient) -> None:
    url, data = url_for(patient), posted(CALM, requests=["call_today", "stay"])
    for _ in range(2):
        Client().post(url, data)
    assert sorted(CareTask.objects.values_list("kind", flat=True)) == ["call_today", "stay"]


def test_what_nobody_can_ask_for_is_ignored_and_the_answers_are_kept(patient) -> None:
    page = Client().post(url_for(patient), posted(CALM, requests=["free pizza"]))
    assert page.status_code == 200
    assert CheckIn.objects.get().requests == []


def test_a_request_survives_a_missing_answer(patient) -> None:
    page = Client().post(url_for(patient), posted({"seizure": "no"}, requests=["stay"]))
    assert page.status_code == 422
    assert 'name="requests" value="stay" checked' in page.text


def test_to_stay_holds_at_once_only_where_the_clinic_says_so(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    make_task(patient, "stay")
    assert not PlanHold.objects.exists()
    CheckInPolicy.objects.create(clinic=patient.clinic, hold_on_request=True)
    task = make_task(patient, "stay")
    assert PlanHold.objects.get().source_id == task.pk


def ready_next(patient: Patient, answer: str, *asked: str) -> str:
    """Send the weekly questions with this answer about the next step; return the page."""
    token = create_link(patient=patient, by=None, now=timezone.now())
    CheckInLink.objects.update(with_weekly=True)
    Client().post(reverse("checkins:create", args=[token]), posted(CALM, requests=asked))
    url = reverse("checkins:weekly", args=[token])
    return Client().post(url, posted({"ready_next": answer})).text


def test_to_stay_said_in_the_weekly_questions_is_a_request_too(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    CheckInPolicy.objects.create(clinic=patient.clinic, hold_on_request=True)
    page = ready_next(patient, "pause")
    task = CareTask.objects.get()
    assert (task.kind, task.check_in.questionnaire) == ("stay", "weekly")
    assert PlanHold.objects.get().source_id == task.pk
    assert "You asked to stay at this dose" in page


@pytest.mark.parametrize("answer", ["ready", "slower", "unsure"])
def test_other_words_about_the_next_step_are_no_request(patient, answer) -> None:
    ready_next(patient, answer)
    assert CheckIn.objects.get(questionnaire="weekly").answers["ready_next"] == answer
    assert not CareTask.objects.exists()


def test_both_parts_of_one_visit_ask_to_stay_once(patient) -> None:
    ready_next(patient, "pause", "stay")
    assert CareTask.objects.get().kind == "stay"


def test_a_wish_of_another_day_holds_anew(patient, prescriber) -> None:
    """The old task may stand open though its hold was released."""
    make_active_plan(patient, prescriber.user)
    make_task(patient, "stay")
    CareTask.objects.update(created_at=timezone.now() - timedelta(days=7))
    CheckInPolicy.objects.create(clinic=patient.clinic, hold_on_request=True)
    ready_next(patient, "pause")
    assert CareTask.objects.filter(kind="stay").count() == 2
    assert PlanHold.objects.count() == 1


def test_who_takes_none_any_more_asks_for_no_dose(patient) -> None:
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=today())
    ready_next(patient, "pause")
    assert not CareTask.objects.exists()


def test_check_in_and_task_are_stored_together_or_not_at_all(patient, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError

    monkeypatch.setattr("apps.checkins.task_actions.write_down", refuse)
    with pytest.raises(IntegrityError):
        make_task(patient)
    assert not CheckIn.objects.exists()


def test_it_is_due_today_with_time_to_do_it(patient) -> None:
    task = make_task(patient)  # 10:00 in New York
    assert task.due_at.astimezone(patient.clinic.tz).strftime("%H:%M") == "17:00"
    late = NOW.replace(hour=21, minute=30)  # 16:30
    assert due_for(task.clinic, time(17), late) == late + timedelta(hours=2)


def test_taking_and_closing_are_safe_to_repeat(patient, nurse, backup) -> None:
    task = make_task(patient)
    for _ in range(2):
        take_task(task=task, by=nurse.user, now=NOW)
        assert CareTask.objects.get().owner == nurse.user
    for _ in range(2):
        close_task(task=task, by=nurse.user, outcome="spoke", note="", now=NOW)
    events = AuditEvent.objects.filter(event__startswith="task.").values_list("event", flat=True)
    assert list(events.order_by("pk")) == ["task.opened", "task.taken", "task.closed"]
    with pytest.raises(TaskClosedError):
        close_task(task=task, by=backup.user, outcome="held", note="", now=NOW)
    with pytest.raises(TaskClosedError):
        take_task(task=task, by=backup.user, now=NOW)


@pytest.mark.parametrize(
    "change",
    [{"done_at": NOW}, {"outcome": "spoke"}, {"due_at": NOW - timedelta(days=1)}],
)
def test_postgres_refuses_a_task_that_cannot_be(patient, change) -> None:
    make_task(patient)
    with pytest.raises(IntegrityError), transaction.atomic():
        CareTask.objects.update(**change)


def test_staff_see_and_close_it_and_a_slip_is_told_beside_its_field(patient, nurse) -> None:
    task, client = make_task(patient), signed_in(nurse)
    assert patient.family_name in client.get(reverse("checkins:task_list")).text
    assert (
        "Asks for a call today" in client.get(reverse("dashboard:patient", args=[patient.pk])).text
    )
    url = reverse("checkins:task", args=[task.pk])
    page = client.post(url, {"outcome": "other", "note": " "})
    assert page.status_code == 422
    assert "Write what came of it." in page.text
    assert client.post(url, {"outcome": "spoke", "note": "Fine."}).status_code == 302
    assert "Fine." in client.get(url).text
    assert "Nobody waits" in client.get(reverse("checkins:task_list")).text


def test_who_looked_at_a_task_is_written_down(patient, nurse) -> None:
    task = make_task(patient, now=timezone.now())
    signed_in(nurse).get(reverse("checkins:task", args=[task.pk]))
    look = AuditEvent.objects.get(event="task.viewed")
    assert (look.actor_id, look.patient_id) == (nurse.user_id, patient.pk)


def test_a_task_that_somebody_else_closed_keeps_what_was_typed(patient, nurse, backup) -> None:
    task = make_task(patient)
    close_task(task=task, by=backup.user, outcome="spoke", note="", now=NOW)
    page = signed_in(nurse).post(
        reverse("checkins:task", args=[task.pk]), {"outcome": "held", "note": "Mine."}
    )
    assert page.status_code == 422
    assert "closed this task already" in page.text


def test_the_list_asks_as_many_questions_for_twenty_as_for_one(
    clinic, nurse, django_assert_max_num_queries
) -> None:
    for _ in range(4):
        make_task(make_patient(clinic))
    client = signed_in(nurse)
    client.get(reverse("checkins:task_list"))
    with django_assert_max_num_queries(14):
        client.get(reverse("checkins:task_list"))
