"""Ending a person's access: every session at once."""

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import F

from apps.accounts.models import User


@transaction.atomic
def end_all_sessions(*, user: User) -> None:
    """End every session of this person, on every device, from the next request on.

    Sessions that no list knows end too: what is part of each session's key changes.
    """
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    for session in UserSession.objects.filter(user=user):
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
