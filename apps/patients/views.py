"""Staff pages to find and register patients."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.patients.access import member_of, requires
from apps.patients.actions import register_patient
from apps.patients.forms import PatientForm
from apps.patients.models import Section
from apps.patients.permissions import Right


@require_GET
@requires(Right.SEE_PATIENTS)
def patient_list(request: HttpRequest) -> HttpResponse:
    """Lead to the caseload: old links and bookmarks go on working."""
    return redirect("dashboard:caseload")


@require_http_methods(["GET", "POST"])
@requires(Right.REGISTER_PATIENTS)
def patient_create(request: HttpRequest) -> HttpResponse:
    """Register a patient."""
    member = member_of(request)
    form = PatientForm(request.POST or None, clinic_zone=member.clinic.time_zone)
    if request.method == "POST" and form.is_valid():
        patient = register_patient(
            clinic=member.clinic,
            person=form.person,
            medication=form.medication,
            further=form.further,
            risk={},
            by=member.user,
            now=timezone.now(),
        )
        messages.success(
            request, f"{patient.full_name} is registered. Now ask what raises the risk."
        )
        return redirect(f"patients:intake_{Section.HISTORY.value}", patient.pk)
    status = 422 if form.is_bound else 200
    return render(request, "patients/patient_form.html", {"form": form}, status=status)
