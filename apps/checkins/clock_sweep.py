"""Clocks that call for a person: reviews, run-outs, standing orders.

From any process, as often as one likes.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from apps.checkins.clock_tasks import END_OF_DAY, lock_followed, open_clock_task
from apps.checkins.models import CareTask, StandingDuty
from apps.checkins.standing_actions import look_at_duty
from apps.checkins.supply_actions import look_at_supply
from apps.checkins.task_actions import overtake_tasks
from apps.clinical.reviews import RENEWAL_LEAD_DAYS
from apps.patients.models import DRILL_CLINIC, OWED_ON, Patient, ReviewClock
from apps.patients.moving import Found, move_each
from apps.tapers.models import Dispensing, RunOut, TaperPlan, TaperStep

logger = logging.getLogger(__name__)

BATCH: Final = 200
REVIEW_LEAD: Final = timedelta(days=RENEWAL_LEAD_DAYS)  # [proposal] to find an appointment
# What nobody has to see to while a patient is away; what a hospital stay calls for goes on.
LEFT_IN_PEACE: Final = (CareTask.Kind.REVIEW, CareTask.Kind.REFILL)
Move = Callable[[UUID, datetime], bool]


@dataclass(frozen=True, slots=True)
class ClockReport:
    """How much one sweep moved."""

    reviews: int
    supplies: int
    left_in_peace: int
    duties: int


def sweep_clocks(now: datetime) -> ClockReport:
    """Open a task for each clock that has run out, close those nobody needs; sends nothing.

    Patients who are paused, in hospital or ended are left in peace. Several processes may
    sweep at once: each patient is locked and looked at again.
    """
    return ClockReport(
        reviews=each(reviews_due(now), open_review_task, now),
        supplies=each(supplies_due(now), look_at_supply, now),
        left_in_peace=each(needless(), leave_in_peace, now),
        duties=each(duties_due(now), look_at_duty, now),
    )


def off_medicine_of() -> Q:
    """Return the condition on a row with a patient that their plan has reached nothing.

    Then there is no prescribing left to weigh.
    """
    patient = OuterRef("patient")
    ended = TaperStep.objects.filter(
        version=F("version__plan__in_force"), version__plan__patient=patient, daily_mg=0,
        number__lte=F("version__plan__begun_step"),
        version__plan__status__in=[TaperPlan.Status.ACTIVE, TaperPlan.Status.ENDED],
    )  # fmt: skip
    newer = (
        TaperPlan.objects.active()
        .filter(patient=patient)
        .exclude(in_force__steps__daily_mg=0, in_force__steps__number__lte=F("begun_step"))
    )
    return Q(Exists(ended)) & ~Q(Exists(newer))


def reviews_due(now: datetime) -> Found:
    """Return patients whose review is due soon and who have no task for it, longest due first."""
    task = CareTask.objects.filter(
        patient=OuterRef("patient"), kind=CareTask.Kind.REVIEW, done_at__isnull=True
    )
    rows = (
        ReviewClock.objects.alias(owed=OWED_ON)
        .filter(owed__lte=(now + REVIEW_LEAD).date(), patient__status=Patient.Status.ACTIVE)
        .exclude(clinic=DRILL_CLINIC)
        .exclude(Exists(task))
        .exclude(off_medicine_of())
    )
    return list(rows.order_by(OWED_ON).values_list("patient_id", "clinic_id")[:BATCH])


def supplies_due(now: datetime) -> Found:
    """Return patients whose supply is to be looked at: a new day, a new plan, a first clock."""
    own = OuterRef("pk")
    unwatched = (
        Patient.objects.filter(status=Patient.Status.ACTIVE)
        .filter(Exists(Dispensing.objects.filter(patient=own)))
        .filter(Exists(TaperPlan.objects.active().filter(patient=own)))
        .exclude(Exists(RunOut.objects.filter(patient=own)))
    )
    due = RunOut.objects.due(now).order_by("next_look_at").values_list("patient_id", "clinic_id")
    found = [*due[:BATCH], *unwatched.values_list("pk", "clinic_id")[:BATCH]]
    return list(dict.fromkeys(found))


def needless() -> Found:
    """Return patients with a clock's open task whom the clinic does not follow now."""
    tasks = CareTask.objects.filter(kind__in=LEFT_IN_PEACE, done_at__isnull=True)
    away = tasks.exclude(patient__status=Patient.Status.ACTIVE).order_by("patient_id")
    return list(away.values_list("patient_id", "clinic_id").distinct()[:BATCH])


def duties_due(now: datetime) -> Found:
    """Return standing duties of patients for whom a new day has begun, the longest ago first."""
    return list(StandingDuty.objects.due(now).values_list("pk", "clinic_id")[:BATCH])


def each(found: Found, move: Move, now: datetime) -> int:
    """Move these clocks."""
    return move_each(found, move, now, logger, "clocks: %s could not be moved")


@transaction.atomic
def open_review_task(patient_id: UUID, now: datetime) -> bool:
    """Open the task of a review that is due. Task and audit row together; twice is once."""
    patient = lock_followed(patient_id)
    if patient is None:
        return False
    clock = ReviewClock.objects.get(patient=patient)
    if clock.owed_on > now.astimezone(patient.tz).date() + REVIEW_LEAD:
        return False  # a review of today would not be the one of that renewal yet
    due = datetime.combine(clock.owed_on, END_OF_DAY, tzinfo=patient.clinic.tz).astimezone(UTC)
    source = uuid5(patient.pk, f"review {clock.owed_on.isoformat()}")
    return open_clock_task(patient, CareTask.Kind.REVIEW, source, due, now)


@transaction.atomic
def leave_in_peace(patient_id: UUID, now: datetime) -> bool:
    """Close the tasks that clocks opened for a patient who is no longer followed."""
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    if patient.status == Patient.Status.ACTIVE:
        return False
    for kind in LEFT_IN_PEACE:
        overtake_tasks(patient_id=patient.pk, kind=kind, by=None, now=now)
    return True
