"""The staff page that makes a plan."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.clinical.equivalence import SOURCES, diazepam_equivalents
from apps.clinical.errors import ClinicalError
from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.models import Patient
from apps.patients.permissions import Right
from apps.tapers.actions import create_plan, preview_plan
from apps.tapers.charts import dose_chart
from apps.tapers.forms import PlanForm
from apps.tapers.forms_method import tell


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
            tell(form, error)
        else:
            if "save" in request.POST:
                return save_draft(request, patient, form)
    medication = patient.medication
    context = {
        "form": form,
        "patient": patient,
        "preview": preview,
        "chart": dose_chart(preview["steps"]) if preview else None,
        "equivalents": equivalent_rows(medication.drug_id, medication.daily_mg),
    }
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


def equivalent_rows(drug_id: str, daily_mg: Decimal) -> list[tuple[str, Decimal]]:
    """Return a dose as diazepam milligrams by every source, side by side (C-05)."""
    found = diazepam_equivalents(drug_id, daily_mg).by_source
    return [
        (SOURCES[source], round(Decimal(mg.numerator) / mg.denominator, 1))
        for source, mg in found.items()
    ]
