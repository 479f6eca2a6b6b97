"""Writes of the intake: one section saved, one entry in its history, the tier computed anew."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.clinical.dose_check import dose_questions
from apps.clinical.doses import plain
from apps.clinical.stopping import StopPath
from apps.patients.intake import stop_verdict_of
from apps.patients.intake_words import changes_between, intake_words
from apps.patients.models import (
    SLOTS,
    FurtherMedicine,
    IntakeEntry,
    Medication,
    Patient,
    PdmpCheck,
    PriorTaper,
    RiskProfile,
    StopDecision,
    usual_days,
)
from apps.patients.review_actions import set_review_clock
from apps.patients.risk_actions import months_told_on, reassess, told_on

# Told of each change of the intake, in its own transaction. Apps above add theirs at start.
IntakeListener = Callable[[Patient, IntakeEntry, User | None, datetime], None]
INTAKE_LISTENERS: list[IntakeListener] = []


def register_intake_listener(listener: IntakeListener) -> None:
    """Tell this listener, too, what an intake has changed. Registering twice is once."""
    if listener not in INTAKE_LISTENERS:
        INTAKE_LISTENERS.append(listener)


class UnconfirmedDoseError(ValueError):
    """An unusual dose that nobody said is right; the text asks for it."""


class IntakeConflictError(ValueError):
    """Somebody else saved this section since it was opened."""

    def __init__(self, entries: Sequence[IntakeEntry]) -> None:
        """Keep what the other person changed, for the page that shows the difference."""
        last = entries[0]
        super().__init__(
            f"{last.saved_by or 'Somebody'} saved this section while you worked on it. Nothing of "
            "yours is lost: compare, then save again."
        )
        self.entries = list(entries)


class StopRefusedError(ValueError):
    """Stopping without a taper is refused; the text says why."""


@dataclass(frozen=True, slots=True)
class SectionValues:
    """What one section's form holds, by the row it goes to. None leaves a row alone."""

    person: Mapping[str, Any] = field(default_factory=dict)
    medication: Mapping[str, Any] = field(default_factory=dict)
    further: Sequence[Mapping[str, Any]] | None = None
    tapers: Sequence[Mapping[str, Any]] | None = None
    risk: Mapping[str, Any] = field(default_factory=dict)
    pdmp_on: date | None = None
    pdmp_by: User | None = None


@transaction.atomic
def save_section(
    *, patient: Patient, section: str, values: SectionValues, based_on: int, by: User, now: datetime
) -> Patient:
    """Save one section of the intake, with its entry in the history and the tier anew.

    Rows, entry, tier, review clock, what listeners do and audit row together or not at all;
    saving what is stored already changes nothing. Raises `IntakeConflictError` when somebody
    else saved this section since entry number `based_on`, `UnconfirmedDoseError` for an
    unusual dose that nobody confirmed.
    """
    patient = locked(patient)
    before, taken = intake_words(patient), taken_now(patient)
    apply_values(patient, values, by, now)
    patient = locked(patient)  # read again: the words must be those of the rows
    changes = changes_between(before, intake_words(patient))
    if not changes:
        return patient
    newer = patient.intake_entries.filter(section=section, number__gt=based_on)
    if newer.exists():
        raise IntakeConflictError(list(newer.select_related("saved_by")))
    was = taken if taken != taken_now(patient) else None
    entry = write_entry(patient, section, changes, by, now, was)
    reassess(patient, patient.risk, now)
    set_review_clock(patient)
    for listener in INTAKE_LISTENERS:
        listener(patient, entry, by, now)
    return patient


def locked(patient: Patient) -> Patient:
    """Return the patient with the intake's rows, locked until the end of the transaction."""
    rows = Patient.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "medication", "risk"
    )
    return rows.get(pk=patient.pk)


def taken_now(patient: Patient) -> dict[str, str]:
    """Return the drug that is to be tapered with its milligrams a day, as it is stored."""
    return {patient.medication.drug_id: plain(patient.medication.daily_mg)}


def write_entry(
    patient: Patient, section: str, changes: list[list[str]], by: User | None, now: datetime,
    taken_before: dict[str, str] | None = None,
) -> IntakeEntry:  # fmt: skip
    """Append what changed to the history, and its number to the patient and the audit record."""
    patient.intake_version += 1
    patient.save(update_fields=["intake_version"])
    entry = IntakeEntry.objects.create(
        clinic_id=patient.clinic_id, patient=patient, number=patient.intake_version,
        section=section, changes=changes, taken_before=taken_before, saved_at=now, saved_by=by,
    )  # fmt: skip
    record(
        "intake.saved", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=entry, section=str(section), number=entry.number, fields=len(changes),
    )  # fmt: skip
    return entry


