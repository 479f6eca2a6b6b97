"""The page on which somebody without clinical rights opens one record in an emergency."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Submit
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.accounts.proof import require_recent_proof
from apps.dashboard.break_glass import BreakGlassError, open_record
from apps.dashboard.tasks import glass_bell
from apps.patients.access import member_of, requires
from apps.patients.models import Patient, StaffMember
from apps.patients.permissions import Right

SHORTEST_REASON = 10


class BreakGlassForm(forms.Form):
    """Whose record, and why."""

    reference = forms.CharField(
        label="The patient's number",
        max_length=12,
        help_text="It is on the patient's papers.",
    )
    reason = forms.CharField(
        label="What happened, and why nobody else can look",
        min_length=SHORTEST_REASON,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, member: StaffMember, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.member = member
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.add_input(Submit("open", "Open this record", css_class="btn-danger"))

    def clean_reference(self) -> Patient:
        """Return the patient of the reader's own clinic with this number."""
        reference = self.cleaned_data["reference"].strip()
        patient = Patient.objects.visible_to(self.member).filter(reference=reference).first()
        if patient is None:
            raise forms.ValidationError("No patient here has this number. Look at it once more.")
        return patient


@require_http_methods(["GET", "POST"])
@requires(Right.BREAK_GLASS)
def break_glass(request: HttpRequest) -> HttpResponse:
    """Open one patient's record for an hour, with a reason."""
    member = member_of(request)
    form = BreakGlassForm(request.POST if request.method == "POST" else None, member=member)
    if request.method == "POST":
        require_recent_proof(request, "Open one record in an emergency")
    if form.is_valid():
        patient, reason = form.cleaned_data["reference"], form.cleaned_data["reason"]
        try:
            access = open_record(member=member, patient=patient, reason=reason, now=timezone.now())
        except BreakGlassError as error:
            form.add_error(None, str(error))
        else:
            glass_bell.ring([access.pk])
            messages.warning(request, "You see this record for an hour. The clinical lead is told.")
            return redirect("dashboard:patient", patient.pk)
    status = 422 if form.is_bound else 200
    return render(request, "dashboard/break_glass.html", {"form": form}, status=status)
