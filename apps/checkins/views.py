"""The patient's check-in, opened by a signed link, and the staff button that makes one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.tokens import hash_token
from apps.alerts.rota import on_call_now
from apps.checkins.actions import NotInTimeError, Submission
from apps.checkins.assessment import not_asked_of
from apps.checkins.forms import CheckInForm
from apps.checkins.kept_actions import KeptEnoughError, keep_by_link
from apps.checkins.link_actions import (
    PART_CORRECTION,
    PART_FIRST,
    PART_WEEKLY,
    LinkUsedError,
    answering,
    check_part_is_free,
    create_link,
    submit_by_link,
)
from apps.checkins.models import CheckIn, CheckInLink
from apps.checkins.pages import ENOUGH, refuse, show_done, show_form, show_kept
from apps.clinical.questionnaires import (
    LATEST,
    Questionnaire,
    QuestionnaireError,
    get_questionnaire,
)
from apps.database.scope import enter_clinic, every_clinic
from apps.database.statements import Read
from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.models import Patient
from apps.patients.permissions import Right

LINK = Read[CheckInLink](
    lambda token_hash: (
        CheckInLink.objects.not_revoked()
        .select_related("clinic", "patient")
        .filter(token_hash=token_hash)
    ),
    token_hash=str,
)


@require_POST
@requires(Right.INVITE_TO_CHECK_IN)
def link_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Make a link for one check-in and show it once."""
    patient = fetch_patient(request, patient_id)
    token = create_link(patient=patient, by=member_of(request).user, now=timezone.now())
    url = settings.SITE_URL + reverse("checkins:create", args=[token])
    return render(request, "checkins/link_created.html", {"patient": patient, "url": url})


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def check_in_create(request: HttpRequest, token: str) -> HttpResponse:
    """Show the check-in and take its answers.

    GET changes nothing and shows nothing about the patient, so a mail scanner that
    opens the link does no harm. Exempt from CSRF: the link itself is the authority and
    no cookie is, so answers may wait on a phone for days, and without cookies.
    """
    return answer_page(request, token, PART_FIRST)


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def check_in_weekly(request: HttpRequest, token: str) -> HttpResponse:
    """Show the questions about the week, after the daily ones."""
    return answer_page(request, token, PART_WEEKLY)


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def check_in_correct(request: HttpRequest, token: str) -> HttpResponse:
    """Take a second check-in that corrects the first; the first one and its alert stay."""
    return answer_page(request, token, PART_CORRECTION)


def answer_page(request: HttpRequest, token: str, part: str) -> HttpResponse:
    """Show one part of a link, or take its answers."""
    if request.method == "POST":
        return take_answers(request, token, part)
    link = find_link(token)
    if link is None:
        return refuse(request, None, "unknown")
    now = timezone.now()
    with speaking_to(link.patient):
        if reason := closed_because(link, part, now):
            return refuse(request, link, reason)
        return show_form(request, link, new_form(link, part, None), part, now)


@contextmanager
def speaking_to(patient: Patient) -> Iterator[None]:
    """Run the block in the patient's language and on their clock."""
    with translation.override(patient.language), timezone.override(patient.tz):
        yield


def find_link(token: str) -> CheckInLink | None:
    """Return the link that works, and enter its clinic."""
    with every_clinic():
        link = LINK.first(token_hash=hash_token(token))
    if link is not None:
        enter_clinic(link.clinic_id)
    return link


def closed_because(link: CheckInLink, part: str, now: datetime) -> str:
    """Return why a link opens no form, empty where it does."""
    try:
        check_part_is_free(link, part)
    except LinkUsedError:
        return "used"
    return "expired" if link.is_expired(now) else ""


def new_form(link: CheckInLink, part: str, data: QueryDict | None) -> CheckInForm:
    """Return the form in the patient's language, empty or with what was posted.

    An old page is read by its own version of the questions.
    """
    version, numbers = version_of(part, data), link.clinic.phone_numbers
    left_out = not_asked_of(link.patient)
    return CheckInForm(version, link.patient.language, numbers, data, not_asked=left_out)


def typed_into_nowhere(request: HttpRequest, data: QueryDict, part: str) -> CheckInForm:
    """Return the form of somebody whose link is unknown, to show what they typed."""
    language = translation.get_language_from_request(request)[:2]
    return CheckInForm(version_of(part, data), language, {}, data)


def version_of(part: str, data: QueryDict | None) -> Questionnaire:
    """Return the questionnaire that the posted page was made from, else the latest."""
    kind = "weekly" if part == PART_WEEKLY else "daily"
    try:
        return get_questionnaire(kind, int(str(data.get("version", "")) if data else ""))
    except (ValueError, QuestionnaireError):
        return get_questionnaire(kind, LATEST[kind])


def take_answers(request: HttpRequest, token: str, part: str) -> HttpResponse:
    """Store the answers and say what happens now, or show again what is wrong with them.

    The page is made when the link and its patient are free again: all it tells is stored, and
    nothing that only the page needs can undo it.
    """
    try:
        data = request.POST
    except (RequestDataTooBig, SuspiciousOperation):
        return refuse(request, find_link(token), "too_long")
    with answering(token) as link:
        if link is not None:
            with speaking_to(link.patient):
                form = new_form(link, part, data)
                stored = store(link, form, part) if form.may_be_sent() else None
    if link is None:
        return refuse(request, None, "unknown", typed_into_nowhere(request, data, part))
    with speaking_to(link.patient):
        if isinstance(stored, CheckIn) and not stored.counts:
            return show_kept(request, link, form, stored)
        if isinstance(stored, CheckIn):
            on_call = on_call_now(link.clinic_id, timezone.now())
            return show_done(request, link, form, stored, on_call)
        if stored is not None:
            return refuse(request, link, stored, form)
        return show_form(request, link, form, part, timezone.now())


def store(link: CheckInLink, form: CheckInForm, part: str) -> CheckIn | str:
    """Return the check-in made of a form, only kept where it came too late; or why it is none."""
    sent = Submission(
        questionnaire=form.questionnaire,
        answers=form.answers,
        submission_id=form.submission_id,
        language=link.patient.language,
        reported_at=form.reported_at,
        sent_at=form.sent_at,
        requests=form.requests if part != PART_WEEKLY else (),
    )
    now = timezone.now()
    try:
        return submit_by_link(link=link, sent=sent, part=part, now=now)
    except NotInTimeError as refusal:
        return keep_or_refuse(link, sent, refusal, now)


def keep_or_refuse(
    link: CheckInLink, sent: Submission, refusal: NotInTimeError, now: datetime
) -> CheckIn | str:
    """Return calm answers as they were kept, or that enough of the patient's were today."""
    try:
        return keep_by_link(link=link, sent=sent, refusal=refusal, now=now)
    except KeptEnoughError:
        return ENOUGH
