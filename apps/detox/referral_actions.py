"""Writes of referrals and of the directory: one act, one transaction, one audit row."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.act_actions import document_act
from apps.alerts.actions import AlertTakenError, acknowledge_alert
from apps.alerts.models import Alert, AlertAct
from apps.alerts.states import AlertStatus, TransitionError
from apps.audit.actions import record
from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.task_actions import overtake_tasks
from apps.clinical.detox import ADMISSION_TOLD_WITHIN_DAYS
from apps.detox.hand_over import hand_over_of
from apps.detox.models import Facility, Referral, ReferralStep, Stay
from apps.detox.states import ReferralStatus, check_referral_transition
from apps.patients.actions import StatusError, change_status
from apps.patients.errors import FieldError
from apps.patients.models import Clinic, Patient
from apps.tapers.actions import hold_plan

SOURCE_REFERRAL: Final = "referral"
OWN_BED: Final = (
    "This is a bed of our own: a prescriber or a clinical lead takes the patient in with “Take "
    "into a bed”, and rounds begin."
)
HELD_BECAUSE: Final = "Referred to a detox unit."
# The task of each clock of a referral.
WAITING: Final = {
    ReferralStatus.SENT: CareTask.Kind.REFERRAL,
    ReferralStatus.ACCEPTED: CareTask.Kind.ARRIVAL,
}
# Somebody who needs a bed has none: as long as the level of care may wait [proposal].
DECIDE_WITHIN: Final = timedelta(hours=24)


class ReferralError(FieldError):
    """Why a patient cannot be referred or moved now; the text is for the reader."""


@transaction.atomic
def refer_patient(
    *, patient: Patient, facility: Facility, reason: str, how: str, by: User, now: datetime,
    alert: Alert | None = None, last_dose_at: datetime | None = None,
) -> Referral:  # fmt: skip
    """Hand a patient over to a unit: the document is kept as sent, the next cut is held.

    Today's dose stays, and so do reminders until the patient is in the unit: whoever waits at
    home is watched. Referral, hold, the task of its clock, the act on the alert and the audit
    row are saved together or not at all. While a referral to the same unit is live, referring
    again returns it. Raises `ReferralError` while one to another unit is.
    """
    patient = locked(patient.pk)
    live = patient.referrals.live().select_related("facility").first()
    if live is not None and live.facility_id == facility.pk:
        return live
    if live is not None:
        raise ReferralError(
            f"A referral to {live.facility} is {live.get_status_display().lower()}. Withdraw it "
            "first, with a reason."
        )
    if facility.clinic_id != patient.clinic_id or not facility.is_active:
        raise ReferralError("This unit is not in the directory any more. Choose another.")
    referral = Referral.objects.create(
        clinic_id=patient.clinic_id, patient=patient, facility=facility, alert=alert,
        reason=reason, how=how, document=hand_over_of(patient, now, last_dose_at), sent_at=now,
        sent_by=by, due_at=now + timedelta(hours=facility.answer_hours),
    )  # fmt: skip
    keep_step(referral, "", by, now)
    hold_plan(
        patient=patient, action="hold_next", rules=[], source_type=SOURCE_REFERRAL,
        source_id=referral.pk, by=by, now=now, note=HELD_BECAUSE,
    )  # fmt: skip
    start_clock(referral, now)
    if alert is not None:
        write_on_alert(alert, facility, by, now)
    return referral


def write_on_alert(alert: Alert, facility: Facility, by: User, now: datetime) -> None:
    """Take an alert that nobody has, and write the referral into it when it is the reader's."""
    try:
        if alert.status == AlertStatus.OPEN:
            alert = acknowledge_alert(alert=alert, by=by, now=now)
        document_act(
            alert=alert, kind=AlertAct.Kind.REFERRED, note=f"Referred to {facility.name}.", by=by,
            now=now,
        )  # fmt: skip
    except (AlertTakenError, TransitionError):
        return  # A colleague has it, or it is closed: the referral stands all the same.


@transaction.atomic
def move_referral(
    *, referral: Referral, to: str, note: str, by: User, now: datetime,
    admitted_at: datetime | None = None, into_bed: bool = False,
) -> Referral:  # fmt: skip
    """Write down what the unit or the patient said; the clock of the next state starts.

    Moving to where it is changes nothing. On admission the patient is in hospital, and
    reminders stop; `admitted_at` is when it was, where it is told afterwards. An admission that
    never was is withdrawn: the bed is given back, the patient is followed again and reminded, the
    hold stays, and a task asks for another unit. Raises `TransitionError`, and `ReferralError`
    for a refusal without a reason, a withdrawal of somebody of whom a round or a dose is on
    record, and for what has an act of its own: a discharge, and an admission to a bed of the
    clinic's own unless `into_bed` says that its stay begins with it.
    """
    patient = locked(referral.patient_id)
    referral = Referral.objects.select_for_update(of=("self",)).select_related("facility").get(
        pk=referral.pk
    )  # fmt: skip
    if referral.status == to:
        return referral
    if to == ReferralStatus.DISCHARGED:
        raise ReferralError("Record the discharge: it says what is still taken.")
    check_referral_transition(referral.status, to)
    if to == ReferralStatus.ADMITTED and referral.facility.is_own and not into_bed:
        raise ReferralError(OWN_BED)
    if to in (ReferralStatus.DECLINED, ReferralStatus.WITHDRAWN) and not note.strip():
        raise ReferralError("Write down why: the next person has to know.", "note")
    happened_at = admitted_at if to == ReferralStatus.ADMITTED else None
    if happened_at is not None:
        check_told_later(patient, happened_at, now)
    was_admitted = referral.status == ReferralStatus.ADMITTED
    if was_admitted:
        give_bed_back(referral)
    referral.status = to
    if to == ReferralStatus.ACCEPTED:
        referral.due_at = now + timedelta(hours=referral.facility.arrive_hours)
    else:
        referral.due_at = None
    referral.save(update_fields=["status", "due_at"])
    keep_step(referral, note.strip(), by, now, happened_at)
    start_clock(referral, now, by)
    if to == ReferralStatus.ADMITTED:
        put_in_hospital(patient, by, now)
    if was_admitted and patient.status == Patient.Status.IN_HOSPITAL:
        change_status(patient=patient, status=Patient.Status.ACTIVE, by=by, now=now)
    return referral


