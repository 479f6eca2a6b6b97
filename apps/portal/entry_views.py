"""The doors: invitation, consent, sign-in code, sign-out. They say nothing about anybody."""

import secrets
from typing import Any
from uuid import UUID

from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.guessing import guessed_too_often
from apps.accounts.tokens import hash_token
from apps.database.scope import enter_clinic, every_clinic
from apps.patients.models import Patient
from apps.portal.access import current_session, enter, own_page, patient_of, session_of, show
from apps.portal.actions import begin, give_consent
from apps.portal.consent import VERSION, consent_text
from apps.portal.forms import AddressForm, CodeForm, ConsentForm
from apps.portal.models import Consent, Invitation, PatientSession
from apps.portal.sign_in_actions import CodeError, ask_for_code, end_session, sign_in
from apps.portal.today_page import page_context
from apps.portal.tokens import hash_address

CODES_KEY = "patient_codes"
LANGUAGE_KEY = "patient_language"
DEVICE_COOKIE = f"{settings.COOKIE_PREFIX}patient_device"
DEVICE_SALT = "apps.portal.device"
DEVICE_SECONDS = 180 * 86400
LANGUAGES = tuple(Patient.Language.values)


def language_of(request: HttpRequest, known: str = "") -> str:
    """Return the language of a door: the one just chosen, else known, else the browser's."""
    chosen = request.GET.get("lang", "")
    if chosen in LANGUAGES:
        request.session[LANGUAGE_KEY] = chosen
    found = request.session.get(LANGUAGE_KEY) or known or translation.get_language() or "en"
    return str(found)[:2] if str(found)[:2] in LANGUAGES else "en"


def door(
    request: HttpRequest, name: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render a page outside the own pages, with the way to the other language."""
    now = translation.get_language()
    others = [(code, label) for code, label in Patient.Language.choices if code != now]
    context = {"languages": others, "language": now, **context}
    return render(request, f"portal/{name}.html", context, status=status)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def invited(request: HttpRequest, token: str) -> HttpResponse:
    """Open the way to consent. GET changes nothing and shows nothing about the patient."""
    rows = Invitation.objects.select_related("clinic", "patient")
    with every_clinic():
        invitation = rows.filter(token_hash=hash_token(token)).first()
    if invitation is None:
        return dead_link(request, None, "unknown", 429 if guessed_too_often(request) else 404)
    enter_clinic(invitation.clinic_id)
    now = timezone.now()
    with translation.override(language_of(request, invitation.patient.language)):
        if not invitation.works(now):
            return dead_link(request, invitation.clinic, "ended", 410)
        if request.method != "POST":
            return door(request, "invited", page_context(invitation.clinic))
        session = begin(invitation=invitation, now=now)
        if session is None:
            return redirect("portal:sign_in")
        enter(request, session)
        return redirect("portal:consent")


def dead_link(request: HttpRequest, clinic: Any, reason: str, status: int) -> HttpResponse:
    """Say that a link does not work, and whom to call."""
    base = page_context(clinic) if clinic else {}
    with translation.override(translation.get_language() if clinic else language_of(request)):
        return door(request, "link_ended", base | {"reason": reason}, status)


@require_http_methods(["GET", "POST"])
@own_page(enrolling=True, consent=False)
def consent(request: HttpRequest) -> HttpResponse:
    """Show what is agreed to, and take the answer. Nothing is ticked beforehand."""
    patient = patient_of(request)
    form = ConsentForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        give_consent(patient=patient, language=patient.language, now=timezone.now())
        return redirect("portal:settings")
    latest = Consent.objects.filter(patient=patient).order_by("-given_at").first()
    # What somebody said yes to is shown as it was then, however the words are now.
    agreed = latest is not None and latest.withdrawn_at is None
    version = latest.version if latest is not None and agreed else VERSION
    number = patient.clinic.emergency_number
    context = {
        "form": form,
        "parts": consent_text(patient.language, emergency=number, version=version),
        "latest": latest,
    }
    return show(request, "consent", context, 422 if form.is_bound else 200)


@login_not_required
@require_http_methods(["GET", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    """Take an address and go on to the code, whoever it belongs to, or nobody."""
    session = current_session(request)
    if session is not None and session.kind == PatientSession.Kind.FULL:
        return redirect("portal:home")
    with translation.override(language_of(request)):
        form = AddressForm(request.POST if request.method == "POST" else None)
        if not (form.is_bound and form.is_valid()):
            return door(request, "sign_in", {"form": form}, 422 if form.is_bound else 200)
        address = form.cleaned_data["email"]
        if not may_ask(request, address):
            return door(request, "sign_in", {"form": form, "too_many": True}, 429)
        codes = ask_for_code(address=address, now=timezone.now())
        return wait_for_code(request, codes, address)


def may_ask(request: HttpRequest, address: str) -> bool:
    """Answer whether one more code may be asked for from here.

    A browser that was signed in with this address before has a count of its own, so
    that nobody who tries codes elsewhere, or behind the same router, locks it out.
    """
    key = hash_address(address)
    device = request.get_signed_cookie(DEVICE_COOKIE, "", salt=DEVICE_SALT, max_age=DEVICE_SECONDS)
    if device and device.partition(":")[0] == key:
        return bool(ratelimit.consume(request, action="patient_device", key=device))
    by_place = ratelimit.consume(request, action="patient_code")
    return bool(by_place and ratelimit.consume(request, action="patient_address", key=key))


def wait_for_code(request: HttpRequest, codes: list[UUID], address: str) -> HttpResponse:
    """Remember in this browser which codes it asked for; no other can type them in."""
    request.session[CODES_KEY] = [[str(code) for code in codes], hash_address(address)]
    return redirect("portal:code")


@login_not_required
@require_http_methods(["GET", "POST"])
def code_page(request: HttpRequest) -> HttpResponse:
    """Take the code that was mailed and open the own pages."""
    waiting, address_hash = request.session.get(CODES_KEY) or ([], "")
    if not waiting:
        return redirect("portal:sign_in")
    with translation.override(language_of(request)):
        form = CodeForm(request.POST if request.method == "POST" else None)
        context: dict[str, Any] = {"form": form}
        if form.is_bound and form.is_valid():
            typed, codes = form.cleaned_data["code"], [UUID(code) for code in waiting]
            try:
                session = sign_in(codes=codes, typed=typed, now=timezone.now())
            except CodeError as error:
                context |= {"wrong": True, "left": error.tries_left}
            else:
                enter(request, session)
                return remember_device(redirect("portal:home"), address_hash)
        return door(request, "code", context, 422 if form.is_bound else 200)


def remember_device(response: HttpResponse, address_hash: str) -> HttpResponse:
    """Let this browser ask for codes in its own count. The cookie opens nothing."""
    response.set_signed_cookie(
        DEVICE_COOKIE, f"{address_hash}:{secrets.token_urlsafe(12)}",
        salt=DEVICE_SALT, max_age=DEVICE_SECONDS, httponly=True,
        secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
    )  # fmt: skip
    return response


@require_POST
@own_page(enrolling=True, consent=False)
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session here and in the database."""
    end_session(session=session_of(request), now=timezone.now())
    request.session.flush()
    return redirect("portal:sign_in")
