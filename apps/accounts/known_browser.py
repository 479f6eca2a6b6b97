"""A browser in which somebody signed in before: its wrong passwords are counted apart.

Five wrong passwords close a person's door for minutes, to everybody, so a guesser who goes on would
keep the real person out. In a browser that they used before they have a count of their own. The
cookie opens nothing: password and second factor are asked as ever, five times in five minutes.
"""

import secrets
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

SALT: Final = "apps.accounts.known_browser"
# [proposal] long enough for a holiday and the shifts around it
KNOWN_SECONDS: Final = 90 * 86400


def cookie_of(address: str) -> str:
    """Return the name of the cookie for an address; on a shared computer each has their own."""
    return f"known_{salted_hmac(SALT, address.strip().lower()).hexdigest()[:16]}"


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
        """Answer, with the cookie after a sign-in; one that is known gets its days anew."""
        response = self.get_response(request)
        address = getattr(request, "signed_in_here", "")
        if address:
            name = cookie_of(address)
            response.set_signed_cookie(
                name, known_as(request, address) or secrets.token_urlsafe(12), salt=SALT + name,
                max_age=KNOWN_SECONDS, path="/accounts/", httponly=True,
                secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
            )  # fmt: skip
        return response
