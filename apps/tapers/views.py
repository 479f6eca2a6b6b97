"""Staff pages to make, see and activate a plan."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.clinical.errors import ClinicalError
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires
from apps.patients.models import Patient
from apps.patients.permissions import Right, may
from apps.tapers.actions import ActivationError, activate_plan, create_plan, preview_plan
from apps.tapers.forms import ActivateForm, PlanForm
from apps.tapers.models import TaperPlan


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def plan_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Preview a plan and save it as a draft; a wrong value is told beside its field."""
    patient = fetch_patient(
        request, patient_id, Patient.objects.select_related("medication", "risk")
    )
    form = PlanForm(request.POST or None, patient=patient)
    preview: dict[str, Any] | None = None
    if request.method == "POST" and form.is_valid():
        try:
            preview = preview_plan(form.engine_request())
        except ClinicalError as error:
            form.add_error(field_named_in(error, form), str(error))
        else:
            if "save" in request.POST:
                return save_draft(request, patient, form)
    context = {"form": form, "patient": patient, "preview": preview}
    status = 422 if form.is_bound and not form.is_valid() else 200
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


def field_named_in(error: ClinicalError, form: PlanForm) -> str | None:
    """Return the form field a sentence of the engine speaks of, None for the whole form."""
    return next((name for name in form.fields if name in str(error)), None)


@require_GET
@requires(Right.SEE_PATIENTS)
def plan_detail(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Show a plan: its steps, tablets and findings."""
    return render_plan(request, fetch_plan(request, plan_id), ActivateForm())


@require_POST
@requires(Right.ACTIVATE_PLANS)
def plan_activate(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Put a draft in force, or say what stands in the way."""
    plan, form = fetch_plan(request, plan_id), ActivateForm(request.POST)
    if form.is_valid():
        try:
            activate_plan(
                plan=plan,
                care_level_note=form.cleaned_data["care_level_note"],
                by=member_of(request).user,
                now=timezone.now(),
            )
        except ActivationError as error:
            form.add_error("care_level_note", str(error))
        else:
            messages.success(request, "The plan is active.")
            return redirect("dashboard:patient", plan.patient_id)
    return render_plan(request, plan, form, status=422)


def fetch_plan(request: HttpRequest, plan_id: UUID) -> TaperPlan:
    """Return a plan of the reader's clinic, or 404."""
    plan: TaperPlan = fetch_in_scope(
        request,
        TaperPlan.objects.select_related("patient__medication", "patient__risk"),
        pk=plan_id,
    )
    return plan


def render_plan(
    request: HttpRequest, plan: TaperPlan, form: ActivateForm, status: int = 200
) -> HttpResponse:
    """Render the plan page."""
    version = plan.version
    context = {
        "plan": plan,
        "patient": plan.patient,
        "version": version,
        "steps": version.steps.prefetch_related("pieces"),
        "findings": version.findings,
        "form": form,
        "may_activate": may(member_of(request), Right.ACTIVATE_PLANS),
    }
    return render(request, "tapers/plan_detail.html", context, status=status)