def put_in_hospital(patient: Patient, by: User, now: datetime) -> None:
    """Mark the patient as in hospital; raise `ReferralError` for who died, by the record."""
    try:
        change_status(patient=patient, status=Patient.Status.IN_HOSPITAL, by=by, now=now)
    except StatusError as error:
        raise ReferralError(str(error)) from error


def check_told_later(patient: Patient, admitted_at: datetime, now: datetime) -> None:
    """Raise `ReferralError` for a moment at which the patient cannot have been admitted."""
    last = patient.discharges.order_by("-discharged_at").first()
    if admitted_at > now:
        raise ReferralError("This moment has not come yet.", "admitted_at")
    if admitted_at < now - timedelta(days=ADMISSION_TOLD_WITHIN_DAYS):
        raise ReferralError(
            f"This is more than {ADMISSION_TOLD_WITHIN_DAYS} days ago. Look at the day again.",
            "admitted_at",
        )
    if last is not None and admitted_at < last.discharged_at:
        raise ReferralError("This is before the last discharge on record.", "admitted_at")


def give_bed_back(referral: Referral) -> None:
    """End the stay of a patient who never was in the bed; raises `ReferralError` if they were."""
    stay = Stay.objects.filter(referral=referral).first()
    if stay is None:
        return
    if stay.rounds.exists() or stay.doses.exists():
        raise ReferralError(
            "Rounds or doses of this stay are on record: the patient was there. Record the "
            "discharge."
        )
    stay.status, stay.next_round_at = Stay.Status.WITHDRAWN, None
    stay.save(update_fields=["status", "next_round_at"])


def start_clock(referral: Referral, now: datetime, by: User | None = None) -> None:
    """End the task of the clock before and open that of the one that runs now, if one does.

    A referral that came to nothing leaves a task: somebody who needs a bed still has none.
    """
    for kind in (*WAITING.values(), CareTask.Kind.NO_UNIT):
        overtake_tasks(patient_id=referral.patient_id, kind=kind, by=by, now=now)
    if referral.status in (ReferralStatus.DECLINED, ReferralStatus.WITHDRAWN):
        due = now + DECIDE_WITHIN
        open_clock_task(referral.patient, CareTask.Kind.NO_UNIT, clock_id(referral), due, now)
    waiting = WAITING.get(ReferralStatus(referral.status))
    if waiting is not None and referral.due_at is not None:
        open_clock_task(referral.patient, waiting, clock_id(referral), referral.due_at, now)


def clock_id(referral: Referral) -> UUID:
    """Return what the clock of a referral's present state stands for."""
    return uuid5(referral.pk, referral.status)


def locked(patient_id: UUID) -> Patient:
    """Return the patient, locked until the end of the transaction."""
    rows = Patient.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("clinic", "risk", "medication").get(pk=patient_id)


def keep_step(
    referral: Referral, note: str, by: User, now: datetime, happened_at: datetime | None = None
) -> None:
    """Append the step and its audit row; part of the caller's transaction."""
    ReferralStep.objects.create(
        clinic_id=referral.clinic_id, referral=referral, at=now, by=by, status=referral.status,
        note=note, happened_at=happened_at,
    )  # fmt: skip
    told_later = {"happened_at": happened_at.isoformat()} if happened_at else {}
    record(
        f"referral.{referral.status}", by=by, now=now, clinic_id=referral.clinic_id,
        patient_id=referral.patient_id, obj=referral, facility=str(referral.facility_id),
        **told_later,
    )  # fmt: skip


def note_document_taken(*, referral: Referral, form: str, by: User, now: datetime) -> None:
    """Write down who took the hand-over, and as what."""
    record(
        "referral.document_taken", by=by, now=now, clinic_id=referral.clinic_id,
        patient_id=referral.patient_id, obj=referral, form=form,
    )  # fmt: skip


@transaction.atomic
def save_facility(
    *, clinic: Clinic, facility: Facility | None, values: dict[str, Any], by: User, now: datetime
) -> Facility:
    """Add a unit to the directory or change one. One preferred unit at most: the last one said.

    Saving the same again changes nothing. Raises `ReferralError` for a name that is there.
    """
    Clinic.objects.select_for_update().get(pk=clinic.pk)
    same = Facility.objects.filter(clinic=clinic, name=values["name"])
    if facility is not None:
        same = same.exclude(pk=facility.pk)
    existing = same.first()
    if existing is not None:
        if facility is None and all(getattr(existing, k) == v for k, v in values.items()):
            return existing
        raise ReferralError("There is a unit of this name already.")
    row = facility or Facility(clinic=clinic)
    if facility is not None and all(getattr(row, k) == v for k, v in values.items()):
        return row
    for name, value in values.items():
        setattr(row, name, value)
    if row.is_preferred:
        Facility.objects.filter(clinic=clinic).exclude(pk=row.pk).update(is_preferred=False)
    row.save()
    record("facility.saved", by=by, now=now, clinic_id=clinic.pk, obj=row, is_active=row.is_active)
    return row
