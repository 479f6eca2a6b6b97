"""Writes of tasks among colleagues: made, handed on, talked about, undone."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.checkins.models import CareTask, TaskComment, policy_of
from apps.checkins.task_actions import TaskClosedError, due_for, lock_task, write_down
from apps.patients.models import Patient

UNDO_WITHIN: Final = timedelta(minutes=10)


class UndoError(ValueError):
    """It is too late to undo, or somebody else did it; the text is for the reader."""


@transaction.atomic
def open_team_task(
    *, patient: Patient, kind: str, by: User | None, now: datetime, title: str = "",
    owner: User | None = None, due_at: datetime | None = None, order_key: str | None = None,
) -> CareTask:  # fmt: skip
    """Make a task for the team, due today unless told otherwise.

    Of what the board saw (silence, a waiting step) a patient has one open task at a
    time, and of a standing order one per step and day: asking again returns it.
    """
    patient = (
        Patient.objects.select_for_update(no_key=True).select_related("clinic").get(pk=patient.pk)
    )
    tasks = CareTask.objects.filter(patient=patient)
    if order_key:
        existing = tasks.filter(order_key=order_key).first()
    elif kind == CareTask.Kind.FOLLOW_UP:
        existing = None
    else:
        existing = tasks.open().filter(kind=kind).first()
    if existing is not None:
        return existing
    task = CareTask.objects.create(
        clinic_id=patient.clinic_id, patient=patient, kind=kind, title=title, owner=owner,
        created_by=by, created_at=now, due_at=due_at or due_today(patient, now),
        order_key=order_key,
    )  # fmt: skip
    write_down("task.opened", task, by, now)
    return task


def due_today(patient: Patient, now: datetime) -> datetime:
    """Return by when what is to be done today is done, as the clinic decided."""
    return due_for(patient.clinic, policy_of(patient.clinic_id).requests_until, now)


@transaction.atomic
def delegate_task(
    *, task: CareTask, to: User | None, note: str, by: User, now: datetime
) -> CareTask:
    """Give the task to a colleague, or with nobody back to the team; a note is kept.

    Giving it to whom has it already changes nothing. Raises `TaskClosedError`.
    """
    task = lock_task(task)
    if task.done_at is not None:
        raise TaskClosedError("This task is done already.")
    if task.owner_id == (to.pk if to else None):
        return task
    task.owner = to
    task.save(update_fields=["owner"])
    if note.strip():
        TaskComment.objects.create(task=task, at=now, by=by, text=note.strip())
    record(
        "task.delegated", by=by, now=now, clinic_id=task.clinic_id, patient_id=task.patient_id,
        obj=task, to=str(to.pk) if to else "",
    )  # fmt: skip
    return task


@transaction.atomic
def comment_task(*, task: CareTask, text: str, by: User, now: datetime) -> TaskComment:
    """Add a line to the task's conversation; the same line twice in a row is one."""
    task = lock_task(task)
    last = task.comments.order_by("-at", "-id").first()
    if last is not None and (last.by_id, last.text) == (by.pk, text):
        return last
    comment = TaskComment.objects.create(task=task, at=now, by=by, text=text)
    write_down("task.commented", task, by, now)
    return comment


@transaction.atomic
def undo_close(*, task_id: UUID, by: User, now: datetime) -> CareTask:
    """Open a task again that this person closed a moment ago; its outcome is taken back.

    The audit record keeps both. Undoing twice changes nothing. Raises `UndoError`.
    """
    found = CareTask.objects.get(pk=task_id)
    Patient.objects.select_for_update(no_key=True).get(
        pk=found.patient_id
    )  # nobody opens one meanwhile
    task = lock_task(found)
    if task.done_at is None:
        return task
    if task.done_by_id != by.pk:
        raise UndoError("A colleague closed this task. Make a new one if it is still needed.")
    if now - task.done_at > UNDO_WITHIN:
        raise UndoError("That was too long ago to undo. Make a new task if it is still needed.")
    same = CareTask.objects.open().filter(
        patient_id=task.patient_id, kind=task.kind, check_in__isnull=True
    )
    asked_once = task.check_in_id is None and task.kind != CareTask.Kind.FOLLOW_UP
    if asked_once and same.exists():
        raise UndoError("There is a newer task for the same thing. Go on with that one.")
    taken_back = task.outcome
    task.outcome, task.note, task.done_at, task.done_by = "", "", None, None
    task.save(update_fields=["outcome", "note", "done_at", "done_by"])
    record(
        "task.close_undone", by=by, now=now, clinic_id=task.clinic_id,
        patient_id=task.patient_id, obj=task, outcome=taken_back,
    )  # fmt: skip
    return task
