"""Staff page of a dose that another doctor gives on."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.detox.given_on_actions import (
    GivenOnError,
    record_given_on,
    why_nobody_gives_it_on,
)
from apps.detox.leaving import all_still_taken, given_on_by
from apps.detox.stay_forms import GivenOnForm
from apps.detox.views import PATIENTS
from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.permissions import Right


@require_http_methods(["GET", "POST"])
@requires(Right.ACTIVATE_PLANS)
def given_on(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Record who gives the dose on, under a prescriber's signature."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    form = GivenOnForm(request.POST if request.method == "POST" else None, request=request)
    if form.is_bound and form.is_valid():
        try:
            record_given_on(
                patient=patient, signed_with=form.signing().method, by=member_of(request).user,
                now=timezone.now(), **form.values(),
            )  # fmt: skip
        except GivenOnError as error:
            form.add_error(error.field, str(error))
        else:
            form.was_used()
            messages.success(request, "Signed. Another doctor gives it on.")
            return redirect("detox:care", patient.pk)
    context = {
        "patient": patient, "form": form, "left": all_still_taken(patient),
        "why_not": why_nobody_gives_it_on(patient), "known": patient.given_on.first(),
        "gives_on": given_on_by(patient, timezone.now()) is not None,
    }  # fmt: skip
    return render(request, "detox/given_on.html", context, status=422 if form.is_bound else 200)
