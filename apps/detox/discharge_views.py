"""Staff pages of a discharge: recording it, and the second name under a stop at once."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.accounts.models import User
from apps.accounts.proof import require_recent_proof
from apps.alerts.states import TransitionError
from apps.detox.discharge_actions import (
    DischargeError,
    check_can_sign,
    discharge_patient,
    sign_discharge,
)
from apps.detox.forms import DischargeForm
from apps.detox.models import Discharge, Referral
from apps.detox.stay_forms import SecondForm
from apps.detox.views import REFERRALS
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.permissions import Right


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def discharge(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Record that the patient is home: what is left, and the calls and check-ins that follow.

    It sets the dose that the patient takes, under this prescriber's name: like a signature it
    takes a fresh proof. What was typed is kept, and done after it.
    """
    row: Referral = fetch_in_scope(request, REFERRALS, pk=referral_id)
    form = DischargeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        require_recent_proof(request, f"Record the discharge of {row.patient.reference}")
        by, now = member_of(request).user, timezone.now()
        try:
            found = discharge_patient(referral=row, by=by, now=now, **form.cleaned_data)
        except DischargeError as error:
            form.add_error(error.field, str(error))
        except TransitionError as error:
            messages.warning(request, str(error))
            return redirect("detox:referral", row.pk)
        else:
            messages.success(request, "Home again. The first contact and daily check-ins are set.")
            if found.awaits_second:
                messages.info(request, "A second prescriber must sign that none is taken any more.")
            return redirect("detox:care", row.patient_id)
    context = {"referral": row, "patient": row.patient, "form": form}
    return render(request, "detox/discharge.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@requires(Right.ACTIVATE_PLANS)
def discharge_sign(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Show what a second prescriber is asked to agree to, and take their signature."""
    row: Referral = fetch_in_scope(request, REFERRALS, pk=referral_id)
    found = Discharge.objects.filter(referral=row).select_related("recorded_by", "second").first()
    if found is None or not found.awaits_second:
        messages.warning(request, "Nothing here waits for a second signature.")
        return redirect("detox:care", row.patient_id)
    by, why_not = member_of(request).user, why_not_second(found, member_of(request).user)
    form = SecondForm(request.POST if request.method == "POST" else None, request=request)
    if form.is_bound and not why_not and form.is_valid():
        try:
            sign_discharge(
                discharge=found, reason=form.cleaned_data["reason"],
                signed_with=form.signing().method, by=by, now=timezone.now(),
            )  # fmt: skip
        except DischargeError as error:
            form.add_error(error.field, str(error))
        else:
            form.was_used()
            messages.success(request, "Signed. None is taken any more, and the year after begins.")
            return redirect("detox:care", row.patient_id)
    context = {
        "referral": row, "patient": row.patient, "discharge": found, "form": form,
        "why_not": why_not,
    }  # fmt: skip
    status = 422 if form.is_bound else 200
    return render(request, "detox/discharge_sign.html", context, status=status)


def why_not_second(found: Discharge, by: User) -> str:
    """Return why `by` may not sign, nothing when they may."""
    try:
        check_can_sign(found, found.patient, by)
    except DischargeError as error:
        return str(error)
    return ""
