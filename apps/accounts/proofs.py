"""When the person of a session proved who they are."""

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.http import HttpRequest


def last_proof(request: HttpRequest, kind: str = "") -> float:
    """Return when this session's person last proved again who they are, in seconds; 0 for never.

    `kind` asks for one sort of proof, as allauth names it ("webauthn"); the sign-in is none.
    """
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    again = [row for row in records if row.get("reauthenticated")]
    return max((row["at"] for row in again if kind in ("", row.get("type"))), default=0)
