"""Writes about patients: one act, one transaction, one audit row."""

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.clinical.equivalence import diazepam_equivalents
from apps.clinical.risk import RiskFacts, RiskResult, seizure_risk_tier
from apps.patients.models import Clinic, Medication, Patient, RiskProfile

REFERENCE_DIGITS: Final = "123456789"
RISK_FLAGS: Final = (
    "prior_wd_seizure",
    "prior_wd_delirium",
    "epilepsy",
    "aud",
    "heavy_alcohol",
    "opioid_rx",
    "naloxone_on_file",
    "anticoagulant",
    "liver_disease",
    "chronic_halluc",
    "psychotic_or_bipolar",
    "pregnancy_known",
    "street_supply",
)


@transaction.atomic
def register_patient(
    *, clinic: Clinic, person: dict[str, Any], medication: dict[str, Any], risk: dict[str, bool],
    by: User | None, now: datetime,
) -> Patient:  # fmt: skip
    """Store a patient with what they take and what is known of their risk.

    `person` holds the fields of `Patient`, `medication` those of `Medication`, `risk`
    the flags of `RiskProfile`. Patient, medication, risk profile and audit row are
    saved together or not at all.
    """
    patient = Patient.objects.create(
        clinic=clinic,
        reference=new_reference(clinic),
        registered_by=by,
        registered_at=now,
        **person,
    )
    taken = Medication.objects.create(patient=patient, **medication)
    result = assess_risk(patient, taken, risk, now)
    RiskProfile.objects.create(
        patient=patient,
        **{flag: bool(risk.get(flag)) for flag in RISK_FLAGS},
        tier=result.tier,
        tier_points=result.points or 0,
        tier_reasons=[
            {"factor": reason.factor, "note": reason.note, "source": reason.source}
            for reason in result.reasons
        ],
        assessed_at=now,
    )
    record(
        "patient.registered",
        by=by,
        now=now,
        clinic_id=clinic.pk,
        patient_id=patient.pk,
        obj=patient,
        tier=result.tier,
    )
    return patient


@transaction.atomic
def change_status(*, patient: Patient, status: str, by: User | None, now: datetime) -> Patient:
    """Say whether the clinic follows this patient now. Changing to the same changes nothing."""
    if patient.status != status:
        patient.status = status
        patient.save(update_fields=["status"])
        record(
            "patient.status_changed",
            by=by,
            now=now,
            clinic_id=patient.clinic_id,
            patient_id=patient.pk,
            obj=patient,
            status=str(status),
        )
    return patient


def assess_risk(
    patient: Patient, medication: Medication, risk: dict[str, bool], now: datetime
) -> RiskResult:
    """Return the seizure-risk tier with its reasons, from apps.clinical.risk."""
    highest = diazepam_equivalents(medication.drug_id, medication.daily_mg).highest
    return seizure_risk_tier(
        RiskFacts(
            drug_id=medication.drug_id,
            daily_mg=medication.daily_mg,
            risk_value_dze_mg=Decimal(highest.numerator) / highest.denominator,
            use_months=medication.taken_months,
            age=patient.age_on(now.astimezone(patient.tz).date()),
            prior_wd_seizure=risk.get("prior_wd_seizure"),
            prior_wd_delirium_or_dt=risk.get("prior_wd_delirium"),
            epilepsy_or_other_seizure=risk.get("epilepsy"),
            active_heavy_alcohol=risk.get("heavy_alcohol"),
            illicit_or_novel_bzd=risk.get("street_supply"),
            aud_history=risk.get("aud"),
            severe_liver_disease=risk.get("liver_disease"),
            pregnant=risk.get("pregnancy_known"),
        )
    )


def new_reference(clinic: Clinic) -> str:
    """Return a short number no other patient of this clinic has."""
    while True:
        reference = "".join(secrets.choice(REFERENCE_DIGITS) for _ in range(6))
        if not Patient.objects.filter(clinic=clinic, reference=reference).exists():
            return reference
