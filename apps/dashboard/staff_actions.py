"""Who works here: inviting, joining, changing a role, leaving. One act, one audit row."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from apps.accounts.actions import end_all_sessions, forget_proofs, set_active
from apps.accounts.models import Invitation, RoleChange, User
from apps.accounts.tokens import hash_token
from apps.audit.actions import record
from apps.dashboard.role_actions import (
    is_clinical,
    is_given,
    is_last_admin,
    is_taken,
    must_say_who_agreed,
    must_wait,
    tell_leads,
    tell_of_loss,
    withdraw,
)
from apps.dashboard.staff_outbox import put
from apps.database.scope import every_clinic
from apps.patients.models import Clinic, StaffMember
from apps.programs.actions import forget_secrets
from apps.programs.models import Program

LIFETIME: Final = timedelta(days=7)  # [proposal]


class StaffError(ValueError):
    """The staff cannot be changed so; the text is for the reader, beside `field` if it has one."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field


@transaction.atomic
def invite_staff(
    *, clinic: Clinic, email: str, role: str, by: User, now: datetime, agreement: str = ""
) -> Invitation:
    """Store an invitation with its mail, which leaves after the commit.

    One to a clinical role waits for the word of a clinical lead, without one of a prescriber; where
    the clinic has neither, `agreement` says who agreed. An invitation of the same person that is
    not used yet is withdrawn: only the newest link works. Raises `StaffError` for somebody on the
    staff, and without an agreement where one is needed.
    """
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    email = email.strip().lower()
    if StaffMember.objects.active().filter(clinic=clinic, user__email=email).exists():
        raise StaffError("This person is on the staff already.")
    waiting = Invitation.objects.select_for_update().waiting().filter(clinic=clinic, email=email)
    works = waiting.filter(role=role, waits=False, expires_at__gt=now).exists()
    if must_say_who_agreed(clinic, role) and not works:
        check_agreement(agreement)
    withdraw(now, invitation__in=list(waiting))
    waiting.update(revoked_at=now)
    waits = must_wait(clinic, role) and not was_agreed(clinic, email, role, now)
    invitation = Invitation(
        clinic=clinic, email=email, role=role, invited_by=by, created_at=now,
        expires_at=now + LIFETIME, waits=waits,
    )  # fmt: skip
    invitation.token_hash = hash_token(invitation.token)
    invitation.save(force_insert=True)
    if is_given(role):
        tell_leads(
            clinic=clinic, what=RoleChange.What.INVITED, role=role, by=by, now=now, waits=waits,
            agreement=agreement, invitation=invitation,
        )  # fmt: skip
    if not waits:
        put(now, kind="invitation", clinic=clinic, invitation=invitation)
    record(
        "staff.invited", by=by, now=now, clinic_id=clinic.pk, obj=invitation, role=role, waits=waits
    )
    return invitation


def check_agreement(agreement: str) -> None:
    """Raise `StaffError` unless something says who agreed to a clinical role, and how."""
    if not agreement.strip():
        raise StaffError(
            "This role sees patients, and the clinic has no clinical lead or prescriber who could "
            "agree here. Write who agreed, and how. What waits: withdraw it, then ask again.",
            "agreement",
        )


def was_agreed(clinic: Clinic, email: str, role: str, now: datetime) -> bool:
    """Answer whether somebody agreed lately to this person in this role: sent again, it goes.

    For as long as the link that was agreed to would have worked, however often it was sent since.
    The admin's own word, of a day without anybody who could agree, counts on that day only.
    """
    words = RoleChange.objects.filter(clinic=clinic, invitation__email=email, role=role)
    lately = words.filter(state=RoleChange.State.AGREED, decided_at__gt=now - LIFETIME)
    return lately.exists()


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, by: User, now: datetime) -> None:
    """Withdraw an invitation: its link stops working. Safe to repeat."""
    if Invitation.objects.waiting().filter(pk=invitation.pk).update(revoked_at=now):
        withdraw(now, invitation=invitation)
        record(
            "staff.invitation_revoked", by=by, now=now, clinic_id=invitation.clinic_id,
            obj=invitation,
        )  # fmt: skip


@transaction.atomic
def accept_invitation(
    *, invitation: Invitation, full_name: str, password: str, now: datetime
) -> StaffMember:
    """Make the invited person a member of staff and use the link up.

    Somebody who has an account already keeps their name and password: both may be empty
    then. Raises `StaffError` when the link does not work any more.
    """
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("clinic")
    invitation = rows.get(pk=invitation.pk)
    if not invitation.works(now):
        raise StaffError("This invitation was used, withdrawn, or is too old. Ask for a new one.")
    user = User.objects.filter(email=invitation.email).first()
    if user is None:
        user = User.objects.create_user(
            email=invitation.email, full_name=full_name, password=password
        )
    set_active(user=user, active=True)
    member, _ = StaffMember.objects.update_or_create(
        clinic=invitation.clinic, user=user, defaults={"role": invitation.role, "is_active": True}
    )
    invitation.accepted_at, invitation.accepted_by = now, user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    record(
        "staff.joined", by=user, now=now, clinic_id=invitation.clinic_id, obj=member,
        role=invitation.role,
    )  # fmt: skip
    return member


@transaction.atomic
def change_role(
    *, member: StaffMember, role: str, by: User, now: datetime, agreement: str = ""
) -> StaffMember:
    """Give somebody another role, from their next click on. The same role changes nothing.

    One with more clinical rights waits for the word of a clinical lead, without one of a
    prescriber: the member is returned as they were. Where there is neither, `agreement` says who
    agreed. Alerts of one who handles
    none any more open again at the next sweep. Raises `StaffError` for one's own role, for the
    last clinic admin, and without an agreement where one is needed.
    """
    member = lock(member)
    if member.role == role:
        return member
    check_may_lose_role(member, by)
    if hear_of_role(member, role, by, now, agreement):
        return member
    before, member.role = member.role, role
    member.save(update_fields=["role"])
    record(
        "staff.role_changed", by=by, now=now, clinic_id=member.clinic_id, obj=member,
        before=before, role=role,
    )  # fmt: skip
    return member


