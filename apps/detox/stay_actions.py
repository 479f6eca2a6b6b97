"""Writes of a stay: begun, each round, each dose given or held, how often a round is made."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.actions import open_alert
from apps.audit.actions import record
from apps.clinical.detox import CLOCK_MINUTES, RoundFinding, is_late_entry, round_finding
from apps.clinical.scoring import ciwa_b
from apps.detox.models import Discharge, DoseRecord, Referral, Round, Stay
from apps.detox.referral_actions import locked, move_referral
from apps.detox.states import ReferralStatus
from apps.patients.errors import FieldError

SOURCE_ROUND: Final = "round"
SOURCE_DOSE: Final = "dose"
# Whoever comes is looked at at once, and not when the first interval is over [proposal].
FIRST_WITHIN: Final = timedelta(minutes=CLOCK_MINUTES)


class StayError(FieldError):
    """Why this cannot be written into a stay; the text is for the reader."""


@transaction.atomic
def begin_stay(
    *, referral: Referral, bed: str, round_hours: int, by: User, now: datetime,
    began_at: datetime | None = None,
) -> Stay:  # fmt: skip
    """Take a referred patient into a bed of the clinic's own; the first round is due in an hour.

    `began_at` is since when, where it is written down afterwards. Referral, stay, status of the
    patient and audit row change together or not at all; twice is once. Raises `StayError` for a
    unit that is not the clinic's own, `ReferralError` for an impossible moment, and
    `TransitionError`.
    """
    patient = locked(referral.patient_id)
    existing = Stay.objects.filter(referral=referral).first()
    if existing is not None:
        return existing
    if not referral.facility.is_own:
        raise StayError("Rounds are recorded here only for beds of this clinic.")
    move_referral(
        referral=referral, to=ReferralStatus.ADMITTED, note="", by=by, now=now,
        admitted_at=began_at, into_bed=True,
    )  # fmt: skip
    stay = Stay.objects.create(
        clinic_id=patient.clinic_id, patient=patient, referral=referral, bed=bed,
        round_hours=round_hours, next_round_at=now + FIRST_WITHIN, began_at=began_at or now,
        began_by=by,
    )  # fmt: skip
    write_down("stay.begun", stay, by, now, round_hours=round_hours)
    return stay


@transaction.atomic
def set_rounds(*, stay: Stay, round_hours: int, by: User, now: datetime) -> Stay:
    """Change how often a round is made; the next is due so long after the last, or now.

    The same again changes nothing. Raises `StayError` after discharge.
    """
    stay = lock_current(stay.pk)
    if stay.round_hours == round_hours:
        return stay
    last = stay.rounds.order_by("-at").values_list("at", flat=True).first() or stay.began_at
    stay.round_hours = round_hours
    stay.next_round_at = max(now, last + timedelta(hours=round_hours))
    stay.save(update_fields=["round_hours", "next_round_at"])
    write_down("stay.rounds_set", stay, by, now, round_hours=round_hours)
    return stay


@transaction.atomic
def record_round(
    *, stay: Stay, submission_id: UUID, values: dict[str, Any], by: User, now: datetime,
    at: datetime | None = None,
) -> Round:  # fmt: skip
    """Keep a round and set the clock of the next; what is dangerous opens an alert at once.

    `at` is when it was made, where it is written down afterwards: it alerts all the same, and
    every reader sees that it is late. The next round counts from the newest. Round, clock, alert
    and audit row are saved together or not at all; the same submission again is the first one.
    Raises `StayError` after discharge, and `ScoreError` for anchors.
    """
    again = Round.objects.filter(submission_id=submission_id, stay=stay).first()
    if again is not None:
        return again
    stay = lock_current(stay.pk)
    if values.get("anchors"):
        ciwa_b(values["anchors"])  # refuses what is no anchor
    check_moment(stay, at or now, now, "A round is recorded after it was made, not before.")
    row = Round.objects.create(
        clinic_id=stay.clinic_id, stay=stay, submission_id=submission_id, at=at or now, by=by,
        recorded_at=now, **values,
    )  # fmt: skip
    newest = stay.rounds.order_by("-at").values_list("at", flat=True)[0]
    if newest == row.at:
        stay.next_round_at = newest + timedelta(hours=stay.round_hours)
        stay.save(update_fields=["next_round_at"])
    write_down("stay.round_recorded", stay, by, now, round=str(row.pk), late=row.is_late)
    call_for_help(stay, row, now)
    return row


def call_for_help(stay: Stay, row: Round, now: datetime) -> None:
    """Open the alert of what a round found, if it found something; part of the caller's act."""
    found = round_finding(
        sedation=row.sedation, temp_c=row.temp_c, fall=row.fall, is_dangerous=row.is_dangerous
    )
    if found is not None:
        alert_of(stay, found, SOURCE_ROUND, row.pk, now)


