"""Papers, exports and lists in full: so many per person and five minutes.

What a person clicks never meets the limit; a script in an open session would otherwise keep every
process of the clinic busy with setting PDFs while check-ins wait.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from allauth.core.internal import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

AT_MOST: Final = 60  # [proposal] of all costly pages together
SECONDS: Final = 300
LIMIT: Final = {"costly": f"{AT_MOST}/{SECONDS}s/key"}


def costly(view: View[P]) -> View[P]:
    """Answer 429 to who asks for more than that. Goes below the decorator that lets people in."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        allowed = ratelimit.consume(
            request, app="apps.accounts", action="costly", config=LIMIT, limit_get=True,
            key=who_asks(request),
        )  # fmt: skip
        if allowed is None:
            return refuse(request)
        return view(request, *args, **kwargs)

    return guarded


def refuse(request: HttpRequest) -> HttpResponse:
    """Return the page that says so; a patient's browser, where only a script comes here, none."""
    staff = request.user.is_authenticated
    answer = render(request, "429.html", status=429) if staff else HttpResponse(status=429)
    answer.headers["Retry-After"] = str(SECONDS)
    return answer


def who_asks(request: HttpRequest) -> str:
    """Return whose questions are counted together: a member of staff's or a patient's."""
    if request.user.is_authenticated:
        return f"user {request.user.pk}"
    return f"patient {request.patient_session.patient_id}"  # type: ignore[attr-defined]
