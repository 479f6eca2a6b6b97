"""Response headers that Django does not set by itself, and its messages made late."""

from collections.abc import Callable
from functools import partial

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.messages.storage import default_storage
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject, empty

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


class MessagesMiddleware(MessageMiddleware):
    """Django's own, whose storage is made for the first page that has or reads a message.

    It makes keys to sign and to open a cookie with; most answers have nothing to say.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Give the request its messages."""
        storage = SimpleLazyObject(partial(default_storage, request))
        request._messages = storage  # type: ignore[attr-defined]

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Keep what was said and not yet shown."""
        storage = getattr(request, "_messages", None)
        if isinstance(storage, SimpleLazyObject) and storage._wrapped is empty:
            return response
        answer: HttpResponse = super().process_response(request, response)
        return answer


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
