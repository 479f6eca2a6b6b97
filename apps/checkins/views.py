"""The patient's check-in, opened by a signed link, and the staff button that makes one."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.guessing import guessed_too_often
from apps.checkins import advice
from apps.checkins.actions import (
    PART_CORRECTION,
    PART_FIRST,
    PART_WEEKLY,
    LinkUsedError,
    Submission,
    check_part_is_free,
    create_link,
    submit_by_link,
)
from apps.checkins.assessment import form_context
from apps.checkins.forms import CheckInForm
from apps.checkins.models import CheckIn, CheckInLink, hash_token
from apps.clinical.questionnaires import (
    LATEST,
    Questionnaire,
    QuestionnaireError,
    get_questionnaire,
)
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
    return answer_page(request, token, PART_FIRST)


@login_not_required
@require_http_methods(["GET", "POST"])
def check_in_weekly(request: HttpRequest, token: str) -> HttpResponse:
    """Show the questions about the week, after the daily ones."""
    return answer_page(request, token, PART_WEEKLY)


@login_not_required
@require_http_methods(["GET", "POST"])
def check_in_correct(request: HttpRequest, token: str) -> HttpResponse:
    """Take a second check-in that corrects the first; the first one and its alert stay."""
    return answer_page(request, token, PART_CORRECTION)


def answer_page(request: HttpRequest, token: str, part: str) -> HttpResponse:
    """Show one part of a link and take its answers."""
    links = CheckInLink.objects.not_revoked().select_related("clinic", "patient")
    link = links.filter(token_hash=hash_token(token)).first()
    if link is None:
        return refuse(request, None, "unknown")
    now = timezone.now()
    with translation.override(link.patient.language), timezone.override(link.patient.tz):
        form = new_form(request, link, part, now)
        try:
            check_part_is_free(link, part, form.submission_id)
        except LinkUsedError:
            return refuse(request, link, "used")
        # A page opened in time may be sent a little late: what was typed is not thrown away.
        grace = SEND_GRACE if form.is_bound else timedelta(0)
        if link.is_expired(now - grace) and not is_known(form.submission_id):
            return refuse(request, link, "expired")
        # Help must not wait for the other answers: an emergency is stored incomplete too.
        if form.is_valid or (form.is_bound and assess(form.answers).level >= Level.EMERGENCY):
            return take_answers(request, link, form, part)
        return show_form(request, link, form, part)


def is_known(submission_id: UUID) -> bool:
    """Answer whether this very submission is stored already."""
    return CheckIn.objects.filter(submission_id=submission_id).exists()


def new_form(request: HttpRequest, link: CheckInLink, part: str, now: datetime) -> CheckInForm:
    """Return the form in the patient's language, empty or with what was posted.

    An old page is read by its own version of the questions.
    """
    kind = "weekly" if part == PART_WEEKLY else "daily"
    data = request.POST if request.method == "POST" else None
    return CheckInForm(
        version_of(kind, data),
        link.patient.language,
        link.clinic.phone_numbers,
        data,
        form_context(link.patient, now),
    )


def version_of(kind: str, data: QueryDict | None) -> Questionnaire:
    """Return the questionnaire that the posted page was made from, else the latest."""
    try:
        return get_questionnaire(kind, int((data or {}).get("version", "")))
    except (ValueError, QuestionnaireError):
        return get_questionnaire(kind, LATEST[kind])


def take_answers(
    request: HttpRequest, link: CheckInLink, form: CheckInForm, part: str
) -> HttpResponse:
    """Store the answers and say what happens now."""
    sent = Submission(
        questionnaire=form.questionnaire,
        answers=form.answers,
        submission_id=form.submission_id,
        language=link.patient.language,
        reported_at=form.reported_at,
        requests=form.requests if part != PART_WEEKLY else (),
    )
    try:
        check_in = submit_by_link(link=link, sent=sent, part=part, now=timezone.now())
    except LinkUsedError:
        return refuse(request, link, "used")
    return show_done(request, link, check_in)


def show_form(
    request: HttpRequest, link: CheckInLink, form: CheckInForm, part: str
) -> HttpResponse:
    """Render the check-in page."""
    context = {
        "part": part,
        "sections": form.sections(),
        "form_errors": [{"item": key, "text": text} for key, text in form.errors.items()]
        if form.is_bound
        else [],
        "submission_id": form.submission_id,
        "version": form.questionnaire.version,
        "reported_at": form.reported_at.isoformat() if form.reported_at else "",
        "requests": form.request_options() if part != PART_WEEKLY else [],
        "credits": [credit[form.language] for credit in form.questionnaire.credits],
        "language": form.language,
        "clinic": link.clinic,
        "watching": advice.watching_now(link.clinic, timezone.now()),
    }
    status = 422 if form.is_bound else 200
    return render(request, "checkins/check_in_form.html", context, status=status)


def show_done(request: HttpRequest, link: CheckInLink, check_in: CheckIn) -> HttpResponse:
    """Say what to do now, who was told and by when someone acts."""
    now = timezone.now()
    token = (request.resolver_match.kwargs if request.resolver_match else {})["token"]
    weekly = link.with_weekly and link.weekly_submission_id is None
    context = {
        "advice": advice.true_advice_for(check_in, link.clinic),
        "told": advice.told_sentence(check_in, now),
        "wishes": advice.wishes_of(check_in),
        "weekly_url": reverse("checkins:weekly", args=[token])
        if weekly and check_in.questionnaire == "daily"
        else "",
        "correct_url": reverse("checkins:correct", args=[token])
        if check_in.questionnaire == "daily"
        else "",
        "watching": advice.watching_now(link.clinic, now),
        "clinic": link.clinic,
        "check_in": check_in,
        "language": check_in.language,
    }
    return render(request, "checkins/check_in_done.html", context)


def refuse(request: HttpRequest, link: CheckInLink | None, reason: str) -> HttpResponse:
    """Say in a sentence why the link does not work, and what to do instead."""
    status = 404 if link is None else 410
    if link is None and guessed_too_often(request):
        status, reason = 429, "guessed"
    context = {
        "reason": reason,
        "clinic": link.clinic if link else None,
        "language": link.patient.language if link else "en",
    }
    return render(request, "checkins/check_in_link_invalid.html", context, status=status)
