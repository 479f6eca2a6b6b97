"""Writes of the seizure-risk tier: computed anew whenever what it rests on changes."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from apps.clinical.regimen import Taken, risk_value_mg
from apps.clinical.risk import RiskFacts, RiskResult, seizure_risk_tier
from apps.patients.models import FACTOR_OF, Patient, RiskProfile

TIERS: Final[list[str]] = [RiskProfile.Tier.LOW, RiskProfile.Tier.MODERATE, RiskProfile.Tier.HIGH]
# Asked with a patient's id: whether their tier may not fall now. Apps above add theirs at start.
TierGuard = Callable[[UUID], bool]
TIER_GUARDS: list[TierGuard] = []


def register_tier_guard(guard: TierGuard) -> None:
    """Ask this guard, too, before a tier falls. Registering twice is once."""
    if guard not in TIER_GUARDS:
        TIER_GUARDS.append(guard)


def regimen_of(patient: Patient) -> list[Taken]:
    """Return everything the patient takes of these drugs, the one to be tapered first."""
    further = [medicine.taken for medicine in patient.further_medicines.all()]
    return [patient.medication.taken, *further]


def assess_risk(patient: Patient, risk: RiskProfile, today: date) -> RiskResult:
    """Return the tier with its reasons, from apps.clinical.risk. What was not asked adds nothing.

    A benzodiazepine first prescribed for epilepsy counts as epilepsy (risk_factors.csv).
    """
    medication = patient.medication
    flags: dict[str, Any] = {factor: getattr(risk, flag) for flag, factor in FACTOR_OF.items()}
    if medication.is_for_epilepsy:
        flags["epilepsy_or_other_seizure"] = True
    return seizure_risk_tier(
        RiskFacts(
            drug_id=medication.drug_id,
            daily_mg=medication.daily_mg,
            risk_value_dze_mg=risk_value_mg(regimen_of(patient)),
            use_months=medication.taken_months,
            age=patient.age_on(today),
            threshold_drugs=len(risk.threshold_drugs) if risk.other_medicines_asked else None,
            **flags,
        )
    )


def reassess(patient: Patient, risk: RiskProfile, now: datetime) -> None:
    """Compute the tier and save it with its reasons; part of the caller's transaction.

    A tier never falls while a guard says no (an open alert, triage.md section 4); the
    profile then says that it was kept.
    """
    result = assess_risk(patient, risk, now.astimezone(patient.tz).date())
    falls = bool(risk.tier) and TIERS.index(result.tier) < TIERS.index(risk.tier)
    risk.tier_kept = falls and any(guard(patient.pk) for guard in TIER_GUARDS)
    if not risk.tier_kept:
        risk.tier = result.tier
    risk.tier_points = result.points or 0
    risk.tier_reasons = [
        {"factor": reason.factor, "note": reason.note, "source": reason.source,
         "points": reason.points}
        for reason in result.reasons
    ]  # fmt: skip
    risk.assessed_at = now
    risk.save()
