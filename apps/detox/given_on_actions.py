"""The one write of a dose that another doctor gives on: a name, a day and a signature."""

from datetime import date, datetime
from typing import Any, Final

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.checkins.models import CareTask
from apps.checkins.task_actions import overtake_tasks
from apps.checkins.task_ends import BESIDE
from apps.detox.leaving import AGREED_FOR, beside, changed_at, given_on_by, is_with_a_unit
from apps.detox.models import GivenOn
from apps.detox.referral_actions import locked
from apps.detox.restart_actions import QUESTIONS
from apps.patients.errors import FieldError
from apps.patients.models import Patient
from apps.tapers.models import TaperPlan

PLAN_GIVES: Final = "A plan of this clinic is in force. End it first: two doctors would give it."
NONE_TAKEN: Final = (
    "By the record none is taken any more. If some is, record under “Aftercare” that it is taken "
    "again first."
)
WITH_A_UNIT: Final = (
    "A unit has this patient, or its word waits for a second signature. Settle that under “Care” "
    "first."
)
NOT_YET: Final = "This day has not come yet."
OF_ANOTHER_DOSE: Final = (
    "What is taken changed after this day, by the record. Ask the other doctor again, about what "
    "is taken now."
)
TOO_OLD: Final = f"This is more than {AGREED_FOR.days} days ago. Ask the other doctor again."


class GivenOnError(FieldError):
    """What cannot be; the text is for the reader."""


@transaction.atomic
def record_given_on(
    *, patient: Patient, prescriber: str, reached_by: str, taken: str, agreed_on: date,
    agreed: str, signed_with: str, by: User, now: datetime,
) -> GivenOn:  # fmt: skip
    """Keep that another doctor agreed to give on what the patient takes; nothing is stopped.

    It settles what stands against “ended”, and the tasks that ask for a plan. Row, tasks and
    audit row are saved together or not at all; the same by the same person twice is once. Raises
    `GivenOnError` while a plan gives a dose, a unit has the patient or none is taken, and for a
    day to come, one before what is taken changed or more than 30 days ago [proposal].
    """
    patient = locked(patient.pk)
    content: dict[str, Any] = {
        "prescriber": prescriber.strip(), "reached_by": reached_by.strip(),
        "taken": taken.strip(), "agreed_on": agreed_on, "agreed": agreed.strip(),
    }  # fmt: skip
    newest = given_on_by(patient, now)
    if newest is not None and newest in patient.given_on.filter(recorded_by=by, **content):
        return newest
    check_given_on(patient, agreed_on, now)
    row = GivenOn.objects.create(
        clinic_id=patient.clinic_id, patient=patient, recorded_at=now, recorded_by=by,
        signed_with=signed_with, **content,
    )  # fmt: skip
    overtake_tasks(patient_id=patient.pk, kind=CareTask.Kind.NEW_PLAN, by=by, now=now)
    # Not "the patient is silent": somebody must hear them, whoever gives it on.
    overtake_tasks(
        patient_id=patient.pk, kind=CareTask.Kind.AFTERCARE, by=by, now=now,
        titles=[*QUESTIONS, *([] if beside(patient, row) else [BESIDE])],
    )  # fmt: skip
    record(
        "given_on.recorded", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=row,
    )  # fmt: skip
    return row


def check_given_on(patient: Patient, agreed_on: date, now: datetime) -> None:
    """Raise `GivenOnError` with what stands in the way."""
    if reason := why_nobody_gives_it_on(patient):
        raise GivenOnError(reason)
    today = now.astimezone(patient.tz).date()
    if agreed_on > today:
        raise GivenOnError(NOT_YET, "agreed_on")
    if today - agreed_on > AGREED_FOR:
        raise GivenOnError(TOO_OLD, "agreed_on")
    told = changed_at(patient)
    if told is not None and agreed_on < told.astimezone(patient.tz).date():
        raise GivenOnError(OF_ANOTHER_DOSE, "agreed_on")


def why_nobody_gives_it_on(patient: Patient) -> str:
    """Return why no other doctor can give this patient's dose on now, empty when one can."""
    if TaperPlan.objects.active().filter(patient=patient).exists():
        return PLAN_GIVES
    if is_with_a_unit(patient):
        return WITH_A_UNIT
    return NONE_TAKEN if patient.last_dose_on is not None else ""
