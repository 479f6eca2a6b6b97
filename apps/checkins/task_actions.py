"""Writes of what patients ask for: opened with the check-in, taken and closed by staff."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.rota import on_call_now
from apps.audit.actions import record
from apps.checkins.models import CareTask, CheckIn, CheckInPolicy
from apps.patients.models import Clinic, Patient
from apps.tapers.actions import hold_plan

SOURCE_REQUEST: Final = "request"
END_OF_DAY: Final = time(17, 0)  # [proposal] of the clinic's clock
AT_LEAST: Final = timedelta(hours=2)


class TaskClosedError(ValueError):
    """Somebody has closed the task; the text is for the reader."""


def open_requests(check_in: CheckIn, kinds: Iterable[str], now: datetime) -> None:
    """Make a task of each request of a check-in; part of `submit_check_in`'s transaction."""
    for kind in kinds:
        open_task(check_in.patient, kind, now, check_in=check_in)


@transaction.atomic
def ask_for(*, patient: Patient, kind: str, now: datetime) -> CareTask:
    """Make a task of what a patient asks for on their own pages.

    While such a task is open, asking again returns it and changes nothing.
    """
    patient = Patient.objects.select_for_update().select_related("clinic").get(pk=patient.pk)
    asked = CareTask.objects.open().filter(patient=patient, kind=kind).first()
    if asked is not None:
        return asked
    return open_task(patient, kind, now)


def open_task(
    patient: Patient, kind: str, now: datetime, check_in: CheckIn | None = None
) -> CareTask:
    """Store one task, owned by who is on call now.

    "I want to stay" holds the next reduction at once where the clinic decided so; it
    never changes today's dose.
    """
    on_call = on_call_now(patient.clinic_id, now)
    task = CareTask.objects.create(
        clinic_id=patient.clinic_id, patient=patient, check_in=check_in, kind=kind,
        owner=on_call[0].member.user if on_call else None, created_at=now,
        due_at=due_for(patient.clinic, now),
    )  # fmt: skip
    write_down("task.opened", task, None, now)
    if kind == CareTask.Kind.STAY and holds_at_once(patient.clinic):
        hold_plan(
            patient=patient,
            action="hold_next",
            rules=["patient_request"],
            source_type=SOURCE_REQUEST,
            source_id=task.pk,
            by=None,
            now=now,
        )
    return task


def holds_at_once(clinic: Clinic) -> bool:
    """Answer whether the clinic holds as soon as a patient asks."""
    return CheckInPolicy.objects.filter(clinic=clinic, hold_on_request=True).exists()


def due_for(clinic: Clinic, now: datetime) -> datetime:
    """Return when a request of now must be met: today, with some time to do it."""
    closing = datetime.combine(now.astimezone(clinic.tz).date(), END_OF_DAY, tzinfo=clinic.tz)
    return max(closing.astimezone(UTC), now + AT_LEAST)


@transaction.atomic
def take_task(*, task: CareTask, by: User, now: datetime) -> CareTask:
    """Make `by` the owner. Taking one's own again changes nothing."""
    task = lock_task(task)
    if task.done_at is not None:
        raise TaskClosedError("This task is done already.")
    if task.owner_id == by.pk:
        return task
    task.owner = by
    task.save(update_fields=["owner"])
    write_down("task.taken", task, by, now)
    return task


@transaction.atomic
def close_task(*, task: CareTask, by: User, outcome: str, note: str, now: datetime) -> CareTask:
    """Close a task with what came of it.

    Closing again with the same outcome by the same person changes nothing; anything else
    raises `TaskClosedError`.
    """
    task = lock_task(task)
    if task.done_at is not None:
        if (task.done_by_id, task.outcome, task.note) == (by.pk, outcome, note):
            return task
        raise TaskClosedError("Somebody has closed this task already.")
    task.outcome, task.note, task.done_at, task.done_by = outcome, note, now, by
    task.save(update_fields=["outcome", "note", "done_at", "done_by"])
    write_down("task.closed", task, by, now)
    return task


def lock_task(task: CareTask) -> CareTask:
    """Return the task, locked until the end of the transaction."""
    return CareTask.objects.select_for_update().get(pk=task.pk)


def write_down(event: str, task: CareTask, by: User | None, now: datetime) -> None:
    """Append the audit row: kind and outcome, never the note."""
    record(
        event, by=by, now=now, clinic_id=task.clinic_id, patient_id=task.patient_id, obj=task,
        kind=task.kind, outcome=task.outcome,
    )  # fmt: skip
