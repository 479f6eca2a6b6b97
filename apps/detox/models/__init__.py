"""Rows of level of care, referral, stay, discharge and the time after."""

from apps.detox.models.aftercare import Restart
from apps.detox.models.care_level import CareAssessment
from apps.detox.models.discharge import Discharge
from apps.detox.models.referral import Facility, Referral, ReferralStep
from apps.detox.models.stay import DoseRecord, Round, Stay

__all__ = [
    "CareAssessment",
    "Discharge",
    "DoseRecord",
    "Facility",
    "Referral",
    "ReferralStep",
    "Restart",
    "Round",
    "Stay",
]
