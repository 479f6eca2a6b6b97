"""The writes of a stop that the patient made alone: a past fact, under one name or two.

Nothing is stopped here. What is written down is over: the asking ends, and the year after begins
from that day, with daily check-ins where the stop is recent.
"""

from datetime import date, datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.task_actions import overtake_tasks
from apps.checkins.task_ends import ALONE_UNSIGNED, OF_ANOTHER_DRUG
from apps.detox.aftercare_clocks import RESTART
from apps.detox.discharge_actions import SIGN_WITHIN
from apps.detox.models import OwnStop, OwnStopSignature
from apps.detox.own_stops import (
    OwnStopError,
    awaiting_second,
    check_own_stop,
    watched_until,
    why_two_names,
)
from apps.detox.referral_actions import locked
from apps.detox.restart_actions import QUESTIONS
from apps.patients.models import Patient
from apps.tapers.leaving_actions import leave_plans

STOPPED_ALONE = "The patient stopped alone; a past fact (ADR 92)."


@transaction.atomic
def record_own_stop(
    *, patient: Patient, last_dose_on: date, known_by: str, said_on: date, told: str,
    signed_with: str, by: User, now: datetime,
) -> OwnStop:  # fmt: skip
    """Keep that none at all is taken since a day that is over, by the patient's own doing.

    With one name enough it is settled: the last dose has its day, plans end, the tasks that ask
    about what is taken are done, and the year after begins. Else nothing of that happens until
    `sign_own_stop`; a task calls for it. Where the stop is recent the patient is asked every day
    at once, signed or not. Row, patient, plans, tasks and audit row are saved together or not at
    all; the same by the same person twice is once. Raises `OwnStopError` for a day that is not
    over, for one on which some was taken for certain, and while a unit has the patient.
    """
    patient = locked(patient.pk)
    content: dict[str, Any] = {
        "last_dose_on": last_dose_on, "known_by": known_by, "said_on": said_on,
        "told": told.strip(),
    }  # fmt: skip
    newest = patient.own_stops.select_related("second").first()
    counts = newest is not None and (
        newest == awaiting_second(patient) or patient.last_dose_on == newest.last_dose_on
    )
    if newest is not None and counts and newest in patient.own_stops.filter(
        recorded_by=by, **content
    ):  # fmt: skip
        return newest
    check_own_stop(patient, last_dose_on, said_on, now)
    because, until = why_two_names(patient, last_dose_on, now), watched_until(patient, last_dose_on)
    is_recent = now.astimezone(patient.tz).date() <= until
    row = OwnStop.objects.create(
        clinic_id=patient.clinic_id, patient=patient, recorded_at=now, recorded_by=by,
        signed_with=signed_with, needs_second=bool(because), because=because,
        daily_until=until if is_recent else None, **content,
    )  # fmt: skip
    if is_recent:
        patient.daily_until = max(until, patient.daily_until or until)
        patient.save(update_fields=["daily_until"])
    end_call_for_second(patient, by, now)
    if row.needs_second:
        open_clock_task(
            patient, CareTask.Kind.SECOND, row.pk, now + SIGN_WITHIN, now, title=ALONE_UNSIGNED
        )
    else:
        settle(patient, row, by, now)
    record(
        "own_stop.recorded", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=row, needs_second=row.needs_second,
    )  # fmt: skip
    return row


@transaction.atomic
def sign_own_stop(
    *, own_stop: OwnStop, reason: str, signed_with: str, by: User, now: datetime
) -> OwnStopSignature:
    """Sign as a second prescriber that the patient stopped alone: from now on it is settled.

    Signature, patient, plans, tasks and audit row are saved together or not at all; signing again
    is once. Raises `OwnStopError` for the person who recorded it, and for a record that is not the
    newest word any more.
    """
    patient = locked(own_stop.patient_id)
    row = OwnStop.objects.select_related("second").get(pk=own_stop.pk)
    if row.needs_second and row.settled_at is not None and row.second.signed_by_id == by.pk:
        return row.second
    check_can_sign(row, patient, by, now)
    if not reason.strip():
        raise OwnStopError("Write why you agree: it is kept with your name.", "reason")
    signature = OwnStopSignature.objects.create(
        clinic_id=row.clinic_id, own_stop=row, reason=reason.strip(), signed_by=by,
        signed_with=signed_with, signed_at=now,
    )  # fmt: skip
    end_call_for_second(patient, by, now)
    settle(patient, row, by, now)
    record(
        "own_stop.signed", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=row,
    )  # fmt: skip
    return signature


def check_can_sign(row: OwnStop, patient: Patient, by: User, now: datetime) -> None:
    """Raise `OwnStopError` with what stands in the way of a second signature."""
    if row != awaiting_second(patient):
        raise OwnStopError("Something newer says what is taken, or it is signed already.")
    if row.recorded_by_id == by.pk:
        raise OwnStopError("The second signature must be another prescriber's.")
    check_own_stop(patient, row.last_dose_on, row.said_on, now)


def settle(patient: Patient, row: OwnStop, by: User, now: datetime) -> None:
    """Give the last dose its day and end what asks about a dose; part of the caller's act.

    Not "the patient is silent": somebody must hear them, whatever was said.
    """
    patient.last_dose_on = row.last_dose_on
    patient.save(update_fields=["last_dose_on"])
    leave_plans(
        patient=patient, is_over=True, reason=STOPPED_ALONE, by=by, now=now, because="own_stop"
    )
    overtake_tasks(patient_id=patient.pk, kind=CareTask.Kind.NEW_PLAN, by=by, now=now)
    overtake_tasks(
        patient_id=patient.pk, kind=CareTask.Kind.AFTERCARE, by=by, now=now,
        titles=[*QUESTIONS, *OF_ANOTHER_DRUG, RESTART],
    )  # fmt: skip


def end_call_for_second(patient: Patient, by: User | None, now: datetime) -> None:
    """End the task that calls for the second name under such a stop."""
    overtake_tasks(
        patient_id=patient.pk, kind=CareTask.Kind.SECOND, by=by, now=now, titles=[ALONE_UNSIGNED]
    )
