"""Rows of level of care, referral, stay, discharge, the time after, and what helps beside."""

from apps.detox.models.aftercare import Restart
from apps.detox.models.care_level import CareAssessment
from apps.detox.models.discharge import Discharge, DischargeSignature
from apps.detox.models.given_on import GivenOn
from apps.detox.models.referral import Facility, Referral, ReferralStep
from apps.detox.models.stay import DoseRecord, Round, Stay
from apps.detox.models.support import AdjunctMedicine, CopingPlan, Therapy, TherapyVisit

__all__ = [
    "AdjunctMedicine",
    "CareAssessment",
    "CopingPlan",
    "Discharge",
    "DischargeSignature",
    "DoseRecord",
    "Facility",
    "GivenOn",
    "Referral",
    "ReferralStep",
    "Restart",
    "Round",
    "Stay",
    "Therapy",
    "TherapyVisit",
]
