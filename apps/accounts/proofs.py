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
KEY, APP, RECOVERY = (
    Authenticator.Type.WEBAUTHN, Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES,
)  # fmt: skip


def last_proof(request: HttpRequest, kind: str = "") -> float:
    """Return when this session's person last proved again who they are, in seconds; 0 for never.

    `kind` asks for one sort of proof, as allauth names it ("webauthn"); the sign-in is none.
    """
    return max((at for at, each in proofs_of(request) if kind in ("", each)), default=0)


def missing_proof(request: HttpRequest) -> str:
    """Return the name of the page with the next proof for both factors; "" when all were given.

    A passkey is both in one: it asked for a PIN or a finger. Whoever has no second factor yet
    proves what there is. Each counts for five minutes.
    """
    since = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
    given = {kind for at, kind in proofs_of(request) if at > since}
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
    would wait for the next to type that.
    """
    if authenticator.type in (APP, KEY):
        new = {"id": authenticator.pk, "type": authenticator.type}
        record_authentication(request, user, "mfa", reauthenticated=True, **new)


def proofs_of(request: HttpRequest) -> list[tuple[float, str]]:
    """Return when this session's person proved again who they are, and by which sort of proof."""
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    again = [row for row in records if row.get("reauthenticated")]
    return [(row["at"], row.get("type") or row["method"]) for row in again]
