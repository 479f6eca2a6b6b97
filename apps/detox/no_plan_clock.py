"""The clock on what is taken that no plan gives: asked until a plan or another doctor gives it.

Whoever may not be left (ADR 8, 68, 80) and is on no plan is somebody's to ask about, for as long as
the clinic follows them. Other clocks ask of a restart and of a second drug; what none of them asks,
or what was closed by hand while nothing changed, is asked here.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.models.task import CareTaskQuerySet
from apps.checkins.task_actions import overtake_tasks
from apps.checkins.task_ends import NO_PLAN, OF_ANOTHER_DRUG, SILENCE
from apps.detox.aftercare_clocks import RESTART, ask
from apps.detox.discharge_actions import SIGN_WITHIN
from apps.detox.guards import NO_SECOND
from apps.detox.last_dose_clock import ask_how_it_stopped
from apps.detox.leaving import beside, changed_at, given_on_by
from apps.detox.models import Discharge, Restart
from apps.detox.referral_actions import locked
from apps.detox.restart_actions import PLAN_WITHIN, QUESTIONS
from apps.detox.told_anew import (
    HOW_WAS_IT_STOPPED,
    TAKEN_BY_INTAKE,
    told_off_unasked,
    why_not_left,
)
from apps.detox.turns import in_turn
from apps.patients.models import DRILL_CLINIC, FurtherMedicine, IntakeEntry, Patient, Section
from apps.patients.moving import Found
from apps.tapers.models import TaperPlan
from apps.tapers.today import plan_today

ASK_AGAIN: Final = timedelta(days=7)  # [proposal] as of use that goes on without a plan
Kind = CareTask.Kind
# Done when a plan for what is taken is in force.
UNTIL_A_PLAN: Final = (Kind.NEW_PLAN, Kind.SECOND)
ASKS: Final = (*QUESTIONS, RESTART)
# A plan for what is taken is no task of now: others look after them, or nobody can.
OTHERS_ASK: Final = (
    Patient.Status.IN_HOSPITAL, Patient.Status.ENDED, Patient.Status.DECEASED,
)  # fmt: skip


def left_without_plan() -> Found:
    """Return followed patients on no plan of whom some may be taken, and nobody is asked.

    Whom the clinic never tapered, nor a unit, nor met taking it again, is not among them.
    """
    own = OuterRef("pk")
    plans = TaperPlan.objects.filter(patient=own)
    known = (
        Exists(plans.filter(activated_at__isnull=False))
        | Exists(Discharge.objects.filter(patient=own))
        | Exists(Restart.objects.filter(patient=own))
    )
    # After the last dose only a unit, or the intake, can tell of more.
    of_doses = Q(section=Section.MEDICINE) | Q(taken_before__isnull=False)
    entries = IntakeEntry.objects.filter(of_doses, patient=own)
    told = entries.filter(saved_at__date__gte=F("patient__last_dose_on"))
    more = (
        Exists(plans.filter(status=TaperPlan.Status.INPATIENT))
        | Exists(FurtherMedicine.objects.filter(patient=own))
        | Exists(told)
    )
    asked = asking(own).filter(done_at__isnull=True)
    rows = Patient.objects.filter(status=Patient.Status.ACTIVE).exclude(clinic=DRILL_CLINIC)
    rows = rows.filter(known, Q(last_dose_on__isnull=True) | more)
    rows = rows.exclude(Exists(TaperPlan.objects.active().filter(patient=own)))
    return in_turn("taken without a plan", rows.exclude(Exists(asked)))


def asking(patient: Patient | OuterRef, more: Iterable[str] = ()) -> CareTaskQuerySet:
    """Return the tasks that ask for a plan of what is taken, or wait for somebody to be heard.

    Those with the words of `more`, too: a question about another drug says nothing of this one.
    """
    aftercare = Q(kind=Kind.AFTERCARE, title__in=(*ASKS, *SILENCE, *more))
    return CareTask.objects.filter(aftercare | Q(kind__in=UNTIL_A_PLAN), patient=patient)


@transaction.atomic
def ask_for_a_plan(patient_id: UUID, now: datetime) -> bool:
    """Ask who gives what is taken: at once, and a week after somebody closed such a question.

    At once again when what is taken changed since, or when the question was only overtaken.
    """
    patient = locked(patient_id)
    on_plan = TaperPlan.objects.active().filter(patient=patient).exists()
    why = why_not_left(patient, now)
    if patient.status != Patient.Status.ACTIVE or on_plan or not why:
        return False
    of_another = (HOW_WAS_IT_STOPPED, beside(patient, given_on_by(patient, now)))
    tasks = asking(patient, OF_ANOTHER_DRUG if why in of_another else ())
    if tasks.filter(done_at__isnull=True).exists() or was_answered(patient, tasks, now):
        return False
    newest = tasks.order_by("-created_at").first()
    return ask_because(why, patient, uuid5(newest.pk if newest else patient.pk, "no plan"), now)


def ask_because(why: str, patient: Patient, source: UUID, now: datetime) -> bool:
    """Open the task whose words ask for what is missing: a name, a word, or a plan."""
    told_off = told_off_unasked(patient)
    if why == HOW_WAS_IT_STOPPED and told_off is not None:
        return ask_how_it_stopped(patient, told_off, now)
    if why == TAKEN_BY_INTAKE:
        return ask(patient, source, RESTART, now)
    if why == NO_SECOND:
        return open_clock_task(patient, Kind.SECOND, source, now + SIGN_WITHIN, now)
    return open_clock_task(patient, Kind.NEW_PLAN, source, now + PLAN_WITHIN, now, title=NO_PLAN)


def was_answered(patient: Patient, tasks: CareTaskQuerySet, now: datetime) -> bool:
    """Answer whether somebody closed such a question lately, about what is taken now."""
    closed = tasks.exclude(title__in=SILENCE).exclude(outcome=CareTask.Outcome.OVERTAKEN)
    known = closed.filter(done_at__gt=max(now - ASK_AGAIN, changed_at(patient) or now - ASK_AGAIN))
    return known.exists()


def plans_made() -> Found:
    """Return patients whose open task that asks for a plan may be done."""
    own = OuterRef("pk")
    asked = CareTask.objects.filter(patient=own, kind__in=UNTIL_A_PLAN, done_at__isnull=True)
    return in_turn("plans made", Patient.objects.filter(Exists(asked)))


@transaction.atomic
def end_plan_task(patient_id: UUID, now: datetime) -> bool:
    """End the task when a plan made or changed since the discharge is in force.

    And without a plan when nothing is taken any more that would need one, in a hospital, and
    while the question of a paused patient is open. Whoever is active again is asked at once.
    """
    patient = locked(patient_id)
    discharge, state = patient.discharges.first(), plan_today(patient, now)
    if state is None:
        needless = is_asked_elsewhere(patient) or (
            patient.status == Patient.Status.ACTIVE and not why_not_left(patient, now)
        )
        ended: tuple[str, ...] = (Kind.NEW_PLAN,) if needless else ()
    else:
        is_old = discharge is not None and state.version.enactment.at <= discharge.recorded_at
        ended = () if is_old else UNTIL_A_PLAN
    for kind in ended:
        overtake_tasks(patient_id=patient.pk, kind=kind, by=None, now=now)
    return bool(ended)


def is_asked_elsewhere(patient: Patient) -> bool:
    """Answer whether the clock of the patient's status asks, or nobody is to be asked."""
    if patient.status == Patient.Status.PAUSED:
        asked = CareTask.objects.filter(patient=patient, kind=Kind.PAUSED, done_at__isnull=True)
        return asked.exists()
    return patient.status in OTHERS_ASK
