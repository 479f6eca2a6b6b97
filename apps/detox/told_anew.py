"""What the intake is told anew around the last dose: a dose again, a drug told off. Reads only.

Both are words of a person that no plan knows. The first may be use that began again; the second
says that a drug was stopped, and not how (ASAM-03).
"""

from datetime import datetime
from typing import Final

from apps.checkins.models import CareTask
from apps.checkins.task_ends import TOLD_OFF
from apps.clinical.drugs import get_drug
from apps.detox.leaving import (
    drugs_of,
    given_on_by,
    medicine_entries,
    newest_plan,
    none_said_at,
    some_still_taken,
)
from apps.patients.intake_words import TAPERED, is_further
from apps.patients.models import IntakeEntry, Patient
from apps.tapers.models import TaperPlan
from apps.tapers.taken import Known, taken_without_plan

TAKEN_BY_INTAKE: Final = (
    "The intake was told a dose after the last one. Make a plan for it, or record under "
    "“Aftercare” what is taken: nobody may be left to stop at once (ASAM-03)."
)
TAKEN_SINCE_PLAN: Final = (
    "The intake was told a dose since the last plan ended. Make a plan for it, or record under "
    "“Care” which doctor gives it on: nobody may be left to stop at once (ASAM-03)."
)
HOW_WAS_IT_STOPPED: Final = (
    "Another benzodiazepine or Z-drug was told off the intake. A prescriber first writes on its "
    "task how it was stopped: nobody may be left to stop at once (ASAM-03)."
)


def dose_told_again(patient: Patient) -> IntakeEntry | None:
    """Return the entry by which the intake tells a dose newer than the last dose on record.

    None when a record of what is taken, or a unit, has answered it since.
    """
    last = patient.last_dose_on
    anew = patient.intake_entries.filter(taken_before__isnull=False).order_by("-number")
    entry: IntakeEntry | None = anew.first() if last is not None else None
    if entry is None or last is None or entry.saved_at.astimezone(patient.tz).date() <= last:
        return None
    restart = patient.restarts.first()
    said = [restart.recorded_at if restart else None, none_said_at(patient)]
    return None if any(each and each >= entry.saved_at for each in said) else entry


def told_off_unasked(patient: Patient) -> IntakeEntry | None:
    """Return the oldest entry that told a drug off of which no prescriber said how it was stopped.

    Not one that a plan tapered, nor one that became the drug to be tapered, or is told on again:
    that is taken. Of each drug the last time it was told off counts.
    """
    plans = patient.plans.filter(activated_at__isnull=False).select_related("in_force")
    tapered = {drug for plan in plans if plan.in_force for drug in drugs_of(plan)}
    taken = {row.drug_id for row in (patient.medication, *patient.further_medicines.all())}
    names = {name_of(drug) for drug in tapered | taken}
    last: dict[str, IntakeEntry] = {}
    for entry in medicine_entries(patient):
        for name in told_off(entry) - names:
            last.setdefault(name, entry)
    if not last:
        return None
    said = none_said_at(patient)
    waiting = {
        entry.number: entry for entry in last.values() if not (said and said >= entry.saved_at)
    }
    return first_unanswered(patient, [waiting[number] for number in sorted(waiting)])


def name_of(drug_id: str) -> str:
    """Return a drug as the history of the intake names it."""
    drug = get_drug(drug_id)
    return f"{drug.name} ({drug.formulation})"


def told_off(entry: IntakeEntry) -> set[str]:
    """Return the names of the further drugs that an entry of the history took off the intake."""
    rows = [row for row in entry.changes if is_further(row[0])]
    still = {after.partition(": ")[0] for label, _, after in entry.changes if is_still(label)}
    return {before.partition(": ")[0] for _, before, _ in rows if before} - still


def is_still(label: str) -> bool:
    """Answer whether a field names a drug that is taken."""
    return is_further(label) or label == TAPERED


def first_unanswered(patient: Patient, entries: list[IntakeEntry]) -> IntakeEntry | None:
    """Return the first of these entries of which no prescriber wrote how the drug was stopped.

    A task answers for one save of the intake, never for one later than the task itself: what is
    written of one drug says nothing of another.
    """
    tasks = CareTask.objects.filter(
        patient=patient, kind=CareTask.Kind.AFTERCARE, title=TOLD_OFF,
        outcome=CareTask.Outcome.OTHER,
    )  # fmt: skip
    answers = list(tasks.order_by("created_at").values_list("created_at", flat=True))
    for entry in entries:
        answer = next((at for at in answers if at >= entry.saved_at), None)
        if answer is None:
            return entry
        answers.remove(answer)
    return None


def told_anew(patient: Patient, now: datetime) -> str:
    """Return why the clinic may not stop following a patient: the intake's word is not settled.

    A guard of leaving (ADR 8). Whom the clinic never tapered it leaves as they came.
    """
    if dose_told_again(patient) is not None:
        return TAKEN_BY_INTAKE
    if is_told_since_plan(patient) and given_on_by(patient, now) is None:
        return TAKEN_SINCE_PLAN
    if newest_plan(patient) is not None and told_off_unasked(patient) is not None:
        return HOW_WAS_IT_STOPPED
    return ""


def is_told_since_plan(patient: Patient) -> bool:
    """Answer whether the intake's dose is the newest word of what is taken, after a plan ended.

    No last dose is on record then, whatever that plan ended at.
    """
    plan = newest_plan(patient)
    if plan is None or plan.status != TaperPlan.Status.ENDED or patient.last_dose_on is not None:
        return False
    taken = taken_without_plan(patient)
    return taken.known == Known.INTAKE and any((taken.by_drug or {}).values())


def why_not_left(patient: Patient, now: datetime) -> str:
    """Return why a patient may not be left: some is taken that no plan tapers, or may be."""
    return some_still_taken(patient, now) or told_anew(patient, now)
