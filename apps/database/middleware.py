"""Each request begins without a clinic."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.database.scope import no_clinic


class NoClinicMiddleware:
    """Show a request no clinic's rows until a later middleware or a link says which."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer inside the narrow scope; what was before it comes back after it."""
        with no_clinic():
            return self.get_response(request)
