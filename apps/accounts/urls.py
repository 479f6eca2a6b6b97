"""The library's pages of sign-in; those that a clinic does not use are as if they did not exist."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Final, NoReturn

from allauth import urls as library
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLResolver

from apps.accounts.proof import require_recent_proof

# The address of a person is the one to which the clinic admin's invitation went. The library's
# page would let whoever finds an open browser move it to one of their own, unproved.
CLOSED: Final = {"account_email", "account_confirm_email", "account_email_verification_sent"}

PROVED: Final = {"usersessions_list"}


@login_not_required
def closed(request: HttpRequest, **kwargs: Any) -> NoReturn:
    """Answer as an address that does not exist."""
    raise Http404


def shut(patterns: Iterable[Any]) -> None:
    """Put `closed` in place of the views that are not used; their names stay for the library."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            shut(pattern.url_patterns)
        elif pattern.name in CLOSED:
            pattern.callback = closed


def after_proof(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return the view so that what it changes takes a fresh proof; it is done after that."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            require_recent_proof(request)
        return view(request, *args, **kwargs)

    return guarded


def guard(patterns: Iterable[Any]) -> None:
    """Put the views that end sessions behind a proof: whoever finds an open browser ends none."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            guard(pattern.url_patterns)
        elif pattern.name in PROVED:
            pattern.callback = after_proof(pattern.callback)


shut(library.urlpatterns)
guard(library.urlpatterns)
urlpatterns = library.urlpatterns
