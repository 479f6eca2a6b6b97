"""The one write of use that began again: a fact and a plan, never a fault."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import OuterRef

from apps.accounts.models import User
from apps.audit.actions import record
from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.models.task import CareTaskQuerySet
from apps.checkins.task_actions import overtake_tasks
from apps.checkins.task_ends import NEW_TAPER, OF_ANOTHER_DRUG
from apps.clinical.dependence import RARE_DAYS_PER_WEEK, DependenceRisk
from apps.clinical.stopping import StopPath
from apps.detox.leaving import going_on, newest_plan, taken_beside
from apps.detox.models import Restart
from apps.detox.referral_actions import locked
from apps.patients.errors import FieldError
from apps.patients.frequency import days_before, most_days_told
from apps.patients.intake import verdict_for
from apps.patients.models import Patient
from apps.tapers.leaving_actions import leave_plans
from apps.tapers.models import TaperPlan
from apps.tapers.taken import Known, taken_without_plan
from apps.tapers.today import plan_today

BEGAN_AGAIN: Final = "Some is taken again after the last dose of this plan."
PLAN_WITHIN: Final = timedelta(hours=72)  # as after a discharge (INP-09) [proposal]
LOOK_AGAIN_WITHIN: Final = timedelta(days=7)  # [proposal] at use that goes on without a plan
# What each thing agreed asks for next, and within which time; a few doses that ended ask nothing.
ASKED_NEXT: Final = {
    Restart.Next.NEW_TAPER: (NEW_TAPER, PLAN_WITHIN),
    Restart.Next.STAY: (
        "Some is taken again: ask how it goes, and about a plan",
        LOOK_AGAIN_WITHIN,
    ),
    Restart.Next.SPECIALIST: ("Get the specialist's advice that was agreed", LOOK_AGAIN_WITHIN),
}
QUESTIONS: Final = [title for title, _ in ASKED_NEXT.values()]
NOT_STOPPED: Final = (
    "This patient takes a dose on record. Change the plan, or make a new one: nothing is stopped "
    "at once here (ASAM-03)."
)
NOT_AT_ONCE: Final = (
    "Taken on four days a week or more: the body may be used to it again, so it is not stopped at "
    "once (ASAM-03, ASAM-04). Agree on a new plan to taper, on a dose for now, or on a specialist."
)
AGREE_OTHERWISE: Final = "Agree on a new plan to taper, on a dose for now, or on a specialist."


class RestartError(FieldError):
    """What cannot be; the text is for the reader."""


@transaction.atomic
def record_restart(
    *, patient: Patient, seen_how: str, taken: str, days_per_week: int, agreed: str, plan: str,
    last_dose_on: date | None, by: User, now: datetime,
) -> Restart:  # fmt: skip
    """Keep that use began again with the plan that was agreed; the year begins anew.

    Who takes none any more counts from that day; who goes on has no last dose until a plan
    ends at nothing, and a task asks for what was agreed. A plan that stands at nothing
    is over then: it would say that none is taken. Restart, day, plan, tasks and audit rows are
    saved together or not at all; the same by the same person twice is once.

    Use that goes on since an earlier restart may be written down anew, for as long as no plan
    gives a dose: it has become more, or ends. Raises `RestartError` for a day to come or before
    the last dose or restart on record, for somebody who takes a dose on record otherwise, and for
    a stop at once of what is taken on four days a week or more, or was by any restart since the
    last dose or plan: three or fewer are rare dependence at any dose and duration (ASAM-04). What
    the intake tells, or told before, of another drug counts with its days. Rare or not, a factor of
    high seizure risk refuses such a stop as it does on the intake, and so does one not asked.
    """
    patient = locked(patient.pk)
    content: dict[str, Any] = {
        "seen_how": seen_how, "taken": taken, "days_per_week": days_per_week, "agreed": agreed,
        "plan": plan, "last_dose_on": last_dose_on,
    }  # fmt: skip
    same = patient.restarts.filter(recorded_by=by, **content).first()
    if same is not None:
        return same
    check_restart(patient, agreed, days_per_week, last_dose_on, now)
    row = Restart.objects.create(
        clinic_id=patient.clinic_id, patient=patient, recorded_at=now, recorded_by=by, **content
    )
    patient.last_dose_on = last_dose_on
    patient.save(update_fields=["last_dose_on"])
    if last_dose_on is None:
        leave_plans(
            patient=patient, is_over=True, reason=BEGAN_AGAIN, by=by, now=now, because="restart"
        )
    waiting = looks_of(patient).filter(done_at__isnull=True).values_list("title", flat=True)
    overtake_tasks(
        patient_id=patient.pk, kind=CareTask.Kind.AFTERCARE, by=by, now=now, titles=list(waiting)
    )
    if agreed in ASKED_NEXT:
        title, within = ASKED_NEXT[Restart.Next(agreed)]
        open_clock_task(patient, CareTask.Kind.AFTERCARE, row.pk, now + within, now, title=title)
    record(
        "restart.recorded", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=row, agreed=str(agreed),
    )  # fmt: skip
    return row


def check_restart(
    patient: Patient, agreed: str, days_per_week: int, last_dose_on: date | None, now: datetime
) -> None:
    """Raise `RestartError` for what cannot be, or would stop a dose at once."""
    newest = goes_on(patient)
    if gives_a_dose(patient, now) or (patient.last_dose_on is None and newest is None):
        raise RestartError(NOT_STOPPED)
    beside = taken_beside(patient, newest_plan(patient))
    known = [row.days_per_week for row in going_on(patient)]
    told = most_days_told(patient) if beside else {}
    others = [max(row.days_per_week, days_before(told, row)) for row in beside]
    most = max(days_per_week, 0, *known, *others)
    if agreed == Restart.Next.STOP_AGAIN:
        check_stop_again(patient, most, now.astimezone(patient.tz).date())
    if last_dose_on is None:
        return
    if last_dose_on > now.astimezone(patient.tz).date():
        raise RestartError("This day has not come yet.", "last_dose_on")
    if patient.last_dose_on is not None and last_dose_on < patient.last_dose_on:
        raise RestartError("This is before the last dose on record.", "last_dose_on")
    if newest and last_dose_on < newest.recorded_at.astimezone(patient.tz).date():
        raise RestartError("Some was still taken then, by the record.", "last_dose_on")


def check_stop_again(patient: Patient, days_per_week: int, today: date) -> None:
    """Raise `RestartError` unless what is taken on so many days a week may stop at once."""
    if days_per_week > RARE_DAYS_PER_WEEK:
        raise RestartError(NOT_AT_ONCE, "agreed")
    verdict = verdict_for(patient, DependenceRisk.RARE, today)
    if verdict.path is StopPath.REFUSED:
        raise RestartError(" ".join((*verdict.because, AGREE_OTHERWISE)), "agreed")


def looks_of(patient: Patient | OuterRef) -> CareTaskQuerySet:
    """Return what aftercare called for, one look at a time; questions of another drug apart."""
    tasks = CareTask.objects.filter(patient=patient, kind=CareTask.Kind.AFTERCARE)
    return tasks.exclude(title__in=OF_ANOTHER_DRUG)


def end_questions(patient: Patient, now: datetime) -> None:
    """End what a restart asks for: a plan met it, or something more pressing takes its place."""
    overtake_tasks(
        patient_id=patient.pk, kind=CareTask.Kind.AFTERCARE, by=None, now=now, titles=QUESTIONS
    )


def goes_on(patient: Patient) -> Restart | None:
    """Return the restart by which some is taken now; None after the last dose, or by a plan."""
    if TaperPlan.objects.active().filter(patient=patient).exists():
        return None
    in_hospital = patient.status == Patient.Status.IN_HOSPITAL
    if in_hospital or taken_without_plan(patient).known != Known.RESTART:
        return None
    newest: Restart | None = patient.restarts.first()
    return newest


def gives_a_dose(patient: Patient, now: datetime) -> bool:
    """Answer whether a plan in force gives some now, or will: no sweep may have seen it yet."""
    state = plan_today(patient, now)
    return state is not None and (state.step is None or bool(state.step.daily_mg))
