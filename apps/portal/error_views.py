"""What goes wrong on a patient's address is told in a patient's words, in their language.

Programs are told as everywhere on their addresses; elsewhere Django's own views show the staff's
pages. Named in config/urls.py.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views import csrf, defaults

from apps.exchange.fhir.outcome import refuse
from apps.portal.entry_views import door, language_of
from apps.programs.problems import ProblemError, problem_response

OF_PATIENTS: Final = ("/me/", "/t/", "/c/", "/help/")
OF_PROGRAMS: Final[Mapping[str, Callable[[ProblemError], HttpResponse]]] = {
    "/api/": problem_response,
    "/fhir/": refuse,
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that nothing was sent because it could not be read, most often too much of it.

    A session that ended meanwhile is told at the answer's end: by then the act may be stored.
    """
    if isinstance(exception, SessionInterrupted):
        unsure = problem(request, "unsure", 400)
        return unsure or render(request, "400_session.html", status=400)
    return problem(request, "unread", 400) or defaults.bad_request(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that there is no such page, or none of this reader's."""
    no_such = ProblemError(404, "not-found", "There is no such address.")
    for beginning, answer in OF_PROGRAMS.items():
        if request.path.startswith(beginning):
            return answer(no_such)
    return problem(request, "gone", 404) or defaults.page_not_found(request, exception)


def csrf_failure(request: HttpRequest, reason: str = "", **names: Any) -> HttpResponse:
    """Say that the form came from an old page, or from a browser that takes no cookies."""
    return problem(request, "stale", 403) or csrf.csrf_failure(request, reason, **names)


def problem(request: HttpRequest, what: str, status: int) -> HttpResponse | None:
    """Return the page for a patient, None when the address is not one of theirs."""
    if not request.path.startswith(OF_PATIENTS):
        return None
    # A request that no middleware has seen has no session.
    language = language_of(request) if hasattr(request, "session") else "en"
    with translation.override(language):
        return door(request, "problem", {"what": what}, status)
