"""Ending a person's access: every session at once."""

from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import F

from apps.accounts.models import Invitation, StaffMail, User


def lock_sessions(*, user: User | AnonymousUser) -> None:
    """Hold this person's list of sessions: one that changes its key waits, and is then over."""
    list(UserSession.objects.select_for_update().filter(user_id=user.pk))


@transaction.atomic
def end_all_sessions(*, user: User) -> None:
    """End every session of this person, on every device, from the next request on.

    Sessions that no list knows end too: what is part of each session's key changes.
    """
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    lock_sessions(user=user)
    for session in UserSession.objects.filter(user=user):
        session.end()


@transaction.atomic
def end_other_sessions(*, user: User, kept: str | None) -> None:
    """End every listed session of this person but the one with this key. Safe to repeat.

    One that changes its key just now waits for this, or this for it: it ends under either.
    """
    lock_sessions(user=user)
    for session in UserSession.objects.filter(user=user).exclude(session_key=kept):
        session.end()


@transaction.atomic
def set_active(*, user: User, active: bool) -> None:
    """Let a person sign in, or not any more; their sessions end with it. Safe to repeat."""
    changed = User.objects.filter(pk=user.pk, is_active=not active).update(is_active=active)
    user.is_active = active
    if changed and not active:
        end_all_sessions(user=user)


@transaction.atomic
def forget_proofs(*, user: User) -> None:
    """Take away password, second factors and sessions: the way back begins in their mailbox.

    The password goes too, so that whoever knows it alone cannot set up a factor of their own.
    Safe to repeat.
    """
    Authenticator.objects.filter(user=user).delete()
    user.set_unusable_password()
    user.save(update_fields=["password"])
    end_all_sessions(user=user)


@transaction.atomic
def end_every_session(now: datetime) -> int:
    """End each session of the staff, and each link to a new password; return how many sessions.

    For a database that was restored: which of them had ended since, nobody can know.
    """
    User.objects.update(session_epoch=F("session_epoch") + 1)
    waiting = StaffMail.objects.filter(kind=StaffMail.Kind.RESET, state__in=("pending", "sending"))
    waiting.update(
        state=StaffMail.State.CANCELLED, ended_at=now, next_attempt_at=None, lease_token=None,
        lease_until=None,
    )  # fmt: skip
    UserSession.objects.all().delete()
    return Session.objects.all().delete()[0]


@transaction.atomic
def revoke_every_invitation(now: datetime) -> int:
    """Withdraw what invitations of staff wait; an admin sends a new one where it is still meant."""
    return Invitation.objects.waiting().update(revoked_at=now)


@transaction.atomic
def forget_sessions(now: datetime) -> int:
    """Remove sessions that are over, with their place in people's lists; return how many.

    What waited in them for a proof goes with them, and from where they came. Safe to repeat.
    """
    gone, _ = Session.objects.filter(expire_date__lt=now).delete()
    living = Session.objects.values("session_key")
    UserSession.objects.exclude(session_key__in=living).delete()
    return gone


def forget_counts(now: datetime) -> int:
    """Remove counts of guesses and used codes that are over; return how many. Safe to repeat.

    The cache removes them by itself only above its limit, which is far away.
    """
    table = connection.ops.quote_name(str(settings.CACHES["default"]["LOCATION"]))
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE expires < %s", [now])  # noqa: S608 - our own
        return int(cursor.rowcount)
