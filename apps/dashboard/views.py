"""The patient page, and what other pages of this app borrow from it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.clinical.drugs import get_drug
from apps.dashboard import course, happenings, patient_page
from apps.dashboard.board import decorate
from apps.dashboard.note_forms import NoteForm
from apps.dashboard.view_actions import NoteError, write_note
from apps.patients.access import fetch_patient, member_of, requires, saw
from apps.patients.intake import renewal_of, unanswered
from apps.patients.lists import Listing, show_list
from apps.patients.models import Patient, StaffMember
from apps.patients.permissions import RIGHTS, Right
from apps.tapers.today import plan_today

DEFAULT_WEEKS = "12"
HAPPENINGS_A_PAGE = 50
COLUMNS = (("At", "at"), ("What", "words"), ("Text", "text"), ("Who", "who"))
__all__ = ["decorate", "patient_detail", "patient_history", "patient_note", "plan_summary", "saw"]


def rights_of(member: StaffMember) -> frozenset[Right]:
    """Return the rights of a member of staff."""
    return RIGHTS[member.role]


def plan_summary(patient: Patient, now: datetime) -> dict[str, Any] | None:
    """Return the active plan's step in force, and whether the next cut is locked."""
    state = plan_today(patient, now, pieces=True)
    if state is None:
        return None
    return {
        "plan": state.plan,
        "version": state.version,
        "drug": get_drug(state.drug_id).name,
        "current": state.step,
        "next": state.next,
        "held": state.is_locked,
        "holds": state.holds,
        "locked_because": state.locked_because,
        "steps": state.steps,
    }


@require_GET
@requires(Right.SEE_PATIENTS)
def patient_detail(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show one patient: course, time line, plan, check-ins, notes. Writes down who looked."""
    patient = fetch_patient(request, patient_id, patient_page.rows())
    saw(request, "patient.viewed", patient)
    return show_patient(request, patient)


def show_patient(
    request: HttpRequest, patient: Patient, status: int = 200, **more: Any
) -> HttpResponse:
    """Render the page; `more` holds a form that was posted and is not right."""
    weeks = course.WEEKS.get(request.GET.get("weeks", DEFAULT_WEEKS))
    context = patient_page.page_of(patient, timezone.now(), weeks)
    context |= {"rights": rights_of(member_of(request)), "note_form": NoteForm()}
    clock = getattr(patient, "review_clock", None)
    today = timezone.localdate(timezone=patient.tz)
    context |= {
        "not_asked": len(unanswered(patient)),
        "review_overdue": clock is not None and clock.owed_on < today,
        "review_renewal": renewal_of(clock, patient.risk),
        "today_iso": today.isoformat(),
    }
    return render(request, "dashboard/patient_detail.html", context | more, status=status)


@require_GET
@requires(Right.SEE_PATIENTS)
def patient_history(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show everything that ever happened to one patient, a page at a time."""
    patient = fetch_patient(request, patient_id)
    group = request.GET.get("show", "")
    group = group if group in happenings.GROUPS else ""
    found = happenings.history_of(patient, timezone.now(), group)
    page = Paginator(found, HAPPENINGS_A_PAGE).get_page(request.GET.get("page"))
    saw(request, "patient.viewed", patient, None, happenings.alerts_in(page))
    context = {
        "patient": patient, "group": group, "groups": happenings.GROUPS, "page_obj": page,
        "pager_query": f"show={group}&" if group else "",
    }  # fmt: skip
    listing = Listing("history", COLUMNS, lambda: found, of=patient, alert=happenings.alert_of)
    return show_list(request, listing, "dashboard/patient_history.html", context)


@require_http_methods(["GET", "POST"])
@requires(Right.SEE_PATIENTS)
def patient_note(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Keep a note about the patient, or a correction of one."""
    patient = fetch_patient(request, patient_id, patient_page.rows())
    if request.method == "GET":
        return redirect("dashboard:patient", patient.pk)
    form = NoteForm(request.POST, patient=patient)
    if form.is_valid():
        by, now = member_of(request).user, timezone.now()
        try:
            write_note(patient=patient, by=by, now=now, **form.cleaned_data)
        except NoteError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The note is kept.")
            return redirect(f"{reverse('dashboard:patient', args=[patient.pk])}#notes")
    return show_patient(request, patient, 422, note_form=form)
