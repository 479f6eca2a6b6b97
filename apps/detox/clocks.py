"""Every clock of referrals, stays, discharges and aftercare, moved from any process, at any time.

One sweep opens the task a clock calls for, and an alert where a task or a round is overdue.
Several processes may sweep at once: each row is looked at again under its patient's lock.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from apps.alerts.actions import open_alert
from apps.alerts.ladder import Level
from apps.alerts.models import Alert
from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask, CheckIn
from apps.checkins.task_actions import overtake_tasks
from apps.clinical.detox import CLOCK_MINUTES
from apps.detox.aftercare_clocks import in_aftercare, look_at_aftercare
from apps.detox.guards import severe_sign_after
from apps.detox.last_dose_clock import note_last_dose, stops_and_restarts
from apps.detox.models import CareAssessment, Stay
from apps.detox.no_plan_clock import ask_for_a_plan, end_plan_task, left_without_plan, plans_made
from apps.detox.referral_actions import locked
from apps.detox.restart_clock import ask_about_restart, restarts_unmet
from apps.detox.status_clock import HOSPITAL, PAUSED, ask_after, left_in_peace
from apps.detox.tier_clock import look_at_tier, tiers_that_may_rise
from apps.detox.turns import in_turn
from apps.patients.models import DRILL_CLINIC, Patient
from apps.patients.moving import Found, move_each
from apps.tapers.models import TaperPlan
from apps.tapers.today import midnight

logger = logging.getLogger(__name__)

BATCH: Final = 200
SOURCE_CLOCK_TASK: Final = "care_task"
SOURCE_ROUND_DUE: Final = "round_due"
EMERGENCY_ASKS_FOR: Final = timedelta(days=7)  # [proposal] closed or not
CARE_LEVEL_WITHIN: Final = timedelta(hours=24)  # [proposal]
AGAIN_AFTER: Final = timedelta(days=1)  # [proposal] an open task whose alert was closed
Kind = CareTask.Kind
# Which alert an overdue task opens.
ALERT_OF: Final = {
    Kind.REFERRAL: "D01_REFERRAL_UNANSWERED",
    Kind.ARRIVAL: "D02_NOT_ARRIVED",
    Kind.CONTACT: "D04_NO_CONTACT_72H",
    Kind.DAY_MISSED: "D05_NO_DAILY_CHECK_IN",
    Kind.NEW_PLAN: "D07_NO_PLAN_AFTER",
    Kind.CARE_LEVEL: "D08_CARE_LEVEL_OPEN",
    Kind.AFTERCARE: "D09_AFTERCARE_UNSEEN",
    Kind.NO_UNIT: "D11_NO_UNIT",
    Kind.SECOND: "D12_SECOND_UNSIGNED",
    Kind.HOSPITAL: "D13_STILL_IN_HOSPITAL",
    Kind.PAUSED: "D14_STILL_PAUSED",
}
Move = Callable[[UUID, datetime], bool]


@dataclass(frozen=True, slots=True)
class DetoxReport:
    """How much one sweep moved."""

    levels: int
    days: int
    plans: int
    rounds: int
    last_doses: int
    aftercare: int
    restarts: int
    unplanned: int
    in_hospital: int
    paused: int
    tiers: int
    overdue: int


def sweep_detox(now: datetime) -> DetoxReport:
    """Open what the clocks of this app call for; sends nothing by itself. Twice is once."""
    return DetoxReport(
        levels=each(levels_due(now), ask_level, now),
        days=each(days_due(now), look_at_day, now),
        plans=each(plans_made(), end_plan_task, now),
        rounds=each(rounds_due(now), call_for_round, now),
        last_doses=each(stops_and_restarts(), note_last_dose, now),
        aftercare=each(in_aftercare(now), look_at_aftercare, now),
        restarts=each(restarts_unmet(), ask_about_restart, now),
        unplanned=each(left_without_plan(), ask_for_a_plan, now),
        in_hospital=each(left_in_peace(HOSPITAL, now), partial(ask_after, HOSPITAL), now),
        paused=each(left_in_peace(PAUSED, now), partial(ask_after, PAUSED), now),
        tiers=each(tiers_that_may_rise(), look_at_tier, now),
        overdue=each(tasks_overdue(now), warn_of_task, now),
    )


def levels_due(now: datetime) -> Found:
    """Return followed patients with an emergency after the level of care was last answered.

    And whoever is on a plan, or has a draft of one.

    One that was closed before any sweep saw it asks all the same; whoever was asked since is
    not asked again.
    """
    own = OuterRef("patient")
    later = CareAssessment.objects.filter(patient=own, assessed_at__gte=OuterRef("opened_at"))
    asked = CareTask.objects.filter(patient=own, kind=Kind.CARE_LEVEL).filter(
        Q(done_at__isnull=True)
        | Q(created_at__gte=OuterRef("opened_at")) & ~Q(outcome=CareTask.Outcome.OVERTAKEN)
    )
    plans = TaperPlan.objects.filter(patient=own, status__in=["active", "draft"])
    seen = Q(resolved_at__isnull=True) | Q(opened_at__gte=now - EMERGENCY_ASKS_FOR)
    red = Alert.objects.filter(seen, level=Level.EMERGENCY).exclude(clinic=DRILL_CLINIC)
    rows = red.exclude(Exists(later)).exclude(Exists(asked)).filter(
        Q(patient__status=Patient.Status.ACTIVE) | Exists(plans)
    ).exclude(patient__status=Patient.Status.DECEASED)  # fmt: skip
    return list(rows.values_list("patient_id", "clinic_id").distinct()[:BATCH])


@transaction.atomic
def ask_level(patient_id: UUID, now: datetime) -> bool:
    """Open the task to answer the level of care after a severe sign."""
    patient = locked(patient_id)
    sign = severe_sign_after(patient.care_assessments.first(), patient)
    if sign is None:
        return False
    return open_clock_task(
        patient, Kind.CARE_LEVEL, uuid5(sign.pk, "level"), now + CARE_LEVEL_WITHIN, now
    )


def days_due(now: datetime) -> Found:
    """Return patients in the fourteen days of daily contact, who are to check in each day."""
    rows = Patient.objects.filter(
        daily_until__gte=(now - timedelta(days=2)).date(), status=Patient.Status.ACTIVE
    )
    return in_turn("days after a stay", rows)


@transaction.atomic
def look_at_day(patient_id: UUID, now: datetime) -> bool:
    """Open a task for yesterday when no whole check-in is of it; one since ends the task.

    What is whole is what stops the clock of missed check-ins (triage.md section 3), by the day
    on which it was answered.
    """
    patient = locked(patient_id)
    yesterday = now.astimezone(patient.tz).date() - timedelta(days=1)
    since = midnight(yesterday, patient.tz)
    whole = CheckIn.objects.by_the_patient().stopping_the_clock()
    came = whole.filter(patient=patient, reported_at__gte=since)
    if came.exists():
        overtake_tasks(patient_id=patient.pk, kind=Kind.DAY_MISSED, by=None, now=now)
        return False
    begun = daily_since(patient)
    if begun is None or patient.daily_until is None:
        return False
    source_of, at = begun
    if not is_day_of_contact(yesterday, at, patient.daily_until, patient.tz):
        return False
    source = uuid5(source_of, yesterday.isoformat())
    return open_clock_task(patient, Kind.DAY_MISSED, source, now, now)


def is_day_of_contact(day: date, begun: datetime, until: date, tz: ZoneInfo) -> bool:
    """Answer whether a day where the patient is now is one of daily contact: whole days count."""
    return begun.astimezone(tz).date() < day <= until


def daily_since(patient: Patient) -> tuple[UUID, datetime] | None:
    """Return what daily contact began with and when: a discharge, or a level of care.

    A discharge told after that level, too: until then the patient was in the unit, by the record.
    """
    discharge = patient.discharges.first()
    level = patient.care_assessments.filter(decided=CareAssessment.Level.DAILY).first()
    if discharge is not None:
        is_last = level is not None and level.assessed_at < discharge.recorded_at
        if is_last or discharge.daily_until == patient.daily_until:
            return discharge.pk, discharge.recorded_at
    return (level.pk, level.assessed_at) if level is not None else None


def rounds_due(now: datetime) -> Found:
    """Return stays whose next round should have been made."""
    return list(Stay.objects.round_overdue(now).values_list("pk", "clinic_id")[:BATCH])


@transaction.atomic
def call_for_round(stay_id: UUID, now: datetime) -> bool:
    """Open the alert of an overdue round: once for each interval missed, one open at a time.

    Somebody who closed the alert and made no round is told again at the next interval. Nobody is
    called to the bed of somebody who died.
    """
    stay = Stay.objects.select_for_update(of=("self",)).select_related("patient").get(pk=stay_id)
    due = stay.next_round_at
    if due is None or not stay.is_round_overdue(now):
        return False
    told = Alert.objects.unresolved().filter(patient=stay.patient, source_type=SOURCE_ROUND_DUE)
    if told.exists():
        return False
    every = timedelta(hours=stay.round_hours)
    missed = due + every * ((now - due) // every)
    return warn(
        stay.patient, "D03_ROUND_OVERDUE", SOURCE_ROUND_DUE, uuid5(stay.pk, missed.isoformat()), now
    )


def tasks_overdue(now: datetime) -> Found:
    """Return tasks of this app's clocks whose time has passed: those without an alert first.

    Those of somebody who died call nobody.
    """
    told = Alert.objects.filter(source_type=SOURCE_CLOCK_TASK, source_id=OuterRef("pk"))
    rows = CareTask.objects.filter(kind__in=list(ALERT_OF), done_at__isnull=True, due_at__lt=now)
    rows = rows.exclude(patient__status=Patient.Status.DECEASED)
    first = rows.exclude(Exists(told)).values_list("pk", "clinic_id")[:BATCH]
    return [*first, *in_turn("tasks overdue", rows.filter(Exists(told)))]


@transaction.atomic
def warn_of_task(task_id: UUID, now: datetime) -> bool:
    """Open the alert of a task that nobody has closed in time: once a day, one open at a time.

    Somebody who closed the alert and left the task is told again when the next day begins,
    counted from when the task was due.
    """
    task = CareTask.objects.select_for_update(of=("self",)).select_related("patient").get(
        pk=task_id
    )  # fmt: skip
    if task.done_at is not None or task.due_at >= now:
        return False
    day = (now - task.due_at) // AGAIN_AFTER
    rule, of_tasks = ALERT_OF[Kind(task.kind)], Alert.objects.filter(source_type=SOURCE_CLOCK_TASK)
    first = of_tasks.filter(source_id=task.pk).first()
    if first is None:
        return warn(task.patient, rule, SOURCE_CLOCK_TASK, task.pk, now)
    if (first.opened_at - task.due_at) // AGAIN_AFTER == day:
        return False
    own = [task.pk, *(uuid5(task.pk, f"day {n}") for n in range(1, day + 1))]
    if of_tasks.unresolved().filter(source_id__in=own).exists():
        return False
    return warn(task.patient, rule, SOURCE_CLOCK_TASK, uuid5(task.pk, f"day {day}"), now)


def warn(patient: Patient, rule: str, source_type: str, source_id: UUID, now: datetime) -> bool:
    """Open an urgent alert, and answer whether it is new."""
    if Alert.objects.filter(source_type=source_type, source_id=source_id).exists():
        return False
    open_alert(
        patient=patient, level=Level.URGENT.value, response_minutes=CLOCK_MINUTES, rules=[rule],
        source_type=source_type, source_id=source_id, now=now,
    )  # fmt: skip
    return True


def each(found: Found, move: Move, now: datetime) -> int:
    """Move these rows."""
    return move_each(found, move, now, logger, "detox: %s could not be moved")
