"""Who in a clinic has a word in clinical roles, and who is told of them (docs/adr/0066)."""

from typing import Any, Final

from django.db.models import Exists, OuterRef

from apps.accounts.models import RoleChange
from apps.patients.models import Role, StaffMember, StaffQuerySet
from apps.patients.permissions import RIGHTS, Right

# What of the rights makes a role a clinical one, and what makes the gravest of them.
CLINICAL: Final = Right.SEE_PATIENTS
GRAVEST: Final = Right.ACTIVATE_PLANS


def leads_of(clinic_id: Any) -> StaffQuerySet:
    """Return who is clinical lead of a clinic now."""
    return StaffMember.objects.active().filter(clinic_id=clinic_id, role=Role.CLINICAL_LEAD)


def deciders_of(clinic_id: Any, *, about: StaffMember | None = None) -> StaffQuerySet:
    """Return whose word a clinical role needs: the leads; the prescribers where none is left.

    Else an admin who ends every lead's access could name anybody as having agreed. Whom it is
    `about` has no word in it.
    """
    return _others(leads_of(clinic_id), about) or _others(_having(clinic_id, GRAVEST), about)


def who_answers(change: RoleChange) -> StaffQuerySet:
    """Return whose word counts for a change: nobody's about themselves or their own wish."""
    return deciders_of(change.clinic_id, about=change.member).exclude(user_id=change.by_id)


def who_hears(clinic_id: Any, *, about: StaffMember | None = None) -> StaffQuerySet:
    """Return who is told of clinical roles: the leads; without one, all who see patients.

    Whom it is `about`, such as the lead whose role ends, is not one of them.
    """
    return _others(leads_of(clinic_id), about) or _others(_having(clinic_id, CLINICAL), about)


def is_heard() -> Exists:
    """Return the condition that `who_hears` of a row's clinic finds somebody but its member."""
    return Exists(_having(OuterRef("clinic_id"), CLINICAL).exclude(pk=OuterRef("member_id")))


def _having(clinic_id: Any, right: Right) -> StaffQuerySet:
    roles = [role for role in Role.values if right in RIGHTS[role]]
    return StaffMember.objects.active().filter(clinic_id=clinic_id, role__in=roles)


def _others(members: StaffQuerySet, member: StaffMember | None) -> StaffQuerySet:
    return members.exclude(pk=member.pk) if member else members
