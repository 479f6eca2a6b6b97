"""Staff pages of a stop that the patient made alone: recording it, and the second name."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.accounts.models import User
from apps.detox.leaving import all_still_taken
from apps.detox.models import OwnStop
from apps.detox.own_stop_actions import check_can_sign, record_own_stop, sign_own_stop
from apps.detox.own_stop_forms import OwnStopForm
from apps.detox.own_stops import OwnStopError, awaiting_second, why_no_own_stop
from apps.detox.stay_forms import SecondForm
from apps.detox.views import PATIENTS
from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.models import Patient
from apps.patients.permissions import Right
from apps.tapers.models import TaperPlan


@require_http_methods(["GET", "POST"])
@requires(Right.ACTIVATE_PLANS)
def own_stop(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Record that the patient stopped alone some time ago, under a prescriber's signature."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    form = OwnStopForm(request.POST if request.method == "POST" else None, request=request)
    if form.is_bound and form.is_valid():
        try:
            row = record_own_stop(
                patient=patient, signed_with=form.signing().method, by=member_of(request).user,
                now=timezone.now(), **form.values(),
            )  # fmt: skip
        except OwnStopError as error:
            form.add_error(error.field, str(error))
        else:
            form.was_used()
            messages.success(request, said_of(row))
            return redirect("detox:care", patient.pk)
    context = {
        "patient": patient, "form": form, "left": all_still_taken(patient),
        "why_not": why_no_own_stop(patient), "waits": awaiting_second(patient),
    }  # fmt: skip
    return render(request, "detox/own_stop.html", context, status=422 if form.is_bound else 200)


def said_of(row: OwnStop) -> str:
    """Return in a sentence what the record does now."""
    if row.needs_second:
        return "Signed. It counts when a second prescriber has signed it, too."
    return "Signed. None is taken any more, and the year after begins."


@require_http_methods(["GET", "POST"])
@requires(Right.ACTIVATE_PLANS)
def own_stop_sign(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show what a second prescriber is asked to agree to, and take their signature."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    found = awaiting_second(patient)
    if found is None:
        messages.warning(request, "Nothing here waits for a second signature.")
        return redirect("detox:care", patient.pk)
    by = member_of(request).user
    why_not = why_not_second(found, patient, by)
    form = SecondForm(request.POST if request.method == "POST" else None, request=request)
    if form.is_bound and not why_not and form.is_valid():
        try:
            sign_own_stop(
                own_stop=found, reason=form.cleaned_data["reason"],
                signed_with=form.signing().method, by=by, now=timezone.now(),
            )  # fmt: skip
        except OwnStopError as error:
            form.add_error(error.field, str(error))
        else:
            form.was_used()
            messages.success(request, "Signed. None is taken any more, and the year after begins.")
            return redirect("detox:care", patient.pk)
    context = {
        "patient": patient, "own_stop": found, "form": form, "why_not": why_not,
        "has_plan": TaperPlan.objects.active().filter(patient=patient).exists(),
    }  # fmt: skip
    status = 422 if form.is_bound else 200
    return render(request, "detox/own_stop_sign.html", context, status=status)


def why_not_second(found: OwnStop, patient: Patient, by: User) -> str:
    """Return why `by` may not sign, nothing when they may."""
    try:
        check_can_sign(found, patient, by, timezone.now())
    except OwnStopError as error:
        return str(error)
    return ""
