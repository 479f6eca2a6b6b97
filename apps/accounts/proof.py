"""Asking for the password or second factor again before something that cannot be undone."""

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.conf import settings
from django.http import HttpRequest


def require_recent_proof(request: HttpRequest) -> None:
    """Send the person to prove who they are, unless they did so in the last five minutes.

    Call it after fetching, so that what is out of scope stays 404. What was posted is kept
    and done after the proof. The demonstration has no passwords and asks for none.
    """
    if not settings.DEMO_MODE:
        raise_if_reauthentication_required(request, app="")
