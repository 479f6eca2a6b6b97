"""The library's pages of sign-in; those that a clinic does not use are as if they did not exist."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Final, NoReturn

from allauth import urls as library
from allauth.account.utils import get_next_redirect_url
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLResolver, path, reverse
from django.utils.http import urlencode

from apps.accounts.actions import lock_sessions
from apps.accounts.proof import OF_THE_LIBRARY, require_full_proof, require_recent_proof
from apps.accounts.views import go_on

# The address of a person is the one to which the clinic admin's invitation went. The library's
# page would let whoever finds an open browser move it to one of their own, unproved.
CLOSED: Final = {"account_email", "account_confirm_email", "account_email_verification_sent"}

PROVED: Final = {"usersessions_list"}
LED_AWAY: Final = {"mfa_reauthenticate_webauthn"}
# What decides by which factors somebody gets in from then on.
PROVED_FULLY: Final = {
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_add_webauthn", "mfa_remove_webauthn",
    "mfa_generate_recovery_codes", "mfa_view_recovery_codes", "mfa_download_recovery_codes",
}  # fmt: skip


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
        if request.method != "POST":
            return view(request, *args, **kwargs)
        require_recent_proof(request, "Sign out everywhere else")
        with transaction.atomic():
            lock_sessions(user=request.user)
            return view(request, *args, **kwargs)

    return guarded


def after_full_proof(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return the view so that it opens to who has proved both factors."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        require_full_proof(request, OF_THE_LIBRARY)
        return view(request, *args, **kwargs)

    return guarded


def asks_again(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return the view so that a proof that failed leads back to it, with what waits for it.

    The library's leads to the sign-in, and from there to the board: what was typed would be lost.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer, goes_on = view(request, *args, **kwargs), get_next_redirect_url(request)
        if answer.headers.get("Location") != reverse("account_login") or not goes_on:
            return answer
        return redirect(f"{request.path}?{urlencode({REDIRECT_FIELD_NAME: goes_on})}")

    return guarded


def guard(patterns: Iterable[Any]) -> None:
    """Put the views that end sessions or change factors behind a proof.

    Whoever finds an open browser ends no session, and sets up no way in of their own.
    """
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            guard(pattern.url_patterns)
        elif pattern.name in PROVED:
            pattern.callback = after_proof(pattern.callback)
        elif pattern.name in LED_AWAY:
            pattern.callback = asks_again(pattern.callback)
        elif pattern.name in PROVED_FULLY:
            pattern.callback = after_full_proof(pattern.callback)


shut(library.urlpatterns)
guard(library.urlpatterns)
urlpatterns = [
    path("go-on/<uuid:kept_id>/", go_on, name="account_go_on"),
    *library.urlpatterns,
]
