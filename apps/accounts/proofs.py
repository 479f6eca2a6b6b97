"""When the person of a session proved who they are."""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest

from apps.accounts.models import User

PASSWORD = "password"  # noqa: S105 - as allauth names this proof
SET_UP = "set_up"  # the proof came with a new factor, and was asked for nothing else
KEY, APP, RECOVERY = (
    Authenticator.Type.WEBAUTHN, Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES,
)  # fmt: skip


def last_proof(request: HttpRequest) -> float:
    """Return when this session's person last proved again who they are, in seconds; 0 for never.

    The sign-in is no such proof.
    """
    return max((row["at"] for row in proofs_of(request)), default=0)


def last_confirmation(request: HttpRequest) -> float:
    """Return when this session's person last confirmed with a passkey; as `last_proof`.

    To set one up confirms nothing: nobody agreed to anything by it but to the passkey.
    """
    rows = [row for row in proofs_of(request) if kind_of(row) == KEY and not row.get(SET_UP)]
    return max((row["at"] for row in rows), default=0)


def missing_proof(request: HttpRequest) -> str:
    """Return the name of the page with the next proof for both factors; "" when all were given.

    A passkey is both in one: it asked for a PIN or a finger. Whoever has no second factor yet
    proves what there is. Each counts for five minutes.
    """
    since = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
    given = {kind_of(row) for row in proofs_of(request) if row["at"] > since}
    user = request.user
    if KEY in given or not user.is_authenticated:
        return ""
    if user.has_usable_password() and PASSWORD not in given:
        return "account_reauthenticate"
    if given & {APP, RECOVERY} or not is_mfa_enabled(user, [APP, KEY]):
        return ""
    codes = is_mfa_enabled(user, [APP, RECOVERY])
    return "mfa_reauthenticate" if codes else "mfa_reauthenticate_webauthn"


def new_factor_was_proved(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    """Count the code or the key by which a factor was set up as a proof of it.

    The page after it shows the recovery codes, and the app's code works once: who has just typed it
    would wait for the next to type that. It signs nothing: see `last_confirmation`.
    """
    if authenticator.type in (APP, KEY):
        new = {"id": authenticator.pk, "type": authenticator.type, SET_UP: True}
        record_authentication(request, user, "mfa", reauthenticated=True, **new)


def proofs_of(request: HttpRequest) -> list[dict[str, Any]]:
    """Return allauth's records of this session's person proving again who they are."""
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    return [row for row in records if row.get("reauthenticated")]


def kind_of(record: dict[str, Any]) -> str:
    """Return by which sort of proof, as allauth names it ("webauthn")."""
    return str(record.get("type") or record["method"])
