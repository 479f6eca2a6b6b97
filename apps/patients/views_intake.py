"""Staff pages of the intake: what it means, its sections, its history, a documented stop."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.patients.access import fetch_patient, member_of, requires, saw
from apps.patients.actions import StatusError, change_status
from apps.patients.forms_intake import SECTION_FORMS, SectionForm, StopForm
from apps.patients.intake import result_of
from apps.patients.intake_actions import (
    IntakeConflictError,
    StopRefusedError,
    assess_again,
    document_stop,
    save_section,
)
from apps.patients.intake_words import not_asked, section_words
from apps.patients.lists import Listing, show_list
from apps.patients.models import IntakeEntry, Patient, Section
from apps.patients.permissions import Right, may

PER_PAGE = 30
COLUMNS = (
    ("Saved", "entry.saved_at"), ("By", "entry.saved_by.full_name"),
    ("Section", "entry.get_section_display"), ("Field", "field"), ("Before", "before"),
    ("After", "after"),
)  # fmt: skip


def fetch_with_intake(request: HttpRequest, patient_id: UUID) -> Patient:
    """Return the patient with the intake's rows."""
    rows = Patient.objects.select_related("medication", "risk", "clinic").prefetch_related(
        "further_medicines", "prior_tapers"
    )
    return fetch_patient(request, patient_id, rows)


def sections_of(patient: Patient) -> list[dict[str, Any]]:
    """Return every section with what it says and how much nobody has asked."""
    return [
        {
            "key": section.value,
            "label": section.label,
            "url_name": f"patients:intake_{section.value}",
            "rows": section_words(patient, section),
            "missing": not_asked(patient, section),
        }
        for section in Section
    ]


@require_GET
@requires(Right.SEE_PATIENTS)
def intake(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show what the intake means, with reasons, and every section as it stands."""
    patient = fetch_with_intake(request, patient_id)
    saw(request, "intake.viewed", patient)
    context = {
        "patient": patient,
        "result": result_of(patient, timezone.localdate(timezone=patient.tz)),
        "sections": sections_of(patient),
        "statuses": Patient.Status.choices,
        "decisions": patient.stop_decisions.select_related("decided_by"),
        "may_plan": may(member_of(request), Right.PLAN_TAPERS),
    }
    return render(request, "patients/intake.html", context)


@require_http_methods(["GET", "POST"])
@requires(Right.REGISTER_PATIENTS)
def section(request: HttpRequest, patient_id: UUID, section: str) -> HttpResponse:
    """Show and save one section; "save and continue" goes on to the next."""
    patient = fetch_with_intake(request, patient_id)
    data = request.POST if request.method == "POST" else None
    form = SECTION_FORMS[section](data, patient=patient, member=member_of(request))
    conflict: IntakeConflictError | None = None
    if form.is_bound and form.is_valid():
        try:
            return save(request, patient, section, form)
        except IntakeConflictError as problem:
            conflict = problem
            form.data = form.data.copy()
            form.data["based_on"] = str(problem.entries[0].number)
    context = {
        "patient": patient, "form": form, "section": Section(section), "conflict": conflict,
        "sections": sections_of(patient), "following": following(section),
    }  # fmt: skip
    status = 409 if conflict else 422 if form.is_bound else 200
    return render(request, "patients/intake_section.html", context, status=status)


def save(request: HttpRequest, patient: Patient, section: str, form: SectionForm) -> HttpResponse:
    """Save the section and go where the button says."""
    save_section(
        patient=patient, section=section, values=form.values,
        based_on=form.cleaned_data["based_on"], by=member_of(request).user, now=timezone.now(),
    )  # fmt: skip
    messages.success(request, f"“{Section(section).label}” is saved.")
    after = following(section)
    if "continue" in request.POST and after is not None:
        return redirect(f"patients:intake_{after.value}", patient.pk)
    return redirect("patients:intake", patient.pk)


def following(section: str) -> Section | None:
    """Return the section after this one."""
    every = list(Section)
    place = every.index(Section(section)) + 1
    return every[place] if place < len(every) else None


@require_GET
@requires(Right.SEE_PATIENTS)
def changes(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show who changed what of the intake, newest first."""
    patient = fetch_patient(request, patient_id)
    saw(request, "intake.history_viewed", patient)
    entries = patient.intake_entries.select_related("saved_by")
    page = Paginator(entries, PER_PAGE).get_page(request.GET.get("page"))
    listing = Listing("intake_history", COLUMNS, lambda: changed_fields(entries), of=patient)
    context = {"patient": patient, "page_obj": page}
    return show_list(request, listing, "patients/intake_history.html", context)


def changed_fields(entries: QuerySet[IntakeEntry]) -> Iterator[dict[str, Any]]:
    """Yield a line for every field that was changed."""
    for entry in entries.iterator():
        for name, before, after in entry.changes:
            yield {"entry": entry, "field": name, "before": before, "after": after}


@require_POST
@requires(Right.REGISTER_PATIENTS)
def assess(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Compute the tier anew."""
    patient = fetch_patient(request, patient_id)
    patient = assess_again(patient=patient, by=member_of(request).user, now=timezone.now())
    messages.success(request, f"Assessed again: {patient.risk.get_tier_display().lower()} risk.")
    return redirect("patients:intake", patient.pk)


@require_POST
@requires(Right.REGISTER_PATIENTS)
def status(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Say whether the clinic follows this patient now."""
    patient = fetch_patient(request, patient_id)
    wanted = request.POST.get("status", "")
    if wanted not in Patient.Status.values:
        messages.error(request, "Choose whether the clinic follows this patient.")
        return redirect("patients:intake", patient.pk)
    by = member_of(request).user
    try:
        change_status(patient=patient, status=wanted, by=by, now=timezone.now())
    except StatusError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Followed: {Patient.Status(wanted).label.lower()}.")
    return redirect("patients:intake", patient.pk)


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def stop(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Refuse to stop without a taper, with the reason, or document the path of ASAM-05."""
    patient = fetch_with_intake(request, patient_id)
    form = StopForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            document_stop(
                patient=patient, by=member_of(request).user, now=timezone.now(), **form.cleaned_data
            )
        except StopRefusedError as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "The decision is documented.")
            return redirect("patients:intake", patient.pk)
    result = result_of(patient, timezone.localdate(timezone=patient.tz))
    context = {"patient": patient, "form": form, "result": result}
    return render(request, "patients/stop.html", context, status=422 if form.is_bound else 200)
