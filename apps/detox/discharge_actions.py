"""The writes that bring a patient home from a unit, with all that has to follow."""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import uuid5

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.task_actions import overtake_tasks
from apps.clinical.adjuncts import is_benzodiazepine
from apps.clinical.detox import (
    CONTACT_WITHIN_HOURS,
    DAILY_CHECK_IN_DAYS,
    LAST_DOSE_BEFORE_ADMISSION_DAYS,
    is_short_stay,
)
from apps.detox.guards import NONE_UNSIGNED
from apps.detox.models import (
    Discharge,
    DischargeSignature,
    DoseRecord,
    Referral,
    ReferralStep,
    Stay,
)
from apps.detox.referral_actions import keep_step, locked
from apps.detox.states import ReferralStatus, check_referral_transition
from apps.patients.actions import StatusError, change_status
from apps.patients.errors import FieldError
from apps.patients.models import Patient
from apps.tapers.leaving_actions import leave_plans
from apps.tapers.models import TaperPlan
from apps.tapers.taken import taken_without_plan
from apps.tapers.today import midnight

LEFT_BECAUSE: Final = "Discharged from a detox unit."
SAY_WHY: Final = (
    "After less than 72 hours in a unit this is a stop at once (ASAM-03). Write why it is right; a "
    "second prescriber has to sign it."
)
SIGN_WITHIN: Final = timedelta(hours=4)  # [proposal]


class DischargeError(FieldError):
    """Why this discharge cannot be; the text is for the reader."""


@transaction.atomic
def discharge_patient(
    *, referral: Referral, discharged_at: datetime, left: str, taken: str,
    last_dose_on: date | None, summary: str, by: User, now: datetime, short_because: str = "",
) -> Discharge:  # fmt: skip
    """Record that a patient is home: followed again, asked every day for 14 days, called in 72 h.

    Discharge, referral, stay, status, tasks and audit row are saved together or not at all;
    recording again returns the first. What is left to taper opens a task: a prescriber makes
    a version or a plan of it. "None any more" after a short stay needs `short_because`, ends no
    plan and sets no last dose until `sign_discharge`; a task calls for it. Raises
    `DischargeError`, and `TransitionError` for a referral that was never admitted.
    Sources: INP-09 [proposal], ASAM-03.
    """
    patient = locked(referral.patient_id)
    existing = Discharge.objects.filter(referral=referral).first()
    if existing is not None:
        return existing
    referral = Referral.objects.select_for_update(of=("self",)).select_related("facility").get(
        pk=referral.pk
    )  # fmt: skip
    check_referral_transition(referral.status, ReferralStatus.DISCHARGED)
    admitted = check_times(referral, discharged_at, left, last_dose_on, now)
    # An admission told afterwards is one hand's word, too: the telling counts as well.
    is_short = left == Discharge.Left.NONE and (
        is_short_stay(admitted.since, discharged_at) or is_short_stay(admitted.at, now)
    )
    if is_short and not short_because.strip():
        raise DischargeError(SAY_WHY, "short_because")
    row = Discharge.objects.create(
        clinic_id=patient.clinic_id, patient=patient, referral=referral, left=left, taken=taken,
        last_dose_on=last_dose_on, summary=summary, discharged_at=discharged_at, recorded_at=now,
        recorded_by=by, contact_by=discharged_at + timedelta(hours=CONTACT_WITHIN_HOURS),
        daily_until=discharged_at.astimezone(patient.tz).date()
        + timedelta(days=DAILY_CHECK_IN_DAYS),
        needs_second=is_short, short_because=short_because.strip() if is_short else "",
    )  # fmt: skip
    referral.status = ReferralStatus.DISCHARGED
    referral.save(update_fields=["status"])
    keep_step(referral, "", by, now)
    Stay.objects.filter(referral=referral).update(status="discharged", next_round_at=None)
    follow_again(patient, row, by, now)
    record(
        "patient.discharged", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=row, left=str(left), needs_second=is_short,
    )  # fmt: skip
    return row


def check_times(
    referral: Referral, discharged_at: datetime, left: str, last_dose_on: date | None, now: datetime
) -> ReferralStep:
    """Return the admission; raise `DischargeError` for moments that cannot be."""
    if discharged_at > now:
        raise DischargeError("This moment has not come yet.", "discharged_at")
    admitted = referral.steps.filter(status=ReferralStatus.ADMITTED).latest("at")
    if discharged_at < admitted.since:
        raise DischargeError("This is before the patient was admitted.", "discharged_at")
    day = discharged_at.astimezone(referral.patient.tz).date()
    if left == Discharge.Left.NONE and last_dose_on is not None:
        if last_dose_on > day:
            raise DischargeError("The last dose was not after the discharge.", "last_dose_on")
        check_not_too_early(referral, admitted, last_dose_on)
    return admitted


