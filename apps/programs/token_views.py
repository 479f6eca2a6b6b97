"""Where a program gets its token: OAuth 2.0, client credentials only (RFC 6749 section 4.4).

Refusals are those of RFC 6749 section 5.2, which every OAuth library reads.
"""

import secrets
from base64 import b64decode
from typing import Final
from urllib.parse import unquote_plus
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.accounts.guessing import guessed_too_often
from apps.accounts.tokens import hash_token
from apps.database.scope import enter_clinic, every_clinic
from apps.programs.actions import (
    TOKEN_LIFETIME,
    TOKENS_PER_MINUTE,
    give_token,
    tokens_within_a_minute,
)
from apps.programs.models import Program

GRANT: Final = "client_credentials"
NO_CACHE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@csrf_exempt
@login_not_required
@require_POST
def token(request: HttpRequest) -> JsonResponse:
    """Give a token for the client's id and secret, in the header (Basic) or in the form."""
    program = find_program(*credentials_of(request))
    if program is None:
        return refuse_client(request)
    if request.POST.get("grant_type") != GRANT:
        return refuse("unsupported_grant_type", f"grant_type is {GRANT}, nothing else.")
    asked = request.POST.get("scope", "").split() or program.scopes
    if not set(asked) <= set(program.scopes):
        return refuse("invalid_scope", f"This program has: {' '.join(program.scopes)}.")
    scopes = sorted(set(asked))
    now = timezone.now()
    if tokens_within_a_minute(program, now) >= TOKENS_PER_MINUTE:
        description = f"At most {TOKENS_PER_MINUTE} tokens a minute; use one until it ends."
        return refuse("slow_down", description, 429, {"Retry-After": "60"})
    answer = {
        "access_token": give_token(program=program, scopes=scopes, now=now),
        "token_type": "Bearer",
        "expires_in": int(TOKEN_LIFETIME.total_seconds()),
        "scope": " ".join(scopes),
    }
    return JsonResponse(answer, headers=NO_CACHE)


def credentials_of(request: HttpRequest) -> tuple[str, str]:
    """Return the client's id and secret, empty where there are none."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return request.POST.get("client_id", ""), request.POST.get("client_secret", "")
    try:
        name, _, secret = b64decode(given, validate=True).decode().partition(":")
    except ValueError:  # no Base64, or no UTF-8 in it
        return "", ""
    return unquote_plus(name), unquote_plus(secret)


def find_program(client_id: str, secret: str) -> Program | None:
    """Return the program that these belong to, if it works, and enter its clinic."""
    try:
        key = UUID(client_id)
    except ValueError:
        return None
    with every_clinic():
        program = Program.objects.select_related("member__user").filter(pk=key).first()
    if program is None or not secrets.compare_digest(program.secret_hash, hash_token(secret)):
        return None
    if not program.works:
        return None
    enter_clinic(program.clinic_id)
    return program


def refuse_client(request: HttpRequest) -> JsonResponse:
    """Refuse somebody unknown; after twenty from one address, ask for patience.

    Only misses count: the right secret opens the door whatever was guessed before.
    """
    if guessed_too_often(request, "guessed_secret"):
        wait = {"Retry-After": "300"}
        return refuse("invalid_client", "Too many wrong secrets. Wait.", 429, wait)
    challenge = {"WWW-Authenticate": 'Basic realm="programs"'}
    return refuse("invalid_client", "This client_id and secret do not work.", 401, challenge)


def refuse(
    error: str, description: str, status: int = 400, headers: dict[str, str] | None = None
) -> JsonResponse:
    """Return the refusal as OAuth libraries expect it."""
    body = {"error": error, "error_description": description}
    return JsonResponse(body, status=status, headers=NO_CACHE | (headers or {}))
