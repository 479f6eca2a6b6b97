"""The clock that writes down the day of the last dose, and asks about what is taken beside it."""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.audit.actions import record
from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.task_actions import overtake_tasks
from apps.checkins.task_ends import BESIDE, OF_ANOTHER_DRUG, TOLD_OFF
from apps.detox.guards import left_in_hospital
from apps.detox.leaving import beside, further_told_at, given_on_by, newest_plan, taken_beside
from apps.detox.referral_actions import locked
from apps.detox.told_anew import told_off_unasked
from apps.detox.turns import in_turn
from apps.patients.models import FurtherMedicine, IntakeEntry, Patient, StopDecision
from apps.patients.moving import Found
from apps.tapers.models import TaperPlan, TaperStep
from apps.tapers.taken import Known, taken_without_plan

BATCH: Final = 200
ASK_WITHIN: Final = timedelta(days=3)  # [proposal] as for a look at W17
ASK_AGAIN: Final = timedelta(days=7)  # [proposal] as for use that goes on without a plan


def stops_and_restarts() -> Found:
    """Return patients whose last dose is not on record yet, or is and who take some again."""
    own = OuterRef("patient")
    step = TaperStep.objects.filter(version=OuterRef("in_force"), number=OuterRef("begun_step"))
    plans = TaperPlan.objects.active().values_list("patient_id", "clinic_id")
    alone = ~Exists(FurtherMedicine.objects.filter(patient=own))
    at_nothing = plans.filter(Exists(step.filter(daily_mg=0)))
    stopped = at_nothing.filter(alone, patient__last_dose_on__isnull=True)
    again = plans.filter(Exists(step.filter(daily_mg__gt=0)), patient__last_dose_on__isnull=False)
    found = [
        *stopped[:BATCH], *again[:BATCH],
        *in_turn("documented stops", without_plan()),
        *in_turn("taken beside", with_another()),
    ]  # fmt: skip
    return list(dict.fromkeys(found))


def without_plan() -> QuerySet[Patient]:
    """Return followed patients on no plan, without a last dose, whose stop is on record.

    By a documented stop (ASAM-05), or by a plan that ended at nothing. A plan left for a hospital
    runs until another is put in force.
    """
    own = OuterRef("pk")
    stops = StopDecision.objects.filter(patient=own, kind=StopDecision.Kind.STOP)
    of_left = {"patient": OuterRef("patient"), "activated_at__gt": OuterRef("left_at")}
    since = TaperPlan.objects.filter(**of_left)
    away = Q(status=TaperPlan.Status.INPATIENT) & ~Exists(since)
    runs = TaperPlan.objects.filter(away | Q(status=TaperPlan.Status.ACTIVE), patient=own)
    rows = Patient.objects.filter(last_dose_on__isnull=True, status=Patient.Status.ACTIVE)
    return rows.filter(Exists(stops) | Exists(ended_at_nothing(own))).exclude(Exists(runs))


def ended_at_nothing(patient: OuterRef) -> QuerySet[TaperPlan]:
    """Return a patient's plans that ended when their step of nothing had begun."""
    step = TaperStep.objects.filter(version=OuterRef("in_force"), number=OuterRef("begun_step"))
    ended = TaperPlan.objects.filter(patient=patient, status=TaperPlan.Status.ENDED)
    return ended.filter(Exists(step.filter(daily_mg=0)))


def with_another() -> QuerySet[Patient]:
    """Return followed patients with a second drug on the intake whose plan stands at nothing.

    And those of whom a task about it is open: the drug may have been told off since, or on again.
    """
    own = OuterRef("pk")
    further = FurtherMedicine.objects.filter(patient=own)
    step = TaperStep.objects.filter(version=OuterRef("in_force"), number=OuterRef("begun_step"))
    plan = TaperPlan.objects.active().filter(patient=own).filter(Exists(step.filter(daily_mg=0)))
    asked = CareTask.objects.filter(
        patient=own, kind=CareTask.Kind.AFTERCARE, title__in=OF_ANOTHER_DRUG, done_at__isnull=True
    )
    rows = Patient.objects.filter(status=Patient.Status.ACTIVE)
    stands = Exists(plan) | Exists(ended_at_nothing(own)) | Q(last_dose_on__isnull=False)
    return rows.filter(stands & Exists(further) | Exists(asked))


def documented_last_dose(patient: Patient) -> date | None:
    """Return the day of a documented stop, or of the end of the plan it ended; else None.

    None, too, when something newer is known: a plan since, a unit, use that began again, or an
    intake told anew. The day itself is the last that may have had a dose.
    """
    stop = patient.stop_decisions.filter(kind=StopDecision.Kind.STOP).first()
    if stop is None or patient.last_dose_on is not None:
        return None
    if is_on_plan(patient) or patient.plans.filter(activated_at__gt=stop.decided_at).exists():
        return None
    day, taken = stop.decided_at.astimezone(patient.tz).date(), taken_without_plan(patient)
    if taken.known == Known.LEFT:
        return max(day, taken.since)
    is_newer = taken.since > day if taken.known == Known.INTAKE else taken.since >= day
    return None if is_newer else day


