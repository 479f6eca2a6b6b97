"""Asking for the password or second factor again before something that cannot be undone."""

from collections.abc import Callable
from typing import Final

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from apps.accounts import kept
from apps.accounts.proofs import missing_proof

FAILED: Final = 500  # this status and above: the program failed
# What the library's own pages ask a proof for: factors, recovery codes, passkeys.
OF_THE_LIBRARY = "Look at or change how you sign in"


class ProofRequired(ReauthenticationRequired):  # type: ignore[misc]
    """A fresh proof has to come first. `act` says for what, `is_file` that a file is the answer.

    `way` names the page on which it is asked for; "" is the first that the person has.
    """

    def __init__(self, act: str, *, is_file: bool = False, way: str = "") -> None:
        super().__init__(act)
        self.act, self.is_file, self.way = act, is_file, way


def require_recent_proof(request: HttpRequest, act: str, *, is_file: bool = False) -> None:
    """Send the person to prove who they are, unless they did so in the last five minutes.

    `act` says in plain words what the proof is for and names no patient but by number: it stands
    on the page that asks. Call it after fetching, so that what is out of scope stays 404. What was
    posted is kept and goes on after the proof. The demonstration has no passwords and asks for
    none.
    """
    if not settings.DEMO_MODE and is_reauthentication_required(request, app=""):
        raise ProofRequired(act, is_file=is_file)


def require_full_proof(request: HttpRequest, act: str) -> None:
    """Send the person to prove who they are by both factors, unless they did so lately.

    For what decides who gets in from then on: one factor, and a browser that was left open, would
    else be enough to set up another for good (ASVS 5.0, 7.5.1). One page asks after the other.
    """
    if not settings.DEMO_MODE and (way := missing_proof(request)):
        raise ProofRequired(act, way=way)


class KeptRequestsMiddleware:
    """Keep what waits for a proof, and let it go on once, in the clinic in which it was begun.

    Stands inside allauth's own middleware, which would keep one request per session, in clear.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Take what is kept by the form's own id; do nothing that is gone or of another clinic.

        A file is handed out by no other address than the one that was kept, so it is taken as
        once as what was posted. A page goes on at its own address, which may be loaded again.
        """
        if not request.user.is_authenticated:  # else a program's body would be read here
            return self.get_response(request)
        key = request.POST.get(kept.FIELD) or request.GET.get(kept.FIELD) or ""
        if not key:
            return self.get_response(request)
        found = self.taken(request, key)
        if found is None:
            return render(request, "account/go_on.html", {"kept": None}, status=409)
        if not (found.is_post or found.is_file):
            return redirect(found.address)
        response = self.get_response(request)
        if response.status_code >= FAILED:
            kept.give_back(key)  # the session that still holds it is not written then
        return response

    def taken(self, request: HttpRequest, key: str) -> kept.Kept | None:
        """Return what was kept, if this is it and where it was to go; it is used up then."""
        found = kept.find(request, key)
        if found is None:
            return None
        if (found.method, found.path) != (request.method, request.path):
            request.refused_as = "not what was kept"  # type: ignore[attr-defined]
        elif found.clinic_id != kept.clinic_of(request):
            request.refused_as = "kept for another clinic"  # type: ignore[attr-defined]
        else:
            return found if kept.take(request, key) else None
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Keep the request and ask for the proof; any other error is not for here."""
        if not isinstance(error, ReauthenticationRequired) or not request.user.is_authenticated:
            return None
        act, is_file, way = OF_THE_LIBRARY, False, ""
        if isinstance(error, ProofRequired):
            act, is_file, way = error.act, error.is_file, error.way
        return ask(request, kept.keep(request, act, is_file=is_file), way)


def ask(request: HttpRequest, key: str, way: str = "") -> HttpResponse:
    """Send the person to prove who they are, and from there to what is kept by this id."""
    ways = get_adapter().get_reauthentication_methods(request.user)
    first = ways[0]["url"] if ways else reverse("account_login")
    asks = reverse(way) if way else first
    goes_on = reverse("account_go_on", args=[key])
    return redirect(f"{asks}?{urlencode({REDIRECT_FIELD_NAME: goes_on})}")
