"""Where a patient says yes or no to research, and where staff enter a paper."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.models import Patient
from apps.patients.permissions import Right
from apps.portal.access import own_page, patient_of, show
from apps.portal.forms import ResearchForm, ResearchPaperForm
from apps.portal.research_actions import (
    ResearchConsentError,
    agree_to_research,
    may_agree_alone,
    record_research_paper,
    withdraw_research,
)
from apps.portal.research_consent import LINE, VERSION, research_text

COLUMNS = (
    ("Given", "given_at"), ("How", "way"), ("Signed on", "signed_on"),
    ("Text, version", "version"), ("Taken back", "withdrawn_at"),
)  # fmt: skip


@require_http_methods(["GET", "POST"])
@own_page()
def research(request: HttpRequest) -> HttpResponse:
    """Show what is asked, and take a yes. Nothing is ticked beforehand."""
    patient, now = patient_of(request), timezone.now()
    form = ResearchForm(request.POST if request.method == "POST" else None)
    alone = may_agree_alone(patient, now)
    if form.is_bound and form.is_valid() and alone:
        agree_to_research(patient=patient, language=patient.language, now=now)
        messages.success(request, _("Saved. You said yes."))
        return redirect("portal:research")
    agreed = patient.research_consents.in_force().first()
    # What somebody said yes to is shown as it was then, however the words are now.
    version = agreed.version if agreed else VERSION
    parts = research_text(patient.language, version=version)
    context = {"form": form, "parts": parts, "agreed": agreed, "alone": alone}
    return show(request, "research", context, 422 if form.is_bound else 200)


@require_POST
@own_page()
def research_no(request: HttpRequest) -> HttpResponse:
    """Take a yes back, at once and without a question."""
    withdraw_research(patient=patient_of(request), by=None, now=timezone.now())
    messages.success(request, _("Saved. It is a no from now on."))
    return redirect("portal:research")


@require_http_methods(["GET", "POST"])
@requires(Right.INVITE_TO_CHECK_IN)
def research_paper(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show where it stands and the words to print; a POST enters a signed paper."""
    patient = fetch_patient(request, patient_id, Patient.objects.select_related("clinic"))
    form = ResearchPaperForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and enter(request, patient, form):
        return redirect("portal:research_paper", patient.pk)
    rows = patient.research_consents.order_by("-given_at")
    lists = [Listing("research_consents", COLUMNS, lambda: rows, of=patient, title="Research")]
    context = {
        "patient": patient, "form": form, "rows": rows, "version": VERSION,
        "agreed": next((row for row in rows if row.withdrawn_at is None), None),
        "parts": research_text(patient.language),
        "line": LINE.get(patient.language, LINE["en"]),
        "alone": may_agree_alone(patient, timezone.now()),
    }  # fmt: skip
    status = 422 if form.is_bound else 200
    return show_list(request, lists, "portal/research_paper.html", context, status=status)


def enter(request: HttpRequest, patient: Patient, form: forms.Form) -> bool:
    """Store the paper, or say beside the field why not."""
    try:
        record_research_paper(
            patient=patient, signed_on=form.cleaned_data["signed_on"],
            by=member_of(request).user, now=timezone.now(),
        )  # fmt: skip
    except ResearchConsentError as error:
        form.add_error("signed_on", str(error))
        return False
    messages.success(request, "The paper is on record. Keep it where your clinic keeps them.")
    return True


@require_POST
@requires(Right.INVITE_TO_CHECK_IN)
def research_end(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Take the yes back for a patient who said so to somebody of the staff."""
    patient, by = fetch_patient(request, patient_id), member_of(request).user
    if withdraw_research(patient=patient, by=by, now=timezone.now()):
        messages.success(request, "Taken back: this patient is in no export from this moment on.")
    else:
        messages.success(request, "There was no yes to take back.")
    return redirect("portal:research_paper", patient.pk)
