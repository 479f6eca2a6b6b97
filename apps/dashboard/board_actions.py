"""Several small acts in one go: each line is its own act, with its own audit row."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.act_actions import reopen_alert
from apps.alerts.actions import AlertTakenError, acknowledge_alert, resolve_alert
from apps.alerts.models import Alert
from apps.alerts.states import TransitionError
from apps.checkins.models import CareTask
from apps.checkins.task_actions import TaskClosedError, TaskTakenError, close_task, take_task
from apps.checkins.task_team_actions import UNDO_WITHIN, UndoError, open_team_task, undo_close
from apps.clinical.triage import Level
from apps.patients.models import Patient

# What a task's end is called when a watch alert ends with it.
ALERT_OUTCOME: Final[dict[str, str]] = {
    CareTask.Outcome.SPOKE: Alert.Outcome.SPOKE,
    CareTask.Outcome.NO_ANSWER: Alert.Outcome.NO_ANSWER,
    CareTask.Outcome.HELD: Alert.Outcome.PLAN_CHANGED,
}

UNDONE: Final = "Closed with others, and undone at once."


class TooSevereError(ValueError):
    """An alert above watch level never ends with others; the text is for the reader."""


def check_may_go_together(alerts: list[Alert], outcome: str) -> None:
    """Raise `TooSevereError` unless all are watch alerts that may end with this outcome."""
    for alert in alerts:
        if alert.level != Level.WATCH.value:
            raise TooSevereError(
                f"Alert {alert.reference} is {alert.get_level_display().lower()}: such alerts are "
                "looked at one by one."
            )
    if outcome and outcome not in ALERT_OUTCOME and alerts:
        raise TooSevereError(
            "A watch alert ends with: spoke with the patient, no answer, or the dose is held."
        )


Seen = list[tuple[str, Patient]]


@transaction.atomic
def take_together(
    *, alerts: list[Alert], tasks: list[CareTask], by: User, now: datetime, seen: Seen | None = None
) -> int:
    """Take every line that is still free; return how many are `by`'s now.

    Of what the board saw (a kind and a patient) a task is made first. Lines that a
    colleague took or closed meanwhile are passed over.
    """
    check_may_go_together(alerts, "")
    tasks, taken = [*tasks, *tasks_of_seen(seen or [], by, now)], 0
    for alert in sorted(alerts, key=lambda row: row.pk):
        try:
            acknowledge_alert(alert=alert, by=by, now=now)
        except (AlertTakenError, TransitionError):
            continue
        taken += 1
    for task in sorted(tasks, key=lambda row: row.pk):
        try:
            take_task(task=task, by=by, now=now, seen_owner="")
        except (TaskClosedError, TaskTakenError):
            continue
        taken += 1
    return taken


@transaction.atomic
def take_seen_line(*, patient: Patient, kind: str, by: User, now: datetime) -> CareTask:
    """Make a task of what the board saw and take it. Raises `TaskTakenError`."""
    task = open_team_task(patient=patient, kind=kind, by=by, owner=by, now=now)
    return take_task(task=task, by=by, now=now, seen_owner="")


def tasks_of_seen(seen: Seen, by: User, now: datetime) -> list[CareTask]:
    """Return a task for each thing that the board saw; part of the caller's transaction.

    What a colleague made a task of meanwhile is theirs and is passed over.
    """
    tasks = [
        open_team_task(patient=patient, kind=kind, by=by, owner=by, now=now)
        for kind, patient in sorted(seen, key=lambda line: (line[1].pk, line[0]))
    ]
    return [task for task in tasks if task.owner_id in (None, by.pk)]


@transaction.atomic
def close_together(
    *, alerts: list[Alert], tasks: list[CareTask], outcome: str, note: str, by: User, now: datetime,
    seen: Seen | None = None,
) -> int:  # fmt: skip
    """Close every line that is still open with one outcome and note; return how many."""
    check_may_go_together(alerts, outcome)
    tasks, closed = [*tasks, *tasks_of_seen(seen or [], by, now)], 0
    for alert in sorted(alerts, key=lambda row: row.pk):
        try:
            ending = ALERT_OUTCOME[outcome]
            resolve_alert(alert=alert, by=by, outcome=ending, note=note, now=now)
        except TransitionError:
            continue
        closed += 1
    for task in sorted(tasks, key=lambda row: row.pk):
        try:
            done = close_task(task=task, by=by, outcome=outcome, note=note, now=now)
        except TaskClosedError:
            continue
        closed += done.done_at is not None
    return closed


@transaction.atomic
def undo_together(*, clinic_id: UUID, closed_at: datetime, by: User, now: datetime) -> int:
    """Open again what `by` closed together at a moment, a short while ago; return how many.

    Lines that a colleague has gone on with are passed over. Undoing twice changes nothing.
    """
    own = {"clinic_id": clinic_id}
    tasks = CareTask.objects.filter(**own, done_by=by, done_at=closed_at).order_by("pk")
    alerts = Alert.objects.filter(**own, resolved_by=by, resolved_at=closed_at).order_by("pk")
    if now - closed_at > UNDO_WITHIN:
        raise UndoError("That was too long ago to undo. Open the lines again one by one.")
    opened = 0
    for key in list(tasks.values_list("pk", flat=True)):
        try:
            undo_close(task_id=key, by=by, now=now)
        except UndoError:
            continue
        opened += 1
    for alert in alerts:
        reopen_alert(alert=alert, reason=UNDONE, by=by, now=now)
        opened += 1
    return opened
