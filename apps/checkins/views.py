"""The patient's check-in, opened by a signed link, and the staff button that makes one."""

import uuid
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods, require_POST

from apps.checkins import advice
from apps.checkins.actions import LinkUsedError, create_link, submit_by_link
from apps.checkins.forms import CheckInForm
from apps.checkins.models import CheckIn, CheckInLink, hash_token
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.clinical.triage import Level, assess
from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.permissions import Right

SEND_GRACE = timedelta(hours=12)  # [proposal]


@require_POST
@requires(Right.INVITE_TO_CHECK_IN)
def link_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Make a link for one check-in and show it once."""
    patient = fetch_patient(request, patient_id)
    token = create_link(patient=patient, by=member_of(request).user, now=timezone.now())
    url = settings.SITE_URL + reverse("checkins:create", args=[token])
    return render(request, "checkins/link_created.html", {"patient": patient, "url": url})


@login_not_required
@require_http_methods(["GET", "POST"])
def check_in_create(request: HttpRequest, token: str) -> HttpResponse:
    """Show the check-in and take its answers.

    GET changes nothing and shows nothing about the patient, so a mail scanner that
    opens the link does no harm.
    """
    link = (
        CheckInLink.objects.select_related("clinic", "patient")
        .filter(token_hash=hash_token(token))
        .first()
    )
    if link is None:
        return refuse(request, None, "unknown")
    with translation.override(link.patient.language), timezone.override(link.patient.tz):
        if request.method == "POST":
            return take_answers(request, link)
        if link.used_at is not None:
            return refuse(request, link, "used")
        if link.is_expired(timezone.now()):
            return refuse(request, link, "expired")
        return show_form(request, link, new_form(link), uuid.uuid4())


def new_form(link: CheckInLink, data: object = None) -> CheckInForm:
    """Return the daily form in the patient's language, empty or with what was posted."""
    questionnaire = get_questionnaire("daily", LATEST["daily"])
    return CheckInForm(
        questionnaire,
        link.patient.language,
        link.clinic.phone_numbers,
        data,  # type: ignore[arg-type]
    )


def take_answers(request: HttpRequest, link: CheckInLink) -> HttpResponse:
    """Store the answers, or show the form again with every error and every answer.

    An incomplete form that already holds an emergency is stored all the same: help
    must not wait for the other answers.
    """
    form = new_form(link, request.POST)
    submission_id = read_submission_id(request)
    if link.used_at is not None and link.submission_id != submission_id:
        return refuse(request, link, "used")
    # A page opened in time may be sent a little late: what was typed is not thrown away.
    if link.used_at is None and link.is_expired(timezone.now() - SEND_GRACE):
        return refuse(request, link, "expired")
    if not form.is_valid and assess(form.answers).level < Level.EMERGENCY:
        return show_form(request, link, form, submission_id, status=422)
    try:
        check_in = submit_by_link(
            link=link,
            questionnaire=form.questionnaire,
            answers=form.answers,
            submission_id=submission_id,
            language=link.patient.language,
            now=timezone.now(),
        )
    except LinkUsedError:
        return refuse(request, link, "used")
    return show_done(request, link, check_in)


def read_submission_id(request: HttpRequest) -> UUID:
    """Return the id the page was made with; a broken one gets a new id, never an error."""
    try:
        return UUID(request.POST.get("submission_id", ""))
    except ValueError:
        return uuid.uuid4()


def show_form(
    request: HttpRequest,
    link: CheckInLink,
    form: CheckInForm,
    submission_id: UUID,
    status: int = 200,
) -> HttpResponse:
    """Render the check-in page."""
    context = {
        "sections": form.sections(),
        "form_errors": [{"item": key, "text": text} for key, text in form.errors.items()]
        if form.is_bound
        else [],
        "submission_id": submission_id,
        "language": form.language,
        "clinic": link.clinic,
        "watching": advice.watching_now(link.clinic, timezone.now()),
    }
    return render(request, "checkins/check_in_form.html", context, status=status)


def show_done(request: HttpRequest, link: CheckInLink, check_in: CheckIn) -> HttpResponse:
    """Say what to do now, who was told and by when someone acts."""
    now = timezone.now()
    context = {
        "advice": advice.true_advice_for(check_in, link.clinic),
        "told": advice.told_sentence(check_in, now),
        "watching": advice.watching_now(link.clinic, now),
        "clinic": link.clinic,
        "check_in": check_in,
        "language": check_in.language,
    }
    return render(request, "checkins/check_in_done.html", context)


def refuse(request: HttpRequest, link: CheckInLink | None, reason: str) -> HttpResponse:
    """Say in a sentence why the link does not work, and what to do instead."""
    status = 404 if link is None else 410
    context = {
        "reason": reason,
        "clinic": link.clinic if link else None,
        "language": link.patient.language if link else "en",
    }
    return render(request, "checkins/check_in_link_invalid.html", context, status=status)
