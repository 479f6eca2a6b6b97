"""Clinic, staff, patient, intake and reviews, each noun in its own module.

Every row names its clinic or its patient, so that one query, one constraint and one
policy can keep clinics apart.
"""

from apps.patients.models.clinic import DRILL_CLINIC, Clinic, Role, StaffMember, StaffQuerySet
from apps.patients.models.intake import IntakeEntry, PdmpCheck, Section, StopDecision
from apps.patients.models.medicine import (
    DAYS_OF,
    SLOTS,
    FurtherMedicine,
    Medication,
    Pattern,
    PriorTaper,
    usual_days,
)
from apps.patients.models.patient import Patient, PatientQuerySet
from apps.patients.models.review import OWED_ON, ReviewClock, ReviewPolicy, RiskBenefitReview
from apps.patients.models.risk import (
    FACTOR_OF,
    HEALTH_FLAGS,
    HISTORY_FLAGS,
    RISK_FLAGS,
    SPECIALIST_FLAGS,
    SUBSTANCE_FLAGS,
    RiskProfile,
)

__all__ = [
    "DAYS_OF",
    "DRILL_CLINIC",
    "FACTOR_OF",
    "HEALTH_FLAGS",
    "HISTORY_FLAGS",
    "OWED_ON",
    "RISK_FLAGS",
    "SLOTS",
    "SPECIALIST_FLAGS",
    "SUBSTANCE_FLAGS",
    "Clinic",
    "FurtherMedicine",
    "IntakeEntry",
    "Medication",
    "Patient",
    "PatientQuerySet",
    "Pattern",
    "PdmpCheck",
    "PriorTaper",
    "ReviewClock",
    "ReviewPolicy",
    "RiskBenefitReview",
    "RiskProfile",
    "Role",
    "Section",
    "StaffMember",
    "StaffQuerySet",
    "StopDecision",
    "usual_days",
]
