"""Each request begins without a program."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.audit.actions import no_program


class NoProgramMiddleware:
    """Let no request inherit the program that the one before it acted through."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; stands outside of what records refusals, so that they name the program."""
        with no_program():
            return self.get_response(request)
