"""The page between a proof and what it was for."""

from uuid import UUID

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from apps.accounts import kept
from apps.accounts.proof import ask


@require_http_methods(["GET", "HEAD"])
def go_on(request: HttpRequest, kept_id: UUID) -> HttpResponse:
    """Show what waited for a proof as a form that goes to its own address, and changes nothing.

    The browser sends it, by the page's script at once, else by its button: so an answer with an
    error stands where it belongs, and after a file this page is still there.
    """
    found = kept.find(request, str(kept_id))
    if found is None:
        return render(request, "account/go_on.html", {"kept": None}, status=410)
    if not settings.DEMO_MODE and is_reauthentication_required(request, app=""):
        return ask(request, str(kept_id))
    here = found.clinic_id == kept.clinic_of(request)
    context = {"kept": found, "kept_id": kept_id, "field": kept.FIELD, "here": here}
    return render(request, "account/go_on.html", context, status=200 if here else 409)
