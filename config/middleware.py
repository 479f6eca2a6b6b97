"""Response headers that Django does not set by itself."""

from collections.abc import Callable

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse

PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "microphone=(), payment=(), usb=(), interest-cohort=()"
)


class ContentPolicyMiddleware:
    """Say with every answer what its page may load: the one policy of the settings.

    No page has one of its own, so it is worked out once. Not on Django's own pages about an error
    in a development server, which carry their styles with them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = build_policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the policy."""
        response = self.get_response(request)
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response.headers[HEADER] = self.policy
        return response


class PrivacyHeadersMiddleware:
    """Keep pages out of caches and devices out of reach."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers unless the view has set its own."""
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # A shared computer's back button must not show a patient; static files are not served here.
        response.headers.setdefault("Cache-Control", "no-store")
        return response
