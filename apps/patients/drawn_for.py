"""The clinic for which a page was drawn: each of its forms says so, and is taken in no other.

A person may work in two clinics (docs/adr/0082). A tab of the one, or an answer that comes late
and brings an older cookie back, would else send what was typed about a patient here to the clinic
there.
"""

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from apps.accounts import kept
from apps.patients.models import StaffMember
from apps.patients.refusals import note_refused

FIELD: Final = kept.DRAWN_FOR  # in a form, written by {% csrf_token %}
HEADER: Final = "X-Clinic"  # of a script that sends no form
# A person's own sign-in, sessions and factors: of no clinic.
OF_THE_PERSON: Final = "/accounts/"
BY_SCRIPT: Final = ("HX-Request", "X-Board")
# Never shown again, nor kept: what nobody should read over a shoulder. By a field's whole name, so
# that nothing typed is lost that is only called alike. `url` is a gateway's, with its key in it.
SECRET: Final = frozenset({"password", "code", "secret", "url"})


def is_for_another(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Answer whether what was posted belongs to a page of another clinic, or may do so.

    One that does not say for which is taken from who works in one clinic only, and did when the
    session began. What goes on after a proof is bound to its clinic by its own id.
    """
    if not getattr(view, "login_required", True) or request.POST.get(kept.FIELD):
        return False
    if request.path.startswith(OF_THE_PERSON) or request.path == reverse("dashboard:clinic"):
        return False
    drawn_for = request.POST.get(FIELD) or request.headers.get(HEADER, "")
    if drawn_for:
        return drawn_for != kept.clinic_of(request)
    return len(request.memberships) > 1 or request.has_moved  # type: ignore[attr-defined]


def refuse(request: HttpRequest) -> HttpResponse:
    """Say that nothing was done, show what was typed, and offer to send it where it was meant.

    A script's question is answered in a sentence and nothing of it is kept: its page still holds
    what was typed.
    """
    mine: list[StaffMember] = request.memberships  # type: ignore[attr-defined]
    drawn_for = request.POST.get(FIELD, "")
    meant = next((each for each in mine if str(each.clinic_id) == drawn_for), None)
    context = {"meant": meant, "typed": shown(request.POST), "target": ""}
    request.refused_as = "a page of another clinic"  # type: ignore[attr-defined]
    note_refused(drawn_for or request.headers.get(HEADER, ""))
    if any(name in request.headers for name in BY_SCRIPT):
        context["target"] = request.headers.get("HX-Target", "")
        # htmx shows an answer of 422 in its place, and none of the other refusals
        status = 422 if "HX-Request" in request.headers else 409
        return render(request, "patients/other_clinic_part.html", context, status=status)
    if meant:
        act = f"Send what you typed to {meant.clinic.name}"
        context["kept_id"] = kept.keep(
            request, act, is_file=False, clinic_id=drawn_for, holds=may_be_shown
        )
    return render(request, "patients/other_clinic.html", context, status=409)


def shown(sent: QueryDict) -> list[tuple[str, str]]:
    """Return what a person typed or chose, by the names of the fields in words."""
    return [
        (name.rsplit("-", 1)[-1].replace("_", " "), str(value))
        for name, values in sent.lists()
        if name not in kept.OF_THE_FORM and may_be_shown(name)
        for value in values
        if str(value).strip()
    ]


def may_be_shown(name: str) -> bool:
    """Answer whether a field, by its name without the form's prefix, is none of the secret ones."""
    return name.rsplit("-", 1)[-1] not in SECRET
