"""The clock on the seizure-risk tier: months of use and years of age pass without anybody's act."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from apps.audit.actions import record
from apps.detox.referral_actions import locked
from apps.detox.turns import in_turn
from apps.patients.models import DRILL_CLINIC, Patient, RiskProfile
from apps.patients.moving import Found
from apps.patients.risk_actions import TIERS, assess_risk, reassess

# Each of up to 28,800 patients once a day, a few in each minute.
MOST: Final = 20
LEFT: Final = (Patient.Status.ENDED, Patient.Status.DECEASED)


def tiers_that_may_rise() -> Found:
    """Return the next followed patients whose tier is not the highest."""
    rows = Patient.objects.exclude(status__in=LEFT).exclude(clinic=DRILL_CLINIC)
    return in_turn("tiers", rows.exclude(risk__tier=RiskProfile.Tier.HIGH), MOST)


@transaction.atomic
def look_at_tier(patient_id: UUID, now: datetime) -> bool:
    """Raise the tier where what has passed since makes it higher; answer whether it did.

    Only a rise is written, with its audit row: a tier falls by somebody's act alone, on the intake
    [proposal]. The points of duration are those of today (ADR 69, risk_factors.csv).
    """
    patient = locked(patient_id)
    risk = RiskProfile.objects.filter(patient=patient).first()
    if risk is None or patient.status in LEFT:
        return False
    result = assess_risk(patient, risk, now.astimezone(patient.tz).date())
    if risk.tier and TIERS.index(result.tier) <= TIERS.index(risk.tier):
        return False
    reassess(patient, risk, now)
    record(
        "intake.assessed", by=None, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=patient, tier=risk.tier,
    )  # fmt: skip
    return True
