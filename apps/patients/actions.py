"""Writes about patients: one act, one transaction, one audit row."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.patients.intake_actions import SectionValues, apply_values, complete_medicine
from apps.patients.models import RISK_FLAGS, Clinic, Medication, Patient, RiskProfile
from apps.patients.review_actions import set_review_clock
from apps.patients.risk_actions import reassess

REFERENCE_DIGITS: Final = "123456789"


@transaction.atomic
def register_patient(
    *, clinic: Clinic, person: Mapping[str, Any], medication: Mapping[str, Any],
    risk: Mapping[str, Any], by: User | None, now: datetime,
    further: Sequence[Mapping[str, Any]] = (),
) -> Patient:  # fmt: skip
    """Store a patient with what they take and what is known of their risk.

    `person` holds the fields of `Patient`, `medication` and each of `further` those of
    a medicine, `risk` the answers of `RiskProfile`; one that is left out was not asked. A
    `reference` of the person must be free; without one a new number is given.
    Patient, medicines, risk profile, review clock and audit row are saved together or
    not at all. Raises `UnconfirmedDoseError` for an unusual dose nobody confirmed.
    """
    patient = Patient.objects.create(
        clinic=clinic,
        registered_by=by,
        registered_at=now,
        **{"reference": new_reference(clinic), **person},
    )
    Medication.objects.create(patient=patient, **complete_medicine(medication))
    apply_values(patient, SectionValues(further=further), by, now)
    profile = RiskProfile(patient=patient, **{flag: risk.get(flag) for flag in RISK_FLAGS})
    profile.other_medicines_asked = bool(risk.get("other_medicines_asked"))
    profile.other_medicines = risk.get("other_medicines") or ""
    reassess(patient, profile, now)
    set_review_clock(patient)
    record(
        "patient.registered",
        by=by,
        now=now,
        clinic_id=clinic.pk,
        patient_id=patient.pk,
        obj=patient,
        tier=profile.tier,
    )
    return patient


class StatusError(ValueError):
    """Why a patient may not be left; the text is for the reader."""


# Asked with a patient and the moment before the clinic stops following them: why not, or
# nothing. Apps above add theirs at start.
LeavingGuard = Callable[[Patient, datetime], str]
LEAVING_GUARDS: list[LeavingGuard] = []


def register_leaving_guard(guard: LeavingGuard) -> None:
    """Ask this guard, too, before a patient is no longer followed. Registering twice is once."""
    if guard not in LEAVING_GUARDS:
        LEAVING_GUARDS.append(guard)


# Asked with a patient and the moment before they count as anywhere but in hospital: why not.
# Whatever their status says: what a unit has on record stays when a status was a slip.
HOME_GUARDS: list[LeavingGuard] = []

NOT_DECEASED = (
    "By the record the patient died. If that was a slip, set “{}” again, as it was before; change "
    "it from there."
)


def register_home_guard(guard: LeavingGuard) -> None:
    """Ask this guard, too, before a patient is out of hospital. Registering twice is once."""
    if guard not in HOME_GUARDS:
        HOME_GUARDS.append(guard)


def why_not_status(patient: Patient, status: str, now: datetime) -> str:
    """Return why a patient's status may not become this one, nothing when it may."""
    guards: list[LeavingGuard] = []
    if patient.status == Patient.Status.DECEASED and status not in back_to(patient):
        return NOT_DECEASED.format(Patient.Status(back_to(patient)[0]).label)
    if status not in (Patient.Status.IN_HOSPITAL, Patient.Status.DECEASED):
        guards += HOME_GUARDS
    if status == Patient.Status.ENDED:
        guards += LEAVING_GUARDS
    return next((text for guard in guards if (text := guard(patient, now))), "")


def back_to(patient: Patient) -> tuple[str, ...]:
    """Return what somebody marked deceased by a slip may be again: what they were before.

    Whom the clinic did not follow it may follow, too; so it may where nothing tells what was.
    """
    status = Patient.Status
    before = patient.status_before_death or status.ACTIVE
    return (before, status.ACTIVE) if before == status.ENDED else (before,)


@transaction.atomic
def change_status(*, patient: Patient, status: str, by: User | None, now: datetime) -> Patient:
    """Say whether the clinic follows this patient now. Changing to the same changes nothing.

    Raises `StatusError` when the clinic may not stop following them yet, or a unit still has
    them. “Deceased” is always taken; back from it, a slip, leads only to the status before.
    """
    # As it is now, and locked: what two people say at once is said one after the other.
    patient.refresh_from_db(
        fields=["status", "status_before_death"],
        from_queryset=Patient.objects.select_for_update(no_key=True, of=("self",)),
    )
    if patient.status != status:
        why = why_not_status(patient, status, now)
        if why:
            raise StatusError(why)
        before, patient.status = patient.status, status
        patient.in_hospital_since = now if status == Patient.Status.IN_HOSPITAL else None
        patient.paused_since = now if status == Patient.Status.PAUSED else None
        patient.status_before_death = before if status == Patient.Status.DECEASED else ""
        since = ["in_hospital_since", "paused_since", "status_before_death"]
        patient.save(update_fields=["status", *since])
        record(
            "patient.status_changed",
            by=by,
            now=now,
            clinic_id=patient.clinic_id,
            patient_id=patient.pk,
            obj=patient,
            status=str(status),
            before=str(before),
        )
    return patient


def new_reference(clinic: Clinic) -> str:
    """Return a short number no other patient of this clinic has."""
    while True:
        reference = "".join(secrets.choice(REFERENCE_DIGITS) for _ in range(6))
        if not Patient.objects.filter(clinic=clinic, reference=reference).exists():
            return reference
