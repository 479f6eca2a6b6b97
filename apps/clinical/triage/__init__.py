"""Triage of check-ins: every rule of the reviewed table, and what follows.

Rules decide; nothing here sends, stores or reads the clock. No language model
decides a level and no rule ever changes the dose a patient takes today.
"""

from apps.clinical.profile import CheckInSummary, Context, Profile, ProfileError
from apps.clinical.triage.assess import (
    RULES,
    RULES_BY_ID,
    RULES_VERSION,
    SILENCE_RULES,
    assess,
    assess_silence,
)
from apps.clinical.triage.options import EmergencyOption, emergency_options
from apps.clinical.triage.reading import TriageInputError
from apps.clinical.triage.rule import Fired, Level, Rule, TaperAction, Triage

__all__ = [
    "RULES",
    "RULES_BY_ID",
    "RULES_VERSION",
    "SILENCE_RULES",
    "CheckInSummary",
    "Context",
    "EmergencyOption",
    "Fired",
    "Level",
    "Profile",
    "ProfileError",
    "Rule",
    "TaperAction",
    "Triage",
    "TriageInputError",
    "assess",
    "assess_silence",
    "emergency_options",
]
