"""Sessions that end, and a second factor for every member of staff outside demo mode."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from apps.accounts.actions import end_other_sessions
from apps.accounts.models import User
from apps.accounts.proof import FAILED
from apps.accounts.proofs import last_proof

BEGAN, SEEN = "session_began", "session_seen"
# A session row is written at most so often; the idle limit is that much less exact.
NOTE_EVERY_SECONDS = 60
# What a script adds to a question that nobody asked: htmx, and the open board.
BY_ITSELF = ("HX-Request", "X-Board")
GO_ON = "/accounts/go-on/"
SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def begin_session(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Start the clocks of a session at sign-in."""
    request.session[BEGAN] = request.session[SEEN] = int(timezone.now().timestamp())


def end_others(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """End a person's other sessions when a factor was taken away or made anew, as a password does.

    Whoever lost the telephone means the sessions that it opened, too.
    """
    end_other_sessions(user=user, kept=request.session.session_key)


class PollsKeepCookiesMiddleware:
    """Let what a page fetches by itself never take the session's cookie away.

    Such a question may be under way with the key of before while another tab gets a new one
    (`cycle_key`): Django would answer it by deleting the cookie, and so the new key.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer without the deletion; stands before Django's own, which makes it."""
        response = self.get_response(request)
        cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie is not None and not cookie.value and is_by_itself(request):
            del response.cookies[settings.SESSION_COOKIE_NAME]
        return response


def is_by_itself(request: HttpRequest) -> bool:
    """Answer whether a page asks this without anybody's click."""
    return request.method == "GET" and any(name in request.headers for name in BY_ITSELF)


class SessionLimitsMiddleware:
    """End a session that nobody used for a while, and any session after a working day.

    What a page fetches by itself, such as the board's refresh, is not use.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Sign the person out if the session is over; else note that they are here."""
        if not request.user.is_authenticated:
            return self.get_response(request)
        now = int(timezone.now().timestamp())
        if self.is_over(request, now):
            logout(request)
            return self.get_response(request)
        self.note(request, now)
        proved_at = last_proof(request)
        response = self.get_response(request)
        done = response.status_code < FAILED  # else nothing of the session is written
        if done and request.user.is_authenticated and proved_at < last_proof(request):
            # A key that was known before the proof opens nothing after it.
            request.session.cycle_key()
        return response

    def is_over(self, request: HttpRequest, now: int) -> bool:
        """Answer whether the session is too old or was idle for too long."""
        began, seen = request.session.get(BEGAN, now), request.session.get(SEEN, now)
        too_old = now - began >= settings.SESSION_COOKIE_AGE
        return bool(too_old or now - seen >= settings.SESSION_IDLE_SECONDS)

    def note(self, request: HttpRequest, now: int) -> None:
        """Store when the session began and when it was last used."""
        seen = request.session.get(SEEN)
        if seen is None or (now - seen >= NOTE_EVERY_SECONDS and not is_by_itself(request)):
            request.session[SEEN] = now
            request.session.setdefault(BEGAN, now)


class SecondFactorMiddleware:
    """Send a signed-in person without a second factor to set one up, whatever they asked for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the request through, or redirect to the enrolment page."""
        if self.must_enrol(request):
            return redirect("mfa_index")
        return self.get_response(request)

    def must_enrol(self, request: HttpRequest) -> bool:
        """Answer whether this request comes from someone who still lacks a second factor."""
        if settings.DEMO_MODE or not request.user.is_authenticated:
            return False
        allowed = (
            reverse("mfa_index"),
            reverse("account_reauthenticate"),
            reverse("account_logout"),
            GO_ON,  # the page after the proof for setting one up
        )
        if request.path.startswith(allowed):
            return False
        return not is_mfa_enabled(request.user, SECOND_FACTORS)
