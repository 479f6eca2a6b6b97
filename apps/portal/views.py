"""The patient's own pages: today, how it has been, check-ins, wishes, help."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.checkins.link_actions import create_link
from apps.checkins.models import CareTask, CheckIn
from apps.checkins.task_actions import ask_for
from apps.database.scope import enter_clinic
from apps.detox.guards import NONE_UNSIGNED
from apps.detox.outcome import outcome_of
from apps.exchange.documents import calendar_pdf
from apps.exchange.views import pdf_response
from apps.patients.lists import Listing
from apps.patients.models import Clinic, Patient
from apps.portal import far_page, trend
from apps.portal.access import current_session, own_page, patient_of, show, show_own_list
from apps.portal.actions import write_down
from apps.portal.answers import answers_of
from apps.portal.entry_views import door, language_of
from apps.portal.help_page import help_texts
from apps.portal.models import TrustedPerson
from apps.portal.today_page import WITHOUT_DOSE, next_step, page_context, wishes
from apps.tapers.schedule import schedule_from, schedule_of
from apps.tapers.taken import Known, taken_without_plan
from apps.tapers.today import plan_today

PER_PAGE = 30
ASKABLE = (CareTask.Kind.CALL_TODAY, CareTask.Kind.STAY)


@require_GET
@own_page()
def home(request: HttpRequest) -> HttpResponse:
    """Show what to take today, first of all; then what comes next, and what one can ask for."""
    patient, now = patient_of(request), timezone.now()
    state = None if patient.status in WITHOUT_DOSE else plan_today(patient, now, pieces=True)
    saw(request, "portal.today_viewed", now)
    context = {
        "schedule": schedule_from(state) if state else None,
        "next": next_step(state, now) if state else None,
        "told": told_by_a_unit(patient) if state is None else "",
        "again": taken_again(patient) if state is None else "",
        "wishes": wishes(patient, now),
        "has_trusted": TrustedPerson.objects.live().filter(patient=patient).exists(),
    }
    return show(request, "home", context)


def told_by_a_unit(patient: Patient) -> str:
    """Return what a detox unit said is taken now, in its words; empty when something else does."""
    taken = taken_without_plan(patient)
    if taken.known != Known.UNIT:
        return ""
    return _("none") if taken.words == NONE_UNSIGNED else taken.words


def taken_again(patient: Patient) -> str:
    """Return what is taken since use began again, in the words of then; empty for nobody else."""
    taken = taken_without_plan(patient)
    return taken.words if taken.known == Known.RESTART else ""


@require_GET
@own_page()
def trend_page(request: HttpRequest) -> HttpResponse:
    """Show the patient's own points against the doses they took, as a picture and a table."""
    patient, now = patient_of(request), timezone.now()
    today = now.astimezone(patient.tz).date()
    everything = request.GET.get("all") == "1"
    first = trend.first_day(today, everything=everything)
    scores, doses = scores_of(patient, first), doses_of(patient, now)
    saw(request, "portal.trend_viewed", now)
    context = {
        "picture": trend.picture(scores, doses, first, today),
        "rows": trend.rows_of(scores, doses),
        "everything": everything,
        "weeks": trend.WEEKS,
        "width": trend.WIDTH,
        "height": trend.HEIGHT,
    }
    columns = (
        (_("Day"), "day"), (_("Points of 40"), "points"), (_("Dose in a day"), "dose"),
    )  # fmt: skip
    listing = Listing("my_points", columns, lambda: trend.rows_of(scores, doses))
    return show_own_list(request, listing, "trend", context)


@require_GET
@own_page()
def far(request: HttpRequest) -> HttpResponse:
    """Show dose, symptoms, sleep, function and mood of the first day beside those of now."""
    patient, now = patient_of(request), timezone.now()
    saw(request, "portal.far_viewed", now)
    return show(request, "far", far_page.page_of(patient, outcome_of(patient, now)))


@require_GET
@own_page()
def plan_paper(request: HttpRequest) -> HttpResponse:
    """Hand out the plan as a wall calendar to print: the one the clinic hands out, too."""
    patient, now = patient_of(request), timezone.now()
    schedule = None if patient.status in WITHOUT_DOSE else schedule_of(patient, now)
    if schedule is None:
        messages.warning(request, _("There is no plan to print right now."))
        return redirect("portal:home")
    body = calendar_pdf(schedule, patient.language)
    write_down(
        "plan.paper_taken", schedule.plan, patient, patient, now,
        paper=f"calendar.{patient.language}", version=schedule.version.number,
    )  # fmt: skip
    return pdf_response(body, "my-plan")