def hear_of_role(member: StaffMember, role: str, by: User, now: datetime, agreement: str) -> bool:
    """Tell of a role that counts and is given, and of any that is taken; True if it has to wait."""
    waits = must_wait(member.clinic, role, member)
    if must_say_who_agreed(member.clinic, role, member):
        check_agreement(agreement)
    about: dict[str, Any] = {"clinic": member.clinic, "by": by, "now": now, "member": member}
    asked = RoleChange.objects.waiting().filter(member=member)
    if waits and asked.filter(role=role).exists():
        return True
    withdraw(now, member=member)
    if is_taken(member.role, role) and not waits:
        tell_of_loss(member, by, now)
    if not is_given(role, member.role):
        return False
    tell_leads(what=RoleChange.What.CHANGED, role=role, waits=waits, agreement=agreement, **about)
    if waits:
        record(
            "staff.role_asked", by=by, now=now, clinic_id=member.clinic_id, obj=member, role=role
        )
    return waits


@transaction.atomic
def deactivate_member(*, member: StaffMember, by: User, now: datetime) -> StaffMember:
    """End somebody's access at once: sessions, links, turns on the rota, alerts, programs.

    The record of what they did stays, with their name. Alerts that were theirs open again
    at the next sweep. Nobody ends their own access, and the last clinic admin stays: then
    `StaffError`. Safe to repeat.
    """
    member = lock(member)
    if not member.is_active:
        return member
    check_may_lose_role(member, by)
    withdraw(now, member=member)
    tell_of_loss(member, by, now)
    member.is_active = False
    member.save(update_fields=["is_active"])
    with every_clinic():
        works_elsewhere = StaffMember.objects.filter(user=member.user, is_active=True).exists()
    if works_elsewhere:
        end_all_sessions(user=member.user)
    else:
        set_active(user=member.user, active=False)
    forget_secrets(programs=Program.objects.acting_for(member), by=by, now=now)
    waiting = Invitation.objects.waiting()
    waiting.filter(clinic=member.clinic, email=member.user.email).update(revoked_at=now)
    record("staff.deactivated", by=by, now=now, clinic_id=member.clinic_id, obj=member)
    return member


@transaction.atomic
def reactivate_member(*, member: StaffMember, by: User, now: datetime) -> StaffMember:
    """Let somebody in again, with the role they had. Safe to repeat."""
    member = lock(member)
    if not member.is_active:
        member.is_active = True
        member.save(update_fields=["is_active"])
        set_active(user=member.user, active=True)
        if is_given(member.role):
            tell_leads(
                clinic=member.clinic, what=RoleChange.What.BACK, role=member.role, by=by, now=now,
                member=member,
            )  # fmt: skip
        record("staff.reactivated", by=by, now=now, clinic_id=member.clinic_id, obj=member)
    return member


@transaction.atomic
def forget_member_proofs(*, member: StaffMember, by: User, now: datetime) -> StaffMember:
    """Help somebody back in who lost their second factor and their recovery codes.

    Password, factors, sessions and the secrets of programs in their name go; they choose a new
    password by mail, set up a new factor, and agree to their programs anew. Their alerts and
    turns stay theirs. The record of each clinic where they work says so, and they and the clinical
    leads get a mail: whoever rules over a mailbox could sign in as its owner. Raises `StaffError`
    for oneself, and for who left: they may work elsewhere, and it is not for this clinic to shut
    them out there. Safe to repeat.
    """
    member = lock(member)
    if member.user_id == by.pk:
        raise StaffError("You cannot do this for yourself. Ask another clinic admin.")
    if not member.is_active:
        raise StaffError("This person is not on the staff any more. Let them in again first.")
    forget_proofs(user=member.user)
    with every_clinic():  # the proofs are of the person, wherever they work
        everywhere = Program.objects.filter(member__user_id=member.user_id)
        forget_secrets(programs=everywhere, by=by, now=now)
        rows = StaffMember.objects.active().select_related("clinic", "user")
        for each in rows.filter(user_id=member.user_id).order_by("pk"):
            hear_of_proofs(each, by, now, besides=(each.user,) if each.pk == member.pk else ())
            record("staff.proofs_forgotten", by=by, now=now, clinic_id=each.clinic_id, obj=each)
    return member


def hear_of_proofs(
    member: StaffMember, by: User, now: datetime, *, besides: tuple[User, ...]
) -> None:
    """Tell the clinical leads whose proofs were taken away: who reads that mailbox may be them."""
    if is_clinical(member.role) or besides:
        tell_leads(
            clinic=member.clinic, what=RoleChange.What.PROOFS, role=member.role, by=by, now=now,
            member=member, besides=besides,
        )  # fmt: skip


def lock(member: StaffMember) -> StaffMember:
    """Return the membership; changes to one clinic's staff wait for each other."""
    Clinic.objects.select_for_update(no_key=True).get(pk=member.clinic_id)
    return StaffMember.objects.select_related("user", "clinic").get(pk=member.pk)


def check_may_lose_role(member: StaffMember, by: User) -> None:
    """Raise `StaffError` for oneself and for the clinic's last admin."""
    if member.user_id == by.pk:
        raise StaffError("You cannot change your own access. Ask another clinic admin.")
    if is_last_admin(member):
        raise StaffError("This is the only clinic admin. Invite another one first.")