def is_on_plan(patient: Patient) -> bool:
    """Answer whether a plan is in force, or was left for a hospital and none took its place."""
    return patient.plans.active().exists() or left_in_hospital(patient) is not None


def last_dose_of_ended(patient: Patient) -> date | None:
    """Return the last day with a dose of a plan that ended at nothing, None when newer is known."""
    if patient.last_dose_on is not None or is_on_plan(patient):
        return None
    taken = taken_without_plan(patient)
    if taken.known != Known.LEFT or taken.by_drug or not taken.steps:
        return None
    return taken.steps[-1].start_on - timedelta(days=1)


@transaction.atomic
def note_last_dose(patient_id: UUID, now: datetime) -> bool:
    """Write down the day of the last dose when the step of nothing began, or a stop was documented.

    A plan that gives some takes it back. While the intake tells of another benzodiazepine or
    Z-drug there is no last dose (ASAM-03): a task asks, until it has a plan or is told off. Once
    it is told off there is none before a prescriber has written how it was stopped.
    """
    patient = locked(patient_id)
    plan = TaperPlan.objects.active().filter(patient=patient).select_related("in_force").first()
    if plan is None:
        found = documented_last_dose(patient) or last_dose_of_ended(patient)
        day = found or patient.last_dose_on
    else:
        step = plan.in_force.steps.filter(number=plan.begun_step).first() if plan.in_force else None
        if step is None:
            return False
        day = step.start_on - timedelta(days=1) if not step.daily_mg else None
    asked = False
    end_how_it_stopped(patient, now)
    if day is not None and taken_beside(patient, plan or newest_plan(patient)):
        day, asked = told_since(patient), ask_about_another(patient, now)
    elif day is not None and (off := told_off_unasked(patient)) is not None:
        day, asked = patient.last_dose_on, ask_how_it_stopped(patient, off, now)
    elif day is not None:
        end_question_beside(patient, now)
        # What a person wrote down since, or told off the intake, is later and counts.
        day = patient.last_dose_on or max(day, told_off_on(patient) or day)
    elif plan is not None or not taken_beside(patient, newest_plan(patient)):
        end_question_beside(patient, now)
    return keep_day(patient, day, now) or asked


def told_since(patient: Patient) -> date | None:
    """Return the last dose on record when the intake tells of another drug only since: that is use
    that began again, and stays for a person to say. Without one, or before, there is none.
    """
    told, last = further_told_at(patient), patient.last_dose_on
    is_since = told and last and told.astimezone(patient.tz).date() > last
    return last if is_since else None


def told_off_on(patient: Patient) -> date | None:
    """Return the day on which the intake last changed a further drug; its last dose was by then."""
    told = further_told_at(patient)
    return told.astimezone(patient.tz).date() if told else None


def keep_day(patient: Patient, day: date | None, now: datetime) -> bool:
    """Write the day down with its audit row, and answer whether it is new."""
    if patient.last_dose_on == day:
        return False
    patient.last_dose_on = day
    patient.save(update_fields=["last_dose_on"])
    record(
        "patient.last_dose_noted" if day else "patient.last_dose_taken_back", by=None, now=now,
        clinic_id=patient.clinic_id, patient_id=patient.pk, obj=patient,
    )  # fmt: skip
    return True


def ask_about_another(patient: Patient, now: datetime) -> bool:
    """Open the task about what is taken beside it: again a week after somebody closed it.

    Not while another doctor gives it on.
    """
    given_on = given_on_by(patient, now)
    if given_on is not None and not beside(patient, given_on):
        return False
    tasks = CareTask.objects.filter(patient=patient, kind=CareTask.Kind.AFTERCARE, title=BESIDE)
    last = tasks.order_by("-created_at").first()
    if last is not None and last.was_answered_within(ASK_AGAIN, now):
        return False
    source = uuid5(last.pk if last else patient.pk, "beside")
    return open_clock_task(
        patient, CareTask.Kind.AFTERCARE, source, now + ASK_WITHIN, now, title=BESIDE
    )


def end_question_beside(patient: Patient, now: datetime) -> None:
    """End the task about what is taken beside it: a plan gives it now, or it is told off."""
    overtake_tasks(
        patient_id=patient.pk, kind=CareTask.Kind.AFTERCARE, by=None, now=now, titles=[BESIDE]
    )


def end_how_it_stopped(patient: Patient, now: datetime) -> None:
    """End the task about a drug told off where the record answers it, or tells it on again."""
    if told_off_unasked(patient) is None:
        overtake_tasks(
            patient_id=patient.pk, kind=CareTask.Kind.AFTERCARE, by=None, now=now, titles=[TOLD_OFF]
        )


def ask_how_it_stopped(patient: Patient, entry: IntakeEntry, now: datetime) -> bool:
    """Open the task for a prescriber about a drug told off; the one about taking it is over."""
    end_question_beside(patient, now)
    source = uuid5(entry.pk, "told off")
    return open_clock_task(
        patient, CareTask.Kind.AFTERCARE, source, now + ASK_WITHIN, now, title=TOLD_OFF
    )
