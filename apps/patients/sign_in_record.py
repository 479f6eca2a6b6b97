"""Sign-in events in the audit record of each clinic where the person works.

Each says from which network it came (`source`), as far as it is known.
"""

from typing import Any
from uuid import UUID

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.source import source_of
from apps.audit.actions import record
from apps.database.scope import every_clinic
from apps.patients.models import StaffMember


def connect() -> None:
    """Listen to Django and allauth; called once, when the application starts."""
    user_logged_in.connect(signed_in, dispatch_uid="audit.signed_in")
    user_logged_out.connect(signed_out, dispatch_uid="audit.signed_out")
    user_login_failed.connect(failed, dispatch_uid="audit.sign_in_failed")
    mfa.authentication_failed.connect(code_failed, dispatch_uid="audit.code_failed")
    changes = {
        "password.changed": account.password_changed,
        "password.reset": account.password_reset,
        "second_factor.added": mfa.authenticator_added,
        "second_factor.removed": mfa.authenticator_removed,
        "second_factor.renewed": mfa.authenticator_reset,
    }
    for event, signal in changes.items():
        signal.connect(Changed(event), weak=False, dispatch_uid=f"audit.{event}")


@every_clinic()
def write_down(
    event: str, user: User, request: HttpRequest | None, *, by: User | None, **details: Any
) -> None:
    """Record an event about a person's sign-in once per clinic; none of what they typed."""
    now = timezone.now()
    if source := source_of(request):
        details["source"] = source
    clinics: list[UUID | None] = list(
        StaffMember.objects.filter(user=user, is_active=True).values_list("clinic_id", flat=True)
    )
    for clinic_id in clinics or [None]:
        record(event, by=by, now=now, clinic_id=clinic_id, obj=user, **details)


def signed_in(sender: Any, user: User, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Somebody is in."""
    write_down("sign_in.done", user, request, by=user)


def signed_out(
    sender: Any, user: User | None, request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Somebody left, or their session ended."""
    if user is not None:
        write_down("sign_in.ended", user, request, by=user)


def failed(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """A wrong password. An address that nobody here has is not written down."""
    email = str(credentials.get("email") or credentials.get("username") or "").strip().lower()
    user = User.objects.filter(email=email).first()
    if user is not None:
        write_down("sign_in.failed", user, request, by=None, proof="password")


def code_failed(sender: Any, user: User, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """A right password, and then a wrong code."""
    write_down("sign_in.failed", user, request, by=None, proof="second factor")


class Changed:
    """Write down that a person's password or second factor changed."""

    def __init__(self, event: str) -> None:
        self.event = event

    def __call__(self, sender: Any, user: User, **kwargs: Any) -> None:
        """Take the signal; `authenticator` tells the kind of proof."""
        kind = getattr(kwargs.get("authenticator"), "type", "")
        proof = {"proof": str(kind)} if kind else {}
        write_down(self.event, user, kwargs.get("request"), by=user, **proof)
