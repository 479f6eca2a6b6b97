"""Writes of what patients ask for: opened with the check-in, taken and closed by staff."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from apps.accounts.models import User
from apps.alerts.act_actions import ONE_TAP
from apps.alerts.rota import on_call_now
from apps.audit.actions import record
from apps.checkins.models import CareTask, CheckIn, TaskComment, policy_of
from apps.checkins.task_ends import choices_for, how_it_ends, stays_open
from apps.patients.models import Clinic, Patient, Role, StaffMember
from apps.patients.permissions import Right, may
from apps.tapers.actions import hold_plan
from apps.tapers.models import PlanHold, TaperPlan

SOURCE_REQUEST: Final = "request"
ASKED_TO_STAY: Final = "The patient asked to stay at this dose."
AT_LEAST: Final = timedelta(hours=2)  # [proposal]
FOLDED: Final = (CareTask.Kind.CALL_TODAY, CareTask.Kind.STAY)  # no words of their own to read


class TaskClosedError(ValueError):
    """Somebody has closed the task; the text is for the reader."""


def open_requests(
    check_in: CheckIn, kinds: Iterable[str], now: datetime, *, folds: bool = False
) -> None:
    """Make a task of each request of a check-in; part of `submit_check_in`'s transaction.

    With `folds` a request that is a task already makes no second one: a list of a hundred
    wishes by one worn link would hide what others ask for. Words to be read are each a task.
    """
    for kind in kinds:
        if not (folds and is_asked_already(check_in.patient, kind, now)):
            open_task(check_in.patient, kind, now, check_in=check_in)


def is_asked_already(patient: Patient, kind: str, now: datetime) -> bool:
    """Answer whether a task of this wish waits in its time; one to stay, while its hold holds.

    Without a plan in force there is nothing to hold: the task alone counts.
    """
    if kind not in FOLDED:
        return False
    waiting = CareTask.objects.open().filter(patient=patient, kind=kind, due_at__gt=now)
    holds = kind == CareTask.Kind.STAY and policy_of(patient.clinic_id).hold_on_request
    if holds and TaperPlan.objects.active().filter(patient=patient).exists():
        held = PlanHold.objects.filter(
            source_type=SOURCE_REQUEST, source_id=OuterRef("pk"), released_at__isnull=True
        )
        waiting = waiting.filter(Exists(held))
    return waiting.exists()


def wants_to_stay(answers: Mapping[str, object]) -> bool:
    """Answer whether the weekly questions ask for no further step: `ready_next` is "pause"."""
    return answers.get("ready_next") == "pause"


@transaction.atomic
def ask_for(*, patient: Patient, kind: str, now: datetime) -> CareTask:
    """Make a task of what a patient asks for on their own pages.

    While such a task is open, asking again returns it and changes nothing.
    """
    patient = (
        Patient.objects.select_for_update(no_key=True).select_related("clinic").get(pk=patient.pk)
    )
    asked = CareTask.objects.open().filter(patient=patient, kind=kind).first()
    if asked is not None:
        return asked
    return open_task(patient, kind, now)


def open_task(
    patient: Patient, kind: str, now: datetime, check_in: CheckIn | None = None
) -> CareTask:
    """Store one task, owned by who is on call now, without a rota by a clinical lead.

    "I want to stay" holds the next reduction at once where the clinic decided so; it
    never changes today's dose.
    """
    policy = policy_of(patient.clinic_id)
    task = CareTask.objects.create(
        clinic_id=patient.clinic_id, patient=patient, check_in=check_in, kind=kind,
        owner=owner_for(patient.clinic_id, now), created_at=now,
        due_at=due_for(patient.clinic, policy.requests_until, now),
    )  # fmt: skip
    write_down("task.opened", task, None, now)
    if kind == CareTask.Kind.STAY and policy.hold_on_request:
        hold_plan(
            patient=patient,
            action="hold_next",
            rules=["patient_request"],
            source_type=SOURCE_REQUEST,
            source_id=task.pk,
            by=None,
            now=now,
            note=ASKED_TO_STAY,
        )
    return task


def owner_for(clinic_id: UUID, now: datetime) -> User | None:
    """Return who looks after a new task: the first on call, else a clinical lead."""
    on_call = on_call_now(clinic_id, now)
    if on_call:
        return on_call[0].member.user
    leads = StaffMember.objects.active().filter(clinic_id=clinic_id, role=Role.CLINICAL_LEAD)
    lead = leads.select_related("user").order_by("user__full_name").first()
    return lead.user if lead else None


def due_for(clinic: Clinic, until: time, now: datetime) -> datetime:
    """Return when a request of now must be met: today, with some time to do it."""
    closing = datetime.combine(now.astimezone(clinic.tz).date(), until, tzinfo=clinic.tz)
    return max(closing.astimezone(UTC), now + AT_LEAST)


class TaskTakenError(ValueError):
    """A colleague has taken the task meanwhile; the text is for the reader."""


@transaction.atomic
def take_task(
    *, task: CareTask, by: User, now: datetime, seen_owner: str | None = None
) -> CareTask:
    """Make `by` the owner. Taking one's own again changes nothing.

    `seen_owner` is the id of the owner on the reader's page, empty for nobody: when it is
    somebody else's by now, `TaskTakenError` is raised. Without it nothing is compared.
    """
    task = lock_task(task)
    if task.done_at is not None:
        raise TaskClosedError("This task is done already.")
    if task.owner_id == by.pk:
        return task
    if task.owner is not None and seen_owner not in (None, str(task.owner_id)):
        raise TaskTakenError(f"{task.owner.full_name} has taken this task meanwhile.")
    task.owner = by
    task.save(update_fields=["owner"])
    write_down("task.taken", task, by, now)
    return task


@transaction.atomic
def close_task(*, task: CareTask, by: User, outcome: str, note: str, now: datetime) -> CareTask:
    """Close a task with what came of it.

    Closing again with the same outcome by the same person changes nothing; anything else
    raises `TaskClosedError`, and so does an outcome that does not end a task of this kind: some
    end by their act, or with "other" and a note by a prescriber or a clinical lead. A contact
    ends when the patient was reached; a try without an answer is noted, and the task is returned
    open.
    """
    task = lock_task(task)
    if task.done_at is not None:
        if (task.done_by_id, task.outcome, task.note) == (by.pk, outcome, note):
            return task
        raise TaskClosedError("Somebody has closed this task already.")
    if outcome not in dict(choices_for(task.kind, task.title, may_decide=may_decide(task, by))):
        raise TaskClosedError(how_it_ends(task.kind, task.title))
    if stays_open(task.kind, outcome, task.title):
        note_try(task, note, by, now)
        return task
    task.outcome, task.note, task.done_at, task.done_by = outcome, note, now, by
    task.save(update_fields=["outcome", "note", "done_at", "done_by"])
    write_down("task.closed", task, by, now)
    return task


def may_decide(task: CareTask, by: User) -> bool:
    """Answer whether the person is a prescriber or a clinical lead of the task's clinic."""
    members = StaffMember.objects.active().filter(clinic_id=task.clinic_id, user=by)
    return may(members.first(), Right.PLAN_TAPERS)


