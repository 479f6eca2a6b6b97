"""What is still taken where no plan gives it, and why such a patient may not be left. Reads only.

A plan lowers one drug at a time (NICE-07). What else the intake tells is taken until a person says
otherwise: it is not over with the last dose of that plan.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Max

from apps.clinical.drugs import get_drug
from apps.detox.guards import (
    NO_SECOND,
    discharge_says_none,
    left_in_hospital,
    planned_since,
)
from apps.detox.models import Discharge, GivenOn, Restart
from apps.patients.intake_words import dose_words, is_further, tells_of_dose
from apps.patients.models import IntakeEntry, Patient, Section, StopDecision
from apps.patients.models.medicine import SlotDoses
from apps.tapers.models import PlanVersion, TaperPlan
from apps.tapers.taken import from_plan_left

AGREED_FOR: Final = timedelta(days=30)  # [proposal] as for the level of care
STILL_BESIDE = (
    "By the intake {} is still taken. Make a plan for it first, write on the intake that it is not "
    "taken any more, or record under “Care” which doctor gives it on: nobody may be left to stop "
    "at once (ASAM-03)."
)
SOME_LEFT = (
    "At discharge the patient still took {}, and no plan was made of it. Make a plan for the rest "
    "first, or record under “Care” which doctor gives it on: nobody may be left to stop at once "
    "(ASAM-03)."
)
PLAN_LEFT_SOME = (
    "The plan that ended left the patient on {} a day. Make a plan for the rest first, or record "
    "under “Care” which doctor gives it on: nobody may be left to stop at once (ASAM-03)."
)
TAKEN_AGAIN = (
    "Some is taken again: {}. Make a plan for it first, record under “Aftercare” that it ended, or "
    "under “Care” which doctor gives it on: nobody may be left to stop at once (ASAM-03)."
)


def taken_beside(patient: Patient, plan: TaperPlan | None) -> list[SlotDoses]:
    """Return what the intake tells as taken that `plan` does not give; often nothing.

    The further benzodiazepines and Z-drugs, and the drug to be tapered where the plan, now at
    nothing, was another's. Nothing when a person has said since that nothing is taken at all: a
    unit at discharge, or when use that began again ended.
    """
    rows: list[SlotDoses] = list(patient.further_medicines.all())
    if plan is not None and plan.in_force and patient.medication.drug_id not in drugs_of(plan):
        rows.insert(0, patient.medication)
    return [] if rows and none_said_since_told(patient) else rows


def none_said_since_told(patient: Patient) -> datetime | None:
    """Return when it was said that nothing at all is taken, None if the intake is newer."""
    said = none_said_at(patient)
    return said if said is not None and said >= medicine_told_at(patient) else None


def drugs_of(plan: TaperPlan) -> set[str]:
    """Return every drug that a plan in force gives or gave, both of a switch."""
    version: PlanVersion = plan.version
    steps = version.steps.prefetch_related("pieces").select_related("version")
    return {version.drug_id, *(drug for step in steps for drug in step.by_drug)}


def none_said_at(patient: Patient) -> datetime | None:
    """Return when somebody last said that nothing at all is taken any more, None for never."""
    homes = patient.discharges.filter(left=Discharge.Left.NONE).select_related("second")
    said = [
        home.second.signed_at if home.needs_second else home.recorded_at
        for home in homes
        if home.is_none_settled
    ]
    ended = patient.restarts.filter(agreed=Restart.Next.STOP_AGAIN)
    return max([*said, *ended.values_list("recorded_at", flat=True)], default=None)


def going_on(patient: Patient, until: datetime | None = None) -> list[Restart]:
    """Return the restarts by which some is taken, the newest first; none after the last dose.

    All since the last dose on record and the last plan; `until`: a plan put in force since then
    takes none of them away yet. A restart that is lower than the one before it is no new use.
    """
    if patient.last_dose_on is not None:
        return []
    plans = patient.plans.filter(activated_at__isnull=False)
    if until is not None:
        plans = plans.filter(activated_at__lte=until)
    stops = patient.stop_decisions.filter(kind=StopDecision.Kind.STOP)
    over = [
        none_said_at(patient),
        plans.order_by("-activated_at").values_list("activated_at", flat=True).first(),
        stops.values_list("decided_at", flat=True).first(),
    ]
    ended = max((moment for moment in over if moment is not None), default=None)
    rows = patient.restarts.filter(last_dose_on__isnull=True)
    return list(rows.filter(recorded_at__gt=ended) if ended is not None else rows)


def medicine_entries(patient: Patient) -> list[IntakeEntry]:
    """Return each change of what the intake says is taken, the newest first."""
    entries = patient.intake_entries.filter(section=Section.MEDICINE).order_by("-number")
    return [each for each in entries if any(tells_of_dose(*row) for row in each.changes)]


def medicine_told_at(patient: Patient) -> datetime:
    """Return when the intake last said what is taken."""
    entries = medicine_entries(patient)
    return entries[0].saved_at if entries else patient.registered_at


def further_told_at(patient: Patient) -> datetime | None:
    """Return when the intake last changed a drug beside the one to be tapered, None for never."""
    found = (e for e in medicine_entries(patient) if any(is_further(row[0]) for row in e.changes))
    return next((entry.saved_at for entry in found), None)


def words_of(rows: list[SlotDoses]) -> str:
    """Return drugs and doses in words."""
    return "; ".join(dose_words(each) for each in rows)


def newest_plan(patient: Patient) -> TaperPlan | None:
    """Return the plan that is in force or was last, None for somebody who never had one."""
    plans = patient.plans.filter(activated_at__isnull=False).select_related("in_force")
    newest: TaperPlan | None = plans.order_by("-activated_at").first()
    return newest


def some_still_taken(patient: Patient, now: datetime) -> str:
    """Return why the clinic may not stop following a patient: some is taken that no plan tapers.

    A guard of leaving (ADR 8). Left for a hospital, home from it with some, taken again, a plan
    that ended at a dose, or a second drug of the intake beside the plan. Nothing when another
    doctor gives on what is taken; a second drug they must have named.
    """
    given_on = given_on_by(patient, now)
    if given_on is not None:
        return beside(patient, given_on)
    return next(iter(all_still_taken(patient)), "")


def all_still_taken(patient: Patient) -> list[str]:
    """Return each reason why some is taken that no plan tapers, whoever gives it on."""
    found = (
        in_hospital_or_home(patient), again(patient), left_at_a_dose(patient), beside(patient)
    )  # fmt: skip
    return [reason for reason in found if reason]


def given_on_by(patient: Patient, now: datetime) -> GivenOn | None:
    """Return who gives on what is taken, None when nobody agreed to, or something newer is known.

    A plan, a unit, use that began again or an intake told anew takes the agreement away, when it
    was told after the signature or is of a day after the doctor's yes; so do 30 days [proposal]:
    a doctor's yes is of the dose of that day.
    """
    row: GivenOn | None = patient.given_on.first()
    if row is None or patient.last_dose_on is not None or is_with_a_unit(patient):
        return None
    if now.astimezone(patient.tz).date() - row.agreed_on > AGREED_FOR:
        return None
    if medicine_told_at(patient) > row.recorded_at:
        return None
    told = changed_at(patient)
    is_older = told is not None and (
        told > row.recorded_at or told.astimezone(patient.tz).date() > row.agreed_on
    )
    return None if is_older else row


def changed_at(patient: Patient) -> datetime | None:
    """Return when what is taken last changed by the record, None when never since registration."""
    plans = patient.plans.aggregate(begun=Max("activated_at"), left=Max("left_at"))
    entries = medicine_entries(patient)
    said = [
        *plans.values(),
        entries[0].saved_at if entries else None,
        *(rows.values_list("recorded_at", flat=True).order_by("-recorded_at").first()
          for rows in (patient.discharges, patient.restarts)),
    ]  # fmt: skip
    return max((at for at in said if at is not None), default=None)


def is_with_a_unit(patient: Patient) -> bool:
    """Answer whether a unit has the patient, or its word waits for a second signature."""
    home = patient.discharges.order_by("-recorded_at").first()
    if patient.status == Patient.Status.IN_HOSPITAL or (home is not None and home.awaits_second):
        return True
    plan = left_in_hospital(patient)
    left_at = plan.left_at if plan is not None else None
    return left_at is not None and (home is None or home.recorded_at < left_at)


def in_hospital_or_home(patient: Patient) -> str:
    """Return the same of somebody whom a unit has, or sent home with some left."""
    plan = left_in_hospital(patient)
    if plan is not None:
        return discharge_says_none(plan)
    home = patient.discharges.order_by("-recorded_at").first()
    if home is not None and home.awaits_second:
        return NO_SECOND
    some = with_some_left(patient) if patient.last_dose_on is None else None
    return SOME_LEFT.format(some.taken) if some is not None else ""


def with_some_left(patient: Patient, until: datetime | None = None) -> Discharge | None:
    """Return the last discharge, where some was left by it and neither ended nor planned since.

    "None" after a short stay is no word until a second prescriber has signed. `until`: a plan put
    in force since then takes its place not yet.
    """
    home: Discharge | None = patient.discharges.order_by("-recorded_at").first()
    if home is None or home.is_none_settled:
        return None
    said = none_said_at(patient)
    if said is not None and said > home.recorded_at:
        return None
    return None if planned_since(patient, home.recorded_at, until) else home


def again(patient: Patient) -> str:
    """Return the same of somebody who takes some again and is on no plan.

    An intake told anew does not end it: only the record of a restart says that it ended.
    """
    taken_again = going_on(patient)
    has_plan = TaperPlan.objects.active().filter(patient=patient).exists()
    if not taken_again or has_plan:
        return ""
    return TAKEN_AGAIN.format(taken_again[0].taken.rstrip("."))


def left_at_a_dose(patient: Patient) -> str:
    """Return the same of somebody whose last plan ended while it gave some: a stop at a dose.

    Nothing on record says who gives that dose from then on. An intake told anew does not end it.
    """
    plan = newest_plan(patient)
    ended = plan is not None and plan.status == TaperPlan.Status.ENDED
    if not ended or patient.last_dose_on is not None:
        return ""
    said = none_said_at(patient)
    for left_at, taken in from_plan_left(patient):
        if taken.by_drug and (said is None or said < left_at):
            return PLAN_LEFT_SOME.format(taken.words)
    return ""


def beside(patient: Patient, given_on: GivenOn | None = None) -> str:
    """Return the same of somebody with another drug beside the one that a plan tapered.

    Whom the clinic never tapered it leaves as they came. Not of a drug that `given_on` names.
    """
    plan = newest_plan(patient)
    rows = taken_beside(patient, plan) if plan is not None else []
    if given_on is not None:
        rows = [row for row in rows if not is_named(row.drug_id, given_on.taken)]
    return STILL_BESIDE.format(words_of(rows)) if rows else ""


def is_named(drug_id: str, text: str) -> bool:
    """Answer whether a text names a drug, by its own name or a brand's, without salt and form."""
    drug = get_drug(drug_id)
    names = (name.split()[0].casefold() for name in (drug.name, *drug.brands))
    return any(name in text.casefold() for name in names)
