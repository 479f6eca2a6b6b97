"""Staff pages of the way after: how far a patient has come, and use that began again."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.detox.forms import DATE, words_field
from apps.detox.models import Restart
from apps.detox.outcome import outcome_of
from apps.detox.restart_actions import RestartError, record_restart
from apps.detox.views import PATIENTS
from apps.patients.access import fetch_patient, member_of, requires, saw
from apps.patients.forms import CountField
from apps.patients.permissions import Right, may


class RestartForm(forms.Form):
    """What is taken again, and what was agreed about it."""

    seen_how = forms.ChoiceField(label="How we know", choices=Restart.Seen.choices)
    taken = forms.CharField(
        label="What is taken", max_length=300, help_text="In the patient's own words."
    )
    days_per_week = CountField(
        label="On how many days a week", what="days", min_value=1, max_value=7,
        help_text="At four or more it is not stopped at once (ASAM-04).",
    )  # fmt: skip
    agreed = forms.ChoiceField(
        label="What we agreed", choices=Restart.Next.choices, widget=forms.RadioSelect,
        error_messages={"required": "Choose what was agreed."},
    )  # fmt: skip
    last_dose_on = forms.DateField(
        label="Last day of use", required=False, widget=DATE,
        help_text="Only when none is taken from now on.",
    )  # fmt: skip
    plan = words_field(
        "The plan", help_text="What helps, who calls when, what happens if it is hard again."
    )

    def clean(self) -> dict[str, Any]:
        """Ask for the last day where use has ended, and drop it where it goes on."""
        values = super().clean() or {}
        if values.get("agreed") != Restart.Next.STOP_AGAIN:
            values["last_dose_on"] = None
        elif values.get("last_dose_on") is None and "last_dose_on" not in self.errors:
            self.add_error("last_dose_on", "Say on which day the last dose was taken.")
        return values


@require_GET
@requires(Right.SEE_PATIENTS)
def outcome(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show how far the patient has come, waves and windows, and what they may mean."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    saw(request, "outcome.viewed", patient)
    context = {
        "patient": patient, "outcome": outcome_of(patient, timezone.now()),
        "restarts": patient.restarts.select_related("recorded_by"),
        "may_decide": may(member_of(request), Right.PLAN_TAPERS),
    }  # fmt: skip
    return render(request, "detox/outcome.html", context)


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
    context = {"patient": patient, "form": form}
    return render(request, "detox/restart.html", context, status=422 if form.is_bound else 200)
