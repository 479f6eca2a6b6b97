"""Tasks among colleagues: made, handed on, talked about."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask, TaskComment
from apps.checkins.task_actions import TaskClosedError, close_task
from apps.checkins.task_team_actions import comment_task, delegate_task, open_team_task
from tests.conftest import signed_in
from tests.factories import NOW, make_task

pytestmark = pytest.mark.django_db


def test_a_prescriber_hands_the_follow_up_to_a_nurse(prescriber, nurse, patient) -> None:
    page = signed_in(prescriber).post(
        reverse("checkins:task_create", args=[patient.pk]),
        {"title": "Call about sleep", "due_on": "2030-01-07", "to": nurse.pk, "note": "After 10."},
    )
    assert page.status_code == 302
    task = CareTask.objects.get()
    assert (task.kind, task.what, task.owner) == ("follow_up", "Call about sleep", nurse.user)
    assert task.due_at.isoformat() == "2030-01-07T22:00:00+00:00"
    assert task.comments.get().text == "After 10."
    assert AuditEvent.objects.filter(event="task.opened").count() == 1
    wrong = signed_in(prescriber).post(
        reverse("checkins:task_create", args=[patient.pk]), {"title": "", "note": "Typed"}
    )
    assert wrong.status_code == 422
    assert "Typed" in wrong.text


def test_a_task_is_handed_on_and_back_to_the_team(nurse, backup, patient, outsider) -> None:
    task = make_task(patient, now=timezone.now())
    url, client = reverse("checkins:task_delegate", args=[task.pk]), signed_in(nurse)
    page = client.post(url, {"to": backup.pk, "note": "I am off at noon."}, follow=True)
    assert "I am off at noon." in page.text
    assert f"{backup.user.full_name} has it" in page.text
    client.post(url, {"to": backup.pk})  # twice changes nothing
    assert AuditEvent.objects.filter(event="task.delegated").count() == 1
    assert client.post(url, {"to": outsider.pk}).status_code == 422
    client.post(url, {"to": ""})
    task.refresh_from_db()
    assert task.owner is None
    close_task(task=task, by=nurse.user, outcome="spoke", note="", now=timezone.now())
    page = client.post(url, {"to": backup.pk}, follow=True)
    assert "This task is done already." in page.text
    with pytest.raises(TaskClosedError):
        delegate_task(task=task, to=None, note="", by=nurse.user, now=NOW)


def test_a_comment_stays_as_it_was_said(nurse, patient) -> None:
    task = make_task(patient, now=timezone.now())
    url, client = reverse("checkins:task_comment", args=[task.pk]), signed_in(nurse)
    assert client.post(url, {"text": " "}).status_code == 422
    for _ in range(2):
        client.post(url, {"text": "Engaged, tries at three."})
    assert TaskComment.objects.count() == 1
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        TaskComment.objects.update(text="Never said")


def test_what_the_board_saw_is_one_task_and_a_standing_order_one_per_day(nurse, patient) -> None:
    by = nurse.user
    for _ in range(2):
        open_team_task(patient=patient, kind="silent", by=by, now=NOW)
        open_team_task(
            patient=patient, kind="follow_up", title="Call", by=None, now=NOW, order_key="o:1",
            due_at=NOW + timedelta(days=1),
        )  # fmt: skip
    assert CareTask.objects.count() == 2


@pytest.mark.parametrize("act", ["delegate", "comment", "open"])
def test_nothing_is_kept_that_cannot_be_written_down(nurse, patient, monkeypatch, act) -> None:
    task = make_task(patient)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no audit")

    monkeypatch.setattr("apps.checkins.task_team_actions.record", fail)
    monkeypatch.setattr("apps.checkins.task_actions.record", fail)
    by = nurse.user
    acts = {
        "delegate": lambda: delegate_task(task=task, to=by, note="x", by=by, now=NOW),
        "comment": lambda: comment_task(task=task, text="x", by=by, now=NOW),
        "open": lambda: open_team_task(patient=patient, kind="silent", by=by, now=NOW),
    }
    with pytest.raises(RuntimeError):
        acts[act]()
    assert (CareTask.objects.count(), TaskComment.objects.count()) == (1, 0)
    assert CareTask.objects.get().owner == task.owner
