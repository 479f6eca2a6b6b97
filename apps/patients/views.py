"""Staff pages to find and register patients."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.patients.access import member_of, requires
from apps.patients.actions import register_patient
from apps.patients.forms import PatientForm
from apps.patients.models import Patient
from apps.patients.permissions import Right

PER_PAGE = 50


@require_GET
@requires(Right.SEE_PATIENTS)
def patient_list(request: HttpRequest) -> HttpResponse:
    """Show the clinic's patients, found by name, reference or phone."""
    query = request.GET.get("q", "").strip()[:100]
    patients = (
        Patient.objects.visible_to(member_of(request))
        .select_related("medication", "risk")
        .matching(query)
    )
    page = Paginator(patients, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "patients/patient_list.html", {"page_obj": page, "query": query})


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
            risk=form.risk,
            by=member.user,
            now=timezone.now(),
        )
        messages.success(request, f"{patient.full_name} is registered.")
        return redirect("dashboard:patient", patient.pk)
    status = 422 if form.is_bound else 200
    return render(request, "patients/patient_form.html", {"form": form}, status=status)