def note_try(task: CareTask, note: str, by: User, now: datetime) -> None:
    """Keep that nobody answered with the task; a second tap is the first. Its clock runs on."""
    tried = str(CareTask.Outcome.NO_ANSWER.label)
    text = f"{tried}: {note.strip()}" if note.strip() else tried
    if task.comments.filter(by=by, text__startswith=tried, at__gt=now - ONE_TAP).exists():
        return
    TaskComment.objects.create(task=task, at=now, by=by, text=text[:2000])
    write_down("task.tried", task, by, now)


def overtake_tasks(
    *, patient_id: UUID, kind: str, by: User | None, now: datetime,
    titles: Collection[str] | None = None,
) -> None:  # fmt: skip
    """Close a clock's open tasks, or those of these titles: done, or needless now.

    Part of the caller's transaction; without one nothing happens.
    """
    tasks = CareTask.objects.of_clocks().filter(
        patient_id=patient_id, kind=kind, done_at__isnull=True
    )
    if titles is not None:
        tasks = tasks.filter(title__in=titles)
    for task in tasks.select_for_update():
        task.outcome, task.done_at, task.done_by = CareTask.Outcome.OVERTAKEN, now, by
        task.save(update_fields=["outcome", "done_at", "done_by"])
        write_down("task.closed", task, by, now)


def lock_task(task: CareTask) -> CareTask:
    """Return the task, locked until the end of the transaction."""
    return CareTask.objects.select_for_update().get(pk=task.pk)


def write_down(event: str, task: CareTask, by: User | None, now: datetime) -> None:
    """Append the audit row: kind and outcome, never the note."""
    record(
        event, by=by, now=now, clinic_id=task.clinic_id, patient_id=task.patient_id, obj=task,
        kind=task.kind, outcome=task.outcome,
    )  # fmt: skip