def apply_values(patient: Patient, values: SectionValues, by: User | None, now: datetime) -> None:
    """Write the values into their rows; part of the caller's transaction."""
    if values.person:
        save_fields(patient, values.person)
    today = now.astimezone(patient.tz).date()
    further = [
        FurtherMedicine(
            patient=patient, position=place,
            **{"months_told_on": months_told_on(patient, each, today)}
            | complete_medicine(each, False),
        )
        for place, each in enumerate(values.further or ())
    ]  # fmt: skip
    if values.medication:
        save_fields(patient.medication, main_medicine(patient, values.medication, today))
    if values.further is not None:
        patient.further_medicines.all().delete()
        FurtherMedicine.objects.bulk_create(further)
    if values.tapers is not None:
        patient.prior_tapers.all().delete()
        PriorTaper.objects.bulk_create(
            PriorTaper(patient=patient, position=place, **each)
            for place, each in enumerate(values.tapers)
        )
    if values.risk:
        save_fields(patient.risk, values.risk)
    if values.pdmp_on is not None:
        add_pdmp_check(patient, values.pdmp_on, values.pdmp_by or by, by, now)


def main_medicine(patient: Patient, values: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return the fields of the drug to be tapered, with the day of which its months are.

    Another drug in its place for as many months is the same use: its day stays.
    """
    row, fields = patient.medication, complete_medicine(values)
    named = {"drug_id": row.drug_id, "taken_months": row.taken_months} | fields
    if named["taken_months"] == row.taken_months:
        today = told_on(patient, row)
    return fields | {"months_told_on": min(today, months_told_on(patient, named, today))}


def save_fields(row: Patient | Medication | RiskProfile, values: Mapping[str, Any]) -> None:
    """Set and save the named fields of one row, and no others."""
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))


def complete_medicine(values: Mapping[str, Any], is_main: bool = True) -> dict[str, Any]:
    """Return a medicine's fields with the days its pattern stands for.

    Raises `UnconfirmedDoseError` for an unusual dose without `dose_confirmed`: no slip of
    a decimal point is stored silently, whichever way it came.
    """
    fields = dict(values)
    if "pattern" in fields and fields.get("days_per_week") is None:
        fields["days_per_week"] = usual_days(fields["pattern"])
    slots = {slot: fields.get(f"{slot}_mg") or Decimal(0) for slot in SLOTS}
    confirmed = fields.pop("dose_confirmed", False)
    questions = dose_questions(fields["drug_id"], slots) if "drug_id" in fields else ()
    if questions and not confirmed:
        raise UnconfirmedDoseError(" ".join(questions))
    if is_main:
        fields["dose_confirmed"] = bool(questions)
    return fields


def add_pdmp_check(
    patient: Patient, day: date, checked_by: User | None, by: User | None, now: datetime
) -> None:
    """Append that the PDMP was checked; the same check again changes nothing."""
    if (
        checked_by is None
        or patient.pdmp_checks.filter(checked_on=day, checked_by=checked_by).exists()
    ):
        return
    PdmpCheck.objects.create(
        patient=patient, checked_on=day, checked_by=checked_by, recorded_at=now, recorded_by=by
    )


@transaction.atomic
def assess_again(*, patient: Patient, by: User, now: datetime) -> Patient:
    """Compute the tier anew, for one that an alert, closed since, had kept from falling."""
    patient = locked(patient)
    before = (patient.risk.tier, patient.risk.tier_kept)
    reassess(patient, patient.risk, now)
    if before != (patient.risk.tier, patient.risk.tier_kept):
        record(
            "intake.assessed", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
            obj=patient, tier=patient.risk.tier,
        )  # fmt: skip
    return patient


@transaction.atomic
def document_stop(
    *, patient: Patient, kind: str, reason: str, told_to_report: bool, told_may_restart: bool,
    by: User, now: datetime,
) -> StopDecision:  # fmt: skip
    """Store the documented path of ASAM-05, or refuse: no abrupt stop when dependence is likely.

    Decision and audit row together or not at all; the same decision by the same person
    again is the first one. Raises `StopRefusedError` with the reasons.
    """
    patient = locked(patient)
    verdict = stop_verdict_of(patient, now.astimezone(patient.tz).date())
    is_short = kind == StopDecision.Kind.SHORT_TAPER
    if verdict.path is StopPath.REFUSED or (verdict.path is StopPath.SHORT_TAPER and not is_short):
        raise StopRefusedError(" ".join(verdict.because))
    same = patient.stop_decisions.filter(kind=kind, reason=reason, decided_by=by).first()
    if same is not None:
        return same
    decision = StopDecision.objects.create(
        clinic_id=patient.clinic_id, patient=patient, kind=kind, reason=reason,
        told_to_report=told_to_report, told_may_restart=told_may_restart,
        because=list(verdict.because), decided_at=now, decided_by=by,
    )  # fmt: skip
    record(
        "stop.documented", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=decision, kind=str(kind),
    )  # fmt: skip
    return decision