def check_not_too_early(referral: Referral, admitted: ReferralStep, last_dose_on: date) -> None:
    """Raise `DischargeError` for a last dose before one that the stay's record has, or long ago.

    Only a benzodiazepine by name counts of the doses given: phenobarbital goes on after it. Days
    before the admission: [proposal], and never later than the last dose known before.
    """
    patient = referral.patient
    given = DoseRecord.objects.filter(
        stay__referral=referral, kind=DoseRecord.Kind.GIVEN, corrected_by__isnull=True,
        at__gte=midnight(last_dose_on + timedelta(days=1), patient.tz),
    )  # fmt: skip
    later = next((row for row in given.order_by("-at") if is_benzodiazepine(row.medicine)), None)
    if later is not None:
        at = later.at.astimezone(patient.tz)
        raise DischargeError(
            f"The record of the stay has {later.medicine} given on {at.day} {at:%b %Y}: the last "
            "dose was not before that.", "last_dose_on",
        )  # fmt: skip
    admitted_on = admitted.since.astimezone(patient.tz).date()
    earliest = admitted_on - timedelta(days=LAST_DOSE_BEFORE_ADMISSION_DAYS)
    if last_dose_on < min(earliest, patient.last_dose_on or earliest):
        raise DischargeError(
            f"This is more than {LAST_DOSE_BEFORE_ADMISSION_DAYS} days before the admission of "
            f"{admitted_on.day} {admitted_on:%b %Y}. Look at the month and the year.",
            "last_dose_on",
        )  # fmt: skip


def follow_again(patient: Patient, row: Discharge, by: User, now: datetime) -> None:
    """Make the patient active, ask every day, and open the tasks; part of the caller's act.

    The plan of before is left: the dose it gives is not the one of today. A contact or a plan
    that an earlier discharge still asks for is asked for by this one.
    """
    try:
        change_status(patient=patient, status=Patient.Status.ACTIVE, by=by, now=now)
    except StatusError as error:
        raise DischargeError(str(error)) from error
    # Told late, it shortens no daily contact that a clinician decided on since.
    patient.daily_until = max(row.daily_until, patient.daily_until or row.daily_until)
    patient.last_dose_on = None if row.needs_second else row.last_dose_on
    patient.save(update_fields=["daily_until", "last_dose_on"])
    is_over = row.left == Discharge.Left.NONE and not row.needs_second
    leave_plans(patient=patient, is_over=is_over, reason=LEFT_BECAUSE, by=by, now=now)
    kinds = CareTask.Kind
    for kind in (kinds.CONTACT, kinds.NEW_PLAN, kinds.SECOND):
        overtake_tasks(patient_id=patient.pk, kind=kind, by=by, now=now)
    open_clock_task(patient, kinds.CONTACT, uuid5(row.pk, "contact"), row.contact_by, now)
    if row.left == Discharge.Left.SOME:
        open_clock_task(patient, kinds.NEW_PLAN, uuid5(row.pk, "plan"), row.contact_by, now)
    if row.needs_second:
        open_clock_task(patient, kinds.SECOND, uuid5(row.pk, "second"), now + SIGN_WITHIN, now)


@transaction.atomic
def sign_discharge(
    *, discharge: Discharge, reason: str, signed_with: str, by: User, now: datetime
) -> DischargeSignature:
    """Sign as a second prescriber that none is taken any more after a short stay.

    From now on that is settled: the last dose has its day, the plan of before ends and the task
    is done. Signature, plans, task and audit row are saved together or not at all; signing again
    is once. Raises `DischargeError` for the person who recorded the discharge and for one that
    is not the patient's newest word any more. Source: ASAM-03.
    """
    patient = locked(discharge.patient_id)
    row = Discharge.objects.select_related("second").get(pk=discharge.pk)
    if row.needs_second and not row.awaits_second and row.second.signed_by_id == by.pk:
        return row.second
    check_can_sign(row, patient, by)
    if not reason.strip():
        raise DischargeError("Write why you agree: it is kept with your name.", "reason")
    signature = DischargeSignature.objects.create(
        clinic_id=row.clinic_id, discharge=row, reason=reason.strip(), signed_by=by,
        signed_with=signed_with, signed_at=now,
    )  # fmt: skip
    patient.last_dose_on = row.last_dose_on
    patient.save(update_fields=["last_dose_on"])
    leave_plans(patient=patient, is_over=True, reason=LEFT_BECAUSE, by=by, now=now)
    overtake_tasks(patient_id=patient.pk, kind=CareTask.Kind.SECOND, by=by, now=now)
    record(
        "patient.discharge_signed", by=by, now=now, clinic_id=patient.clinic_id,
        patient_id=patient.pk, obj=row,
    )  # fmt: skip
    return signature


def check_can_sign(row: Discharge, patient: Patient, by: User) -> None:
    """Raise `DischargeError` with what stands in the way of a second signature."""
    if not row.awaits_second:
        raise DischargeError("This discharge does not wait for a second signature.")
    if row.recorded_by_id == by.pk:
        raise DischargeError("The second signature must be another prescriber's.")
    has_plan = patient.plans.filter(status=TaperPlan.Status.ACTIVE).exists()
    if has_plan or taken_without_plan(patient).words != NONE_UNSIGNED:
        raise DischargeError(
            "Something newer says what is taken: a plan, the intake, another stay."
        )
