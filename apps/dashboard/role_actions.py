"""Roles with clinical rights: a clinical lead agrees to each; without one, a prescriber.

A clinic admin has no clinical rights and must not make themselves any, by an address of their own
that they invite. docs/adr/0066 says which roles wait for whom.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import Invitation, RoleChange, StaffMail, User
from apps.audit.actions import record
from apps.dashboard.staff_outbox import put
from apps.dashboard.who_decides import CLINICAL, GRAVEST, deciders_of, who_answers, who_hears
from apps.patients.models import Clinic, Role, StaffMember
from apps.patients.permissions import Right, gains


class RoleError(ValueError):
    """The role cannot be decided so; the text is for the reader."""


def is_clinical(role: str, before: str = "") -> bool:
    """Answer whether a role gives clinical rights that somebody with the role `before` has not.

    More rights count, not the name: a lead who becomes a prescriber gets none.
    """
    new = gains(before, role)
    return CLINICAL in new or GRAVEST in new or (role == Role.CLINICAL_LEAD and bool(new))


def is_given(role: str, before: str = "") -> bool:
    """Answer whether the leads are told of a role: a clinical one, or one that rules over staff."""
    return is_clinical(role, before) or Right.MANAGE_STAFF in gains(before, role)


def is_last_admin(member: StaffMember) -> bool:
    """Answer whether nobody else of the clinic rules over its staff. Hold the clinic's lock."""
    admins = StaffMember.objects.active().filter(clinic=member.clinic, role=Role.CLINIC_ADMIN)
    return member.role == Role.CLINIC_ADMIN and not admins.exclude(pk=member.pk).exists()


def is_taken(before: str, role: str = "") -> bool:
    """Answer whether `role` instead of the one `before` takes what counts; "" is none.

    That is to see patients, to sign, to rule over the staff, or anything of a lead's: who loses it
    is told, and so are the leads.
    """
    lost = gains(role, before)
    return before == Role.CLINICAL_LEAD or bool(lost & {CLINICAL, GRAVEST, Right.MANAGE_STAFF})


def must_wait(clinic: Clinic, role: str, member: StaffMember | None = None) -> bool:
    """Answer whether somebody has to agree to a role: it is clinical, and one is there who may."""
    before = member.role if member else ""
    return is_clinical(role, before) and deciders_of(clinic.pk, about=member).exists()


def must_say_who_agreed(clinic: Clinic, role: str, member: StaffMember | None = None) -> bool:
    """Answer whether the admin has to write down who agreed: nobody of the clinic could."""
    before = member.role if member else ""
    return is_clinical(role, before) and not deciders_of(clinic.pk, about=member).exists()


def tell_leads(
    *, clinic: Clinic, what: str, role: str, by: User, now: datetime, waits: bool = False,
    agreement: str = "", besides: tuple[User, ...] = (), **subject: Any,
) -> RoleChange:  # fmt: skip
    """Store a change of roles and a mail to each clinical lead, inside the caller's transaction.

    Without a lead everybody who sees patients here gets it. `subject` is the invitation or the
    member; `besides` are told, too. `agreement` says who agreed where nobody here could.
    """
    state = RoleChange.State.WAITING if waits else RoleChange.State.DONE
    change = RoleChange.objects.create(
        clinic=clinic, what=what, role=role, by=by, at=now, state=state, agreement=agreement,
        **subject,
    )  # fmt: skip
    ended = subject["member"] if what == RoleChange.What.ENDED else None
    hears = who_hears(clinic.pk, about=ended).select_related("user").order_by("pk")
    for user in dict.fromkeys([*(each.user for each in hears), *besides]):
        put(now, kind=StaffMail.Kind.ROLE, clinic=clinic, role_change=change, user=user)
    return change


def tell_of_loss(member: StaffMember, by: User, now: datetime) -> None:
    """Tell whose role ends, also if no account is left, and the clinical leads.

    Who has a clinic admin's password could else empty a clinic, and nobody would know by whom.
    """
    tell_leads(
        clinic=member.clinic, what=RoleChange.What.ENDED, role=member.role, by=by, now=now,
        member=member, besides=(member.user,),
    )  # fmt: skip


def withdraw(now: datetime, **subject: Any) -> None:
    """Ask the clinical leads no more about an invitation or a member."""
    RoleChange.objects.waiting().filter(**subject).update(state=RoleChange.State.WITHDRAWN)


@transaction.atomic
def decide(*, change: RoleChange, agreed: bool, by: StaffMember, now: datetime) -> RoleChange:
    """Agree to a role, which counts from then on, or refuse it. Safe to repeat.

    Raises `RoleError` for who is no clinical lead of the clinic (without one, no prescriber), for
    one's own role and one's own wish, and for what was answered otherwise, withdrawn, or is not
    possible any more.
    """
    Clinic.objects.select_for_update(no_key=True).get(pk=change.clinic_id)
    rows = RoleChange.objects.select_related("clinic", "invitation", "member__user")
    change = rows.get(pk=change.pk)
    wanted = RoleChange.State.AGREED if agreed else RoleChange.State.REFUSED
    if change.state == wanted and change.decided_by_id == by.user_id:
        return change
    check_may_decide(change, by)
    if agreed:
        bring_about(change, now)
    elif change.invitation is not None:
        Invitation.objects.waiting().filter(pk=change.invitation.pk).update(revoked_at=now)
    change.state, change.decided_by, change.decided_at = wanted, by.user, now
    change.save(update_fields=["state", "decided_by", "decided_at"])
    record(
        "staff.role_agreed" if agreed else "staff.role_refused", by=by.user, now=now,
        clinic_id=change.clinic_id, obj=change.member or change.invitation or change,
        role=change.role, change=str(change.pk),
    )  # fmt: skip
    return change


def check_may_decide(change: RoleChange, by: StaffMember) -> None:
    """Raise `RoleError` unless this member may answer this, by role and by who asked."""
    if not who_answers(change).filter(pk=by.pk).exists():
        if deciders_of(change.clinic_id).filter(pk=by.pk).exists():
            raise RoleError("Somebody else has to decide this: it is about you, or your own wish.")
        raise RoleError(
            "Only a clinical lead of this clinic can decide this; while it has none, a prescriber."
        )
    if change.state != RoleChange.State.WAITING:
        raise RoleError(f"This is not open any more: {change.get_state_display().lower()}.")


def bring_about(change: RoleChange, now: datetime) -> None:
    """Do what was agreed to: the invitation leaves, or the member has the role."""
    if change.invitation is not None:
        waiting = Invitation.objects.waiting().filter(pk=change.invitation.pk, waits=True)
        if not waiting.update(waits=False, expires_at=now + change.invitation.lifetime):
            raise RoleError("This invitation was withdrawn.")
        put(now, kind=StaffMail.Kind.INVITATION, clinic=change.clinic, invitation=change.invitation)
        return
    member = change.member
    if member is None or not member.is_active:
        raise RoleError("This person is not on the staff any more.")
    if is_last_admin(member):  # another one left while this waited
        raise RoleError("This is the only clinic admin by now. Another one has to come first.")
    if is_taken(member.role, change.role):
        tell_of_loss(member, change.by, now)
    before, member.role = member.role, change.role
    member.save(update_fields=["role"])
    record(
        "staff.role_changed", by=change.by, now=now, clinic_id=change.clinic_id, obj=member,
        before=before, role=change.role,
    )  # fmt: skip
