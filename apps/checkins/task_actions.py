"""Writes of what patients ask for: opened with the check-in, taken and closed by staff."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.rota import on_call_now
from apps.audit.actions import record
from apps.checkins.models import CareTask, CheckIn, CheckInPolicy
from apps.tapers.actions import hold_plan

SOURCE_REQUEST: Final = "request"
END_OF_DAY: Final = time(17, 0)  # [proposal] of the clinic's clock
AT_LEAST: Final = timedelta(hours=2)


class TaskClosedError(ValueError):
    """Somebody has closed the task; the text is for the reader."""


def open_requests(check_in: CheckIn, kinds: Iterable[str], now: datetime) -> None:
    """Make a task of each request of a check-in; part of `submit_check_in`'s transaction.

    The owner is who is on call now. "I want to stay" holds the next reduction at once
    where the clinic decided so; it never changes today's dose.
    """
    on_call = on_call_now(check_in.clinic_id, now)
    for kind in kinds:
        task = CareTask.objects.create(
            clinic_id=check_in.clinic_id,
            patient_id=check_in.patient_id,
            check_in=check_in,
            kind=kind,
            owner=on_call[0].member.user if on_call else None,
            created_at=now,
            due_at=due_for(check_in, now),
        )
        write_down("task.opened", task, None, now)
        if kind == CareTask.Kind.STAY and holds_at_once(check_in):
            hold_plan(
                patient=check_in.patient,
                action="hold_next",
                rules=["patient_request"],
                source_type=SOURCE_REQUEST,
                source_id=task.pk,
                now=now,
            )


def holds_at_once(check_in: CheckIn) -> bool:
    """Answer whether the clinic holds as soon as a patient asks."""
    policies = CheckInPolicy.objects.filter(clinic_id=check_in.clinic_id, hold_on_request=True)
    return policies.exists()


def due_for(check_in: CheckIn, now: datetime) -> datetime:
    """Return when a request of now must be met: today, with some time to do it."""
    tz = check_in.patient.clinic.tz
    closing = datetime.combine(now.astimezone(tz).date(), END_OF_DAY, tzinfo=tz)
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
