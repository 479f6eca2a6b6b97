"""Every refusal on a program's address is one that a program can read, whoever refused.

Views and `apps.api.entry` say what they refuse themselves. What Django refuses before or around
them (another method, a wrong host, a form without its token, an error of ours) comes as a page for
people; here it becomes a problem, on the FHIR address an OperationOutcome.
"""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from apps.exchange.fhir.outcome import refuse as fhir_refusal
from apps.programs.problems import CONTENT_TYPE, problem_of, problem_response

API, FHIR = "/api/v1/", "/fhir/R4"
FIRST_ERROR: Final = 400
READABLE: Final = (CONTENT_TYPE, "application/fhir+json")
KEPT_HEADERS: Final = ("Allow", "Retry-After", "WWW-Authenticate")


class ReadableRefusalsMiddleware:
    """Stands outside of all that refuses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and put what was refused into words for a program."""
        if not request.path.startswith((API, FHIR)):
            return self.get_response(request)
        response = self.get_response(request)
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if response.status_code < FIRST_ERROR or kind in READABLE:
            return response
        return readable(request, response)


def readable(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the same refusal, as the address says it."""
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    problem = problem_of(response.status_code, headers)
    if request.path.startswith(FHIR):
        return fhir_refusal(problem)
    return problem_response(problem)