def scores_of(patient: Patient, first: Any) -> list[tuple[Any, int]]:
    """Return local day and points of each daily check-in from `first` on. One query."""
    rows = CheckIn.objects.by_the_patient().filter(patient=patient, triage__dws__isnull=False)
    found = rows.order_by("received_at").values_list("received_at", "triage__dws")
    days = [(received.astimezone(patient.tz).date(), dws) for received, dws in found]
    return [(day, dws) for day, dws in days if dws is not None and day >= first]


def doses_of(patient: Patient, now: datetime) -> list[trend.Dose]:
    """Return the steps that have begun, as the plan in force has them."""
    state = plan_today(patient, now)
    if state is None or patient.status in WITHOUT_DOSE:
        return []
    return [trend.Dose(step.start_on, step.by_drug, step.dose) for step in state.begun]


@require_GET
@own_page()
def check_in_list(request: HttpRequest) -> HttpResponse:
    """Show the patient's check-ins, newest first."""
    own = CheckIn.as_given.filter(patient=patient_of(request))
    rows = own.select_related("triage").order_by("-received_at")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    saw(request, "portal.check_ins_viewed", timezone.now())
    columns = (
        (_("Day"), "received_at"), (_("Points of 40"), "triage.dws"),
        (_("About the week"), lambda row: row.questionnaire == "weekly"),
        (_("Sent by"), "reporter_name"),
    )  # fmt: skip
    listing = Listing("my_check_ins", columns, lambda: rows)
    return show_own_list(request, listing, "check_in_list", {"page_obj": page})


@require_GET
@own_page()
def check_in_detail(request: HttpRequest, check_in_id: UUID) -> HttpResponse:
    """Show one check-in as it was answered; another patient's does not exist."""
    own = CheckIn.as_given.filter(patient=patient_of(request))
    check_in = own.filter(pk=check_in_id).first()
    if check_in is None:
        raise Http404
    saw(request, "portal.check_in_viewed", timezone.now(), check_in)
    context = {"check_in": check_in, "answers": answers_of(check_in)}
    return show(request, "check_in_detail", context)


@require_POST
@own_page()
def check_in_now(request: HttpRequest) -> HttpResponse:
    """Open a new check-in."""
    patient = patient_of(request)
    if patient.status in WITHOUT_DOSE:
        messages.warning(request, _("There is no check-in for you right now."))
        return redirect("portal:home")
    return redirect("checkins:create", create_link(patient=patient, by=None, now=timezone.now()))


@require_POST
@own_page()
def ask(request: HttpRequest, kind: str) -> HttpResponse:
    """Ask for a call today, or to stay at this dose. Five taps ask once."""
    if kind not in ASKABLE:
        raise Http404
    ask_for(patient=patient_of(request), kind=kind, now=timezone.now())
    messages.success(request, _("Sent. Your care team can see it."))
    return redirect("portal:home")


@login_not_required
@require_http_methods(["GET", "HEAD"])
def help_page(request: HttpRequest, clinic_id: UUID) -> HttpResponse:
    """Show what to do and whom to call: open to everybody, and it speaks of nobody.

    The address is on every page of a patient and of a trusted person.
    """
    enter_clinic(clinic_id)  # what its page says is meant for everybody
    clinic = get_object_or_404(Clinic, pk=clinic_id)
    session = current_session(request)
    known = session.patient.language if session else ""
    enter_clinic(clinic_id)  # the reader may be a patient of another one
    with translation.override(language_of(request, known)), timezone.override(clinic.tz):
        texts = help_texts(clinic, translation.get_language() or "en")
        context = page_context(clinic) | {"texts": texts, "is_full": session is not None}
        return door(request, "help", context)


def saw(request: HttpRequest, event: str, now: datetime, obj: Any = None) -> None:
    """Write down that a patient's data was shown, to the patient themself."""
    patient = patient_of(request)
    write_down(event, obj or patient, patient, patient, now)
