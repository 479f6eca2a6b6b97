"""A browser in which somebody signed in before: its wrong passwords are counted apart.

Five wrong passwords close a person's door for minutes, to everybody, so a guesser who goes on would
keep the real person out. In a browser that they used before they have a count of their own. The
cookie opens nothing: password and second factor are asked as ever, five times in five minutes.
"""

import secrets
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.signing import b62_decode
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

SALT: Final = "apps.accounts.known_browser"
# [proposal] long enough for a holiday and the shifts around it
KNOWN_SECONDS: Final = 90 * 86400
# [proposal] people of one computer: a server refuses a request with more than 8 kB of cookies
KNOWN_AT_MOST: Final = 20


def cookie_of(address: str) -> str:
    """Return the name of the cookie for an address; on a shared computer each has their own."""
    return f"{beginning()}{salted_hmac(SALT, address.strip().lower()).hexdigest()[:16]}"


def beginning() -> str:
    """Return what the names of all these cookies begin with."""
    return f"{settings.COOKIE_PREFIX}known_"


def too_many(request: HttpRequest, name: str) -> list[str]:
    """Return those that have to go for this one to have room: the oldest."""
    others = [each for each in request.COOKIES if each.startswith(beginning()) and each != name]
    others.sort(key=lambda each: signed_at(request.COOKIES[each]), reverse=True)
    return others[KNOWN_AT_MOST - 1 :]


def signed_at(value: str) -> int:
    """Return the second in which a cookie was signed; 0 for what we did not sign."""
    _, _, signed = value.rpartition(":")[0].rpartition(":")
    try:
        return b62_decode(signed)
    except (ValueError, IndexError):  # other letters, or none
        return 0


def known_as(request: HttpRequest, address: str) -> str:
    """Return what this browser is known by to whoever has this address; "" if it is not."""
    name = cookie_of(address)
    return request.get_signed_cookie(name, "", salt=SALT + name, max_age=KNOWN_SECONDS) or ""


def remember(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Note at a sign-in, with both factors, that the answer shall make the browser known."""
    request.signed_in_here = user.email  # type: ignore[attr-defined]


class KnownBrowserMiddleware:
    """Give a browser its cookie with the answer to a sign-in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the cookie after a sign-in; one that is known gets its days anew.

        Of many people on one computer those who were there last are known.
        """
        response = self.get_response(request)
        address = getattr(request, "signed_in_here", "")
        if address:
            name = cookie_of(address)
            response.set_signed_cookie(
                name, known_as(request, address) or secrets.token_urlsafe(12), salt=SALT + name,
                max_age=KNOWN_SECONDS, httponly=True,
                secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
            )  # fmt: skip
            for old in too_many(request, name):
                response.delete_cookie(old)
        return response
