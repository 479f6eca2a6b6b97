"""Who may do what. The only place where a role is turned into a right."""

from enum import StrEnum
from typing import Final

from apps.patients.models import Role, StaffMember


class Right(StrEnum):
    """One thing a role may do."""

    SEE_PATIENTS = "see_patients"
    REGISTER_PATIENTS = "register_patients"
    PLAN_TAPERS = "plan_tapers"
    ACTIVATE_PLANS = "activate_plans"
    HANDLE_ALERTS = "handle_alerts"
    INVITE_TO_CHECK_IN = "invite_to_check_in"
    MUTE_RULES = "mute_rules"
    SEE_ROTA = "see_rota"
    EDIT_ROTA = "edit_rota"
    MANAGE_STAFF = "manage_staff"
    READ_AUDIT = "read_audit"
    SET_CHECK_IN_POLICY = "set_check_in_policy"
    SEE_LEDGER = "see_ledger"
    SET_CLINICAL_LIMITS = "set_clinical_limits"
    RECORD_SUPPLY = "record_supply"
    EDIT_FORMULARY = "edit_formulary"
    BREAK_GLASS = "break_glass"
    KEEP_RECORDS = "keep_records"
    EDIT_DIRECTORY = "edit_directory"
    EXPORT_RECORDS = "export_records"
    EXPORT_RESEARCH = "export_research"
    DECIDE_ROLES = "decide_roles"


CARE_TEAM: Final = frozenset(
    {
        Right.SEE_PATIENTS,
        Right.REGISTER_PATIENTS,
        Right.HANDLE_ALERTS,
        Right.INVITE_TO_CHECK_IN,
        Right.SEE_ROTA,
        Right.RECORD_SUPPLY,
    }
)
PRESCRIBING: Final = CARE_TEAM | {
    Right.PLAN_TAPERS,
    Right.ACTIVATE_PLANS,
    Right.MUTE_RULES,
    Right.EXPORT_RECORDS,
    Right.DECIDE_ROLES,  # a prescriber's word counts while there is no lead
}

RIGHTS: Final[dict[str, frozenset[Right]]] = {
    Role.PRESCRIBER: PRESCRIBING,
    Role.CLINICAL_LEAD: PRESCRIBING
    | {
        Right.SET_CHECK_IN_POLICY,
        Right.EDIT_ROTA,
        Right.READ_AUDIT,
        Right.SEE_LEDGER,
        Right.SET_CLINICAL_LIMITS,
        Right.EDIT_FORMULARY,
        Right.KEEP_RECORDS,
        Right.EDIT_DIRECTORY,
        Right.EXPORT_RESEARCH,
    },
    Role.NURSE: CARE_TEAM,
    Role.PHARMACIST: CARE_TEAM | {Right.EDIT_FORMULARY},
    # A clinic admin runs the clinic and has no clinical rights: not even a patient's name,
    # unless they break the glass for one patient.
    Role.CLINIC_ADMIN: frozenset(
        {
            Right.SEE_ROTA,
            Right.EDIT_ROTA,
            Right.MANAGE_STAFF,
            Right.EDIT_FORMULARY,
            Right.BREAK_GLASS,
            Right.EDIT_DIRECTORY,
        }
    ),
}


def may(member: StaffMember | None, right: Right) -> bool:
    """Answer whether this member of staff has the right; nobody has none."""
    return member is not None and right in RIGHTS[member.role]


def gains(before: str, role: str) -> frozenset[Right]:
    """Return the rights that somebody with the role `before`, "" for none, would get."""
    return RIGHTS[role] - RIGHTS.get(before, frozenset())


def lets_sign(role: str) -> bool:
    """Answer whether a role lets sign plans."""
    return Right.ACTIVATE_PLANS in RIGHTS[role]
