"""Staff pages of the way after: how far a patient has come, and use that began again."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.detox.outcome import outcome_of
from apps.detox.restart_actions import RestartError, goes_on, record_restart
from apps.detox.support_forms import RestartForm
from apps.detox.views import PATIENTS
from apps.patients.access import fetch_patient, member_of, requires, saw
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right, may

COLUMNS = (
    ("What", "name"), ("Unit", "unit"), ("First", "first"), ("At the last dose", "at_last_dose"),
    ("Now", "now"), ("Since the first day", "trend"),
)  # fmt: skip


@require_GET
@requires(Right.SEE_PATIENTS)
def outcome(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show how far the patient has come, waves and windows, and what they may mean."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    saw(request, "outcome.viewed", patient)
    outcome = outcome_of(patient, timezone.now())
    context = {
        "patient": patient, "outcome": outcome,
        "restarts": patient.restarts.select_related("recorded_by"),
        "may_tell": may(member_of(request), Right.PLAN_TAPERS)
        and (patient.last_dose_on is not None or goes_on(patient) is not None),
    }  # fmt: skip
    listing = Listing("how_far", COLUMNS, lambda: outcome.measures, of=patient)
    return show_list(request, listing, "detox/outcome.html", context)


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def restart(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Keep that use began again, with what was agreed about it."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    form = RestartForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        by, now = member_of(request).user, timezone.now()
        try:
            record_restart(patient=patient, by=by, now=now, **form.cleaned_data)
        except RestartError as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, "Kept, with the plan.")
            return redirect("detox:outcome", patient.pk)
    context = {"patient": patient, "form": form, "before": goes_on(patient)}
    return render(request, "detox/restart.html", context, status=422 if form.is_bound else 200)
