"""The one write that brings a patient home from a unit, with all that has to follow it."""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import uuid5

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.task_actions import overtake_tasks
from apps.clinical.detox import CONTACT_WITHIN_HOURS, DAILY_CHECK_IN_DAYS
from apps.detox.models import Discharge, Referral, Stay
from apps.detox.referral_actions import keep_step, locked
from apps.detox.states import ReferralStatus, check_referral_transition
from apps.patients.actions import change_status
from apps.patients.errors import FieldError
from apps.patients.models import Patient
from apps.tapers.leaving_actions import leave_plans

LEFT_BECAUSE: Final = "Discharged from a detox unit."


class DischargeError(FieldError):
    """Why this discharge cannot be; the text is for the reader."""


@transaction.atomic
def discharge_patient(
    *, referral: Referral, discharged_at: datetime, left: str, taken: str,
    last_dose_on: date | None, summary: str, by: User, now: datetime,
) -> Discharge:  # fmt: skip
    """Record that a patient is home: followed again, asked every day for 14 days, called in 72 h.

    Discharge, referral, stay, status, tasks and audit row are saved together or not at all;
    recording again returns the first. What is left to taper opens a task: a prescriber makes
    a version or a plan of it. Raises `DischargeError`, and `TransitionError` for a referral
    that was never admitted. Sources: INP-09 [proposal].
    """
    patient = locked(referral.patient_id)
    existing = Discharge.objects.filter(referral=referral).first()
    if existing is not None:
        return existing
    referral = Referral.objects.select_for_update(of=("self",)).select_related("facility").get(
        pk=referral.pk
    )  # fmt: skip
    check_referral_transition(referral.status, ReferralStatus.DISCHARGED)
    check_times(referral, discharged_at, left, last_dose_on, now)
    row = Discharge.objects.create(
        clinic_id=patient.clinic_id, patient=patient, referral=referral, left=left, taken=taken,
        last_dose_on=last_dose_on, summary=summary, discharged_at=discharged_at, recorded_at=now,
        recorded_by=by, contact_by=discharged_at + timedelta(hours=CONTACT_WITHIN_HOURS),
        daily_until=discharged_at.astimezone(patient.tz).date()
        + timedelta(days=DAILY_CHECK_IN_DAYS),
    )  # fmt: skip
    referral.status = ReferralStatus.DISCHARGED
    referral.save(update_fields=["status"])
    keep_step(referral, "", by, now)
    Stay.objects.filter(referral=referral).update(status="discharged", next_round_at=None)
    follow_again(patient, row, by, now)
    record(
        "patient.discharged", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=row, left=str(left),
    )  # fmt: skip
    return row


def check_times(
    referral: Referral, discharged_at: datetime, left: str, last_dose_on: date | None, now: datetime
) -> None:
    """Raise `DischargeError` for moments that cannot be."""
    if discharged_at > now:
        raise DischargeError("This moment has not come yet.", "discharged_at")
    admitted = referral.steps.filter(status=ReferralStatus.ADMITTED).last()
    if admitted is not None and discharged_at < admitted.at:
        raise DischargeError("This is before the patient was admitted.", "discharged_at")
    day = discharged_at.astimezone(referral.patient.tz).date()
    if left == Discharge.Left.NONE and last_dose_on is not None and last_dose_on > day:
        raise DischargeError("The last dose was not after the discharge.", "last_dose_on")


def follow_again(patient: Patient, row: Discharge, by: User, now: datetime) -> None:
    """Make the patient active, ask every day, and open the tasks; part of the caller's act.

    The plan of before is left: the dose it gives is not the one of today. A contact or a plan
    that an earlier discharge still asks for is asked for by this one.
    """
    change_status(patient=patient, status=Patient.Status.ACTIVE, by=by, now=now)
    patient.daily_until = row.daily_until
    patient.last_dose_on = row.last_dose_on
    patient.save(update_fields=["daily_until", "last_dose_on"])
    is_over = row.left == Discharge.Left.NONE
    leave_plans(patient=patient, is_over=is_over, reason=LEFT_BECAUSE, by=by, now=now)
    kinds = CareTask.Kind
    for kind in (kinds.CONTACT, kinds.NEW_PLAN):
        overtake_tasks(patient_id=patient.pk, kind=kind, by=by, now=now)
    open_clock_task(patient, kinds.CONTACT, uuid5(row.pk, "contact"), row.contact_by, now)
    if row.left == Discharge.Left.SOME:
        open_clock_task(patient, kinds.NEW_PLAN, uuid5(row.pk, "plan"), row.contact_by, now)