def call_for_help_before(stay: Stay, row: DoseRecord, now: datetime) -> None:
    """Open the alert of the sedation just before a dose, as a round with it would.

    A correction that leaves what was found as it was tells nobody twice.
    """
    found = sedation_found(row)
    if found is not None and (row.corrects is None or sedation_found(row.corrects) != found):
        alert_of(stay, found, SOURCE_DOSE, row.pk, now)


def sedation_found(row: DoseRecord) -> RoundFinding | None:
    """Return what the sedation of a dose line calls for, None for nothing."""
    return round_finding(sedation=row.sedation, temp_c=None, fall=False, is_dangerous=False)


def alert_of(
    stay: Stay, found: RoundFinding, source_type: str, source_id: UUID, now: datetime
) -> None:
    """Open the alert of what somebody at the bed found; once for each source."""
    open_alert(
        patient=stay.patient, level=found.level, response_minutes=found.minutes,
        rules=list(found.rules), source_type=source_type, source_id=source_id, now=now,
    )  # fmt: skip


@transaction.atomic
def record_dose(
    *, stay: Stay, submission_id: UUID, values: dict[str, Any], signed_with: str, by: User,
    now: datetime, corrects: DoseRecord | None = None,
) -> DoseRecord:  # fmt: skip
    """Keep one dose that the team gave or held, signed by `by`. No dose is worked out here.

    Sedation just before it alerts as it would in a round, also where it is signed late. Dose,
    alert and audit row are saved together or not at all; the same submission again is the first
    one. A correction stands beside what it corrects. After the discharge what was given before
    it may still be signed, and is marked as late, as is what is signed long after it was given.
    Raises `StayError`.
    """
    again = DoseRecord.objects.filter(submission_id=submission_id, stay=stay).first()
    if again is not None:
        return again
    stay = lock_stay(stay.pk)
    home = discharge_of(stay)
    check_moment(stay, values["at"], now, "A dose is signed after it was given, not before.")
    if home is not None and values["at"] > home.discharged_at:
        raise StayError("The patient was home by then.", "at")
    is_late = home is not None or is_late_entry(values["at"], now)
    if corrects is not None and hasattr(corrects, "corrected_by"):
        raise StayError("A colleague has corrected this line meanwhile.")
    row = DoseRecord.objects.create(
        clinic_id=stay.clinic_id, stay=stay, submission_id=submission_id, signed_by=by,
        signed_with=signed_with, signed_at=now, is_late=is_late, corrects=corrects, **values,
    )  # fmt: skip
    write_down("stay.dose_signed", stay, by, now, dose=str(row.pk), kind=row.kind, late=is_late)
    call_for_help_before(stay, row, now)
    return row


def check_moment(stay: Stay, at: datetime, now: datetime, too_early: str) -> None:
    """Raise `StayError` for a moment at which nothing can have been seen or given in this bed."""
    if at > now:
        raise StayError(too_early, "at")
    if at < stay.began_at:
        raise StayError("The patient was not in this bed yet.", "at")


def discharge_of(stay: Stay) -> Discharge | None:
    """Return the discharge that ended a stay, None while it goes on; `StayError` if it never was.

    A stay that was withdrawn had no patient in its bed.
    """
    if stay.status == Stay.Status.WITHDRAWN:
        raise StayError("This stay was withdrawn: the patient was never in this bed.")
    return Discharge.objects.filter(referral=stay.referral_id).first()


def lock_stay(stay_id: UUID) -> Stay:
    """Return the stay, locked until the end of the transaction."""
    return Stay.objects.select_for_update(of=("self",)).select_related("patient").get(pk=stay_id)


def lock_current(stay_id: UUID) -> Stay:
    """Return the stay, locked; raises `StayError` when it is over."""
    stay = lock_stay(stay_id)
    if stay.status != Stay.Status.CURRENT:
        raise StayError("This stay is over.")
    return stay


def write_down(event: str, stay: Stay, by: User, now: datetime, **details: object) -> None:
    """Append the audit row of an act on a stay."""
    record(
        event, by=by, now=now, clinic_id=stay.clinic_id, patient_id=stay.patient_id, obj=stay,
        **details,
    )  # fmt: skip
