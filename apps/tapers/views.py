"""The staff page that makes a plan."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.equivalents import equivalent_table
from apps.patients.models import Patient
from apps.patients.permissions import Right
from apps.tapers.actions import create_plan
from apps.tapers.builder import Candidate, as_asked, aside, candidate, compared, facts_of_both
from apps.tapers.forms import PlanForm


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def plan_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Preview one plan or two and save one as a draft; a wrong value is told at its field."""
    patient = fetch_patient(
        request, patient_id, Patient.objects.select_related("medication", "risk")
    )
    data = as_asked(request.POST, patient) if request.method == "POST" else None
    shown = candidate(data, patient)
    if shown.preview and {"save", "choose_aside"} & set(request.POST):
        return save_draft(request, patient, shown.form)
    other = aside(data, patient) if data is not None else None
    return render_builder(request, patient, shown, other)


def render_builder(
    request: HttpRequest, patient: Patient, shown: Candidate, other: Candidate | None
) -> HttpResponse:
    """Render the page, or for a live preview only its panel."""
    medication = patient.medication
    context = {
        "form": shown.form,
        "patient": patient,
        "shown": shown,
        "other": other,
        "preview": shown.preview,
        "charts": shown.charts(other) if shown.preview else (),
        "facts": facts_of_both(other, shown) if other else (),
        "compared": compared(other.rows, shown.rows) if other and other.preview else (),
    }
    status = 422 if shown.form.is_bound and not shown.form.is_valid() else 200
    if request.headers.get("HX-Request"):
        # Without what only a whole page shows: the banner, the menu, who is signed in.
        panel = render_to_string("tapers/preview_panel.html", context)
        return HttpResponse(panel, status=status)
    context["equivalents"] = equivalent_table(medication.drug_id, medication.daily_mg)
    return render(request, "tapers/plan_form.html", context, status=status)


def save_draft(request: HttpRequest, patient: Patient, form: PlanForm) -> HttpResponse:
    """Store the previewed plan as a draft and show it."""
    plan = create_plan(
        patient=patient,
        request=form.engine_request(),
        reason="First plan",
        by=member_of(request).user,
        now=timezone.now(),
    )
    messages.success(request, "Draft saved. It reaches the patient only when it is activated.")
    return redirect("tapers:detail", plan.pk)
