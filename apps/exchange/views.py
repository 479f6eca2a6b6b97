"""Staff pages of what a patient and a pharmacy get, and the calendar a phone fetches."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.http import require_GET, require_POST, require_safe

from apps.accounts.costly import costly
from apps.accounts.guessing import guessed_too_often
from apps.accounts.tokens import hash_token
from apps.database.scope import enter_clinic, every_clinic
from apps.exchange.actions import make_feed, note_calendar_read, note_paper, revoke_feed
from apps.exchange.documents import calendar_pdf, letter_pdf, pharmacy_pdf
from apps.exchange.feed import calendar_file
from apps.exchange.models import CalendarFeed
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.models import Patient
from apps.patients.permissions import Right
from apps.tapers.models import TaperPlan
from apps.tapers.schedule import Schedule, schedule_of, schedule_of_plan

LANGUAGES: Final = dict(Patient.Language.choices)
PAPERS: Final[dict[str, Callable[[Schedule, datetime], bytes]]] = {
    "pharmacy": pharmacy_pdf,
    "letter": letter_pdf,
}
COLUMNS: Final = (
    ("Step", "number"), ("From", "start_on"), ("To", "end_on"), ("Dose a day", "dose"),
    ("Tablets", lambda step: "; ".join(
        f"{slot.name}: {', '.join(part.words for part in slot.portions)}" for slot in step.slots)),
)  # fmt: skip
NOT_SIGNED = "Only a signed plan in force has a schedule. Sign it first."


def fetch_schedule(request: HttpRequest, plan_id: UUID, now: datetime) -> Schedule | TaperPlan:
    """Return the schedule of a plan of the reader's clinic, or the plan when it has none."""
    rows = TaperPlan.objects.select_related("patient__clinic", "in_force__enactment")
    plan: TaperPlan = fetch_in_scope(request, rows, pk=plan_id)
    return schedule_of_plan(plan, now) or plan


def refuse(request: HttpRequest, plan: TaperPlan) -> HttpResponse:
    """Lead back to a plan that reaches nobody."""
    messages.warning(request, NOT_SIGNED)
    return redirect("tapers:detail", plan.pk)


@require_GET
@requires(Right.SEE_PATIENTS)
def plan_schedule(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Show the schedule as the patient reads it, with the papers and the calendar address."""
    now = timezone.now()
    schedule = fetch_schedule(request, plan_id, now)
    if isinstance(schedule, TaperPlan):
        return refuse(request, schedule)
    note_paper(schedule=schedule, paper="page", by=member_of(request).user, now=now)
    return render_schedule(request, schedule)


def render_schedule(request: HttpRequest, schedule: Schedule, token: str = "") -> HttpResponse:
    """Render the page; a new calendar address is shown this once."""
    language = request.GET.get("language", schedule.patient.language)
    feed = schedule.patient.calendar_feeds.live().select_related("created_by").first()
    context = {
        "schedule": schedule,
        "plan": schedule.plan,
        "patient": schedule.patient,
        "language": language if language in LANGUAGES else schedule.patient.language,
        "languages": LANGUAGES,
        "feed": feed,
        "feed_url": feed_url(token) if token else "",
    }
    listing = Listing("schedule", COLUMNS, lambda: schedule.steps, of=schedule.patient)
    return show_list(request, listing, "exchange/plan_schedule.html", context)


def feed_url(token: str) -> str:
    """Return the address to type into a calendar program."""
    return f"{settings.SITE_URL}{reverse('exchange:feed', args=[token])}"


@require_GET
@requires(Right.SEE_PATIENTS)
@costly
def plan_calendar(request: HttpRequest, plan_id: UUID, language: str) -> HttpResponse:
    """Hand out the wall calendar in a language."""
    if language not in LANGUAGES:
        raise Http404
    now = timezone.now()
    schedule = fetch_schedule(request, plan_id, now)
    if isinstance(schedule, TaperPlan):
        return refuse(request, schedule)
    body = calendar_pdf(schedule, language)
    note_paper(schedule=schedule, paper=f"calendar.{language}", by=member_of(request).user, now=now)
    return pdf_response(body, f"calendar-{schedule.patient.reference}-{language}")


@require_GET
@requires(Right.SEE_PATIENTS)
@costly
def plan_paper(request: HttpRequest, plan_id: UUID, paper: str) -> HttpResponse:
    """Hand out the pharmacy sheet or the clinic letter."""
    now = timezone.now()
    schedule = fetch_schedule(request, plan_id, now)
    if isinstance(schedule, TaperPlan):
        return refuse(request, schedule)
    body = PAPERS[paper](schedule, now)
    note_paper(schedule=schedule, paper=paper, by=member_of(request).user, now=now)
    return pdf_response(body, f"{paper}-{schedule.patient.reference}")


def pdf_response(body: bytes, name: str) -> HttpResponse:
    """Return a PDF to look at; its file name holds no health word."""
    response = HttpResponse(body, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return response


@require_POST
@requires(Right.INVITE_TO_CHECK_IN)
def feed_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Make the patient a new calendar address and show it once."""
    patient = fetch_patient(request, patient_id, Patient.objects.select_related("clinic"))
    now = timezone.now()
    schedule = schedule_of(patient, now)
    if schedule is None:
        messages.warning(request, NOT_SIGNED)
        return redirect("dashboard:patient", patient.pk)
    token = make_feed(
        patient=patient, with_names="with_names" in request.POST, by=member_of(request).user,
        now=now,
    )  # fmt: skip
    return render_schedule(request, schedule, token)


@require_POST
@requires(Right.INVITE_TO_CHECK_IN)
def feed_revoke(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Stop the patient's calendar address."""
    patient = fetch_patient(request, patient_id)
    now = timezone.now()
    if revoke_feed(patient=patient, by=member_of(request).user, now=now):
        messages.success(request, "The calendar address no longer works.")
    schedule = schedule_of(patient, now)
    if schedule is None:
        return redirect("dashboard:patient", patient.pk)
    return redirect("exchange:schedule", schedule.plan.pk)


@login_not_required
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """Give a calendar program the plan; its token is all it has, and it can be revoked."""
    rows = CalendarFeed.objects.live().select_related("patient__clinic")
    with every_clinic():
        found = rows.filter(token_hash=hash_token(token)).first()
    if found is None:
        return HttpResponse(status=429 if guessed_too_often(request) else 404)
    enter_clinic(found.clinic_id)
    now, site = timezone.now(), settings.SITE_HOST
    with translation.override(found.patient.language):
        schedule = schedule_of(found.patient, now)
        body = calendar_file(schedule, with_names=found.with_names, site=site)
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=0, must-revalidate"}
    if request.headers.get("If-None-Match", "").removeprefix("W/") == etag:
        return HttpResponseNotModified(headers=headers)
    note_calendar_read(feed=found, by=None, now=now)
    return HttpResponse(body, content_type="text/calendar; charset=utf-8", headers=headers)
