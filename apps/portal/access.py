"""Who reads a patient's own page: never by an id in the address, only by the session.

A patient's session and a member of staff's are different things: signing in as one ends
the other in the same browser, and a browser that has both counts as staff's.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.utils import timezone, translation

from apps.accounts.costly import costly
from apps.database.scope import enter_clinic, every_clinic
from apps.patients.lists import Listing, csv_file, csv_links, csv_text, wants_csv
from apps.patients.models import Patient
from apps.portal.actions import write_down
from apps.portal.models import Consent, PatientSession
from apps.portal.sign_in_actions import touch
from apps.portal.today_page import page_context

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
SESSION_KEY = "patient_session"
SESSIONS = PatientSession.objects.select_related("patient__clinic", "patient__medication")


def enter(request: HttpRequest, session: PatientSession) -> None:
    """Sign the patient in, in a session made anew: whatever it held before is gone."""
    request.session.flush()
    request.user = AnonymousUser()
    request.session[SESSION_KEY] = str(session.pk)
    rotate_token(request)


def current_session(request: HttpRequest) -> PatientSession | None:
    """Return the patient's session that works now, read from the database each time."""
    key = request.session.get(SESSION_KEY)
    if key is None:
        return None
    now = timezone.now()
    with every_clinic():
        session = SESSIONS.filter(pk=key).first()
    if session is None or not session.works(now) or request.user.is_authenticated:
        del request.session[SESSION_KEY]
        return None
    enter_clinic(session.patient.clinic_id)
    touch(session, now)
    return session


def own_page(*, enrolling: bool = False, consent: bool = True) -> Callable[[View[P]], View[P]]:
    """Let the signed-in patient in, in their language and zone; others to the sign-in page.

    `enrolling` opens the page to those who come from an invitation and have no code yet.
    Without `consent` it opens to those who have not agreed, or not any more.
    """

    def decorate(view: View[P]) -> View[P]:
        @login_not_required
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            session = current_session(request)
            if session is None or not (enrolling or session.kind == PatientSession.Kind.FULL):
                return redirect("portal:sign_in")
            patient = session.patient
            with translation.override(patient.language), timezone.override(patient.tz):
                if patient.status == Patient.Status.DECEASED:
                    return closed(request, patient)
                if consent and not Consent.objects.in_force().filter(patient=patient).exists():
                    return redirect("portal:consent")
                request.patient_session = session  # type: ignore[attr-defined]
                return view(request, *args, **kwargs)

        return guarded

    return decorate


def closed(request: HttpRequest, patient: Patient) -> HttpResponse:
    """Say to whoever holds the phone of a patient who died that these pages are closed."""
    return render(request, "portal/closed.html", page_context(patient.clinic), status=410)


def session_of(request: HttpRequest) -> PatientSession:
    """Return the session of a request that has passed `own_page`."""
    session: PatientSession = request.patient_session  # type: ignore[attr-defined]
    return session


def patient_of(request: HttpRequest) -> Patient:
    """Return the patient who reads the page."""
    return session_of(request).patient


def show_own_list(
    request: HttpRequest, listing: Listing, name: str, context: dict[str, Any]
) -> HttpResponse:
    """Render a page with a list of the patient's own, or give the whole list as CSV."""
    if not wants_csv(request):
        link = csv_links(request, [listing])[0][1]
        return show(request, name, context | {"csv_link": link})
    return own_file(request, listing)


@costly
def own_file(request: HttpRequest, listing: Listing) -> HttpResponse:
    """Give the patient a whole list of their own; that is on record."""
    patient, now = patient_of(request), timezone.now()
    text, rows = csv_text(listing, patient.tz)
    write_down(f"{listing.name}.exported", patient, patient, patient, now, rows=len(rows))
    return csv_file(text, listing.name, now.astimezone(patient.tz).date())


def show(
    request: HttpRequest, name: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """Render one of the patient's own pages."""
    patient = patient_of(request)
    base = page_context(patient.clinic) | {
        "patient": patient,
        "is_full": session_of(request).kind == PatientSession.Kind.FULL,
    }
    return render(request, f"portal/{name}.html", base | (context or {}), status=status)
