"""Levels of care, detox units and one stay of the invented clinics, through the real actions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from apps.accounts.models import User
from apps.clinical.scoring import CIWA_B_CONCEPTS
from apps.detox.care_actions import assess_care, suggestion
from apps.detox.models import Facility
from apps.detox.referral_actions import move_referral, refer_patient, save_facility
from apps.detox.stay_actions import begin_stay, record_dose, record_round
from apps.patients.models import Clinic, Patient, Role, StaffMember

ROUND_HOURS: Final = 6
DAYS: Final = 6  # since the patient of the story went to hospital
NO_TO_ALL: Final = {"harm": False, "unmanageable": False, "severe_withdrawal": False}
UNITS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "Hazel House, withdrawal unit", "phone": "555-0171", "address": "4 Mill Lane",
     "takes": "Adults, pregnancy too. Phone at any hour.", "is_own": True, "is_preferred": True},
    {"name": "County hospital, ward 7", "phone": "555-0172", "address": "1 Infirmary Road",
     "takes": "Seizures, delirium, other illnesses. By the emergency department.",
     "is_own": False, "is_preferred": False},
)  # fmt: skip


def answer_level(patient: Patient, note: str, by: User, now: datetime) -> None:
    """Answer the level-of-care questions as the story has it: no to all."""
    found = suggestion(patient, **NO_TO_ALL)
    assess_care(
        patient=patient, **NO_TO_ALL, decided=found.level.value, sign_off=note, by=by, now=now
    )


def store_units(clinic: Clinic, by: User, now: datetime) -> None:
    """Fill the directory: beds of the clinic's own, and a hospital."""
    for unit in UNITS:
        values = {**unit, "answer_hours": 4, "arrive_hours": 24, "is_active": True}
        save_facility(clinic=clinic, facility=None, values=values, by=by, now=now)


def tell_stays(clinic: Clinic, staff: Sequence[StaffMember], now: datetime) -> None:
    """Let whoever is in hospital lie in the clinic's own unit since then: rounds and doses."""
    nurse = next(member.user for member in staff if member.role == Role.NURSE)
    unit = Facility.objects.open_to(clinic.pk)[0]
    away = clinic.patients.filter(status=Patient.Status.IN_HOSPITAL)
    for patient in away:
        begun = now - timedelta(days=DAYS)
        referral = refer_patient(
            patient=patient, facility=unit, reason="Sees people who are not there.", how="phone",
            by=nurse, now=begun,
        )  # fmt: skip
        move_referral(referral=referral, to="accepted", note="A bed is free now.", by=nurse,
                      now=begun + timedelta(minutes=20))  # fmt: skip
        stay = begin_stay(
            referral=referral, bed="3", round_hours=ROUND_HOURS, by=nurse,
            now=begun + timedelta(hours=1),
        )  # fmt: skip
        tell_rounds(stay, nurse, now)


def tell_rounds(stay: Any, nurse: User, now: datetime) -> None:
    """Record rounds that grow calmer, and a signed line beside every second one."""
    moment, n = stay.began_at + timedelta(hours=ROUND_HOURS), 0
    while moment < now:
        level = max(0, 3 - n // 6)
        anchors = [4 - level if number in (12, 14) else level
                   for number in range(1, len(CIWA_B_CONCEPTS) + 1)]  # fmt: skip
        sedation = 2 if n in (5, 6) else 1 if n % 4 == 1 else 0
        record_round(
            stay=stay, submission_id=uuid5(NAMESPACE_OID, f"{stay.pk} round {n}"),
            values={"pulse": 96 - n, "systolic": 142 - n, "diastolic": 88 - n // 2, "breaths": 16,
                    "oxygen": 97, "temp_c": None, "sedation": sedation, "ataxia": n == 5,
                    "anchors": anchors, "note": ""},
            by=nurse, now=moment,
        )  # fmt: skip
        if n % 2 == 1:
            sign_line(stay, nurse, moment, n, sedation)
        moment, n = moment + timedelta(hours=ROUND_HOURS), n + 1


def sign_line(stay: Any, nurse: User, moment: datetime, n: int, sedation: int) -> None:
    """Sign a dose as given, or as held when the patient was too drowsy; no amount is a course."""
    held = sedation >= 2
    record_dose(
        stay=stay, submission_id=uuid5(NAMESPACE_OID, f"{stay.pk} dose {n}"),
        values={
            "kind": "held" if held else "given", "medicine": "phenobarbital",
            "amount": "" if held else "as on the unit's chart", "route": "by mouth",
            "ordered_by": "Dr. Yarrow, Hazel House", "at": moment, "sedation": sedation,
            "breaths": 15, "held_because": "sedation" if held else "", "note": "",
        },
        signed_with="demo", by=nurse, now=moment,
    )  # fmt: skip
