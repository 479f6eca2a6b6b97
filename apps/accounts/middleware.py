"""A second factor for every member of staff, without exception outside demo mode."""

from collections.abc import Callable

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


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
        )
        if request.path.startswith(allowed):
            return False
        return not is_mfa_enabled(request.user, SECOND_FACTORS)
