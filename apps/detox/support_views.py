"""Staff pages of what helps beside the taper: therapy, adjunct medicines, the coping plan."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.clinical.adjuncts import ADJUNCT_WARNINGS
from apps.detox.models import AdjunctMedicine, Therapy
from apps.detox.support_actions import (
    TEXTS,
    CopingConflict,
    SupportError,
    add_adjunct,
    end_adjunct,
    end_therapy,
    newest_and_earlier,
    record_visit,
    refer_to_therapy,
    words_of,
    write_coping_plan,
)
from apps.detox.support_forms import (
    AdjunctForm,
    CopingForm,
    EndForm,
    TherapyForm,
    VisitForm,
    on_top_of,
)
from apps.detox.views import PATIENTS
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires, saw
from apps.patients.lists import Listing, show_list
from apps.patients.models import Patient
from apps.patients.permissions import Right, may

THERAPIES = Therapy.objects.select_related("patient__clinic")
THERAPY_COLUMNS = (
    ("Kind", "get_kind_display"), ("With", "with_whom"), ("Aim", "aim"),
    ("Referred", "referred_at"), ("By", "referred_by.full_name"),
    ("Visits", lambda row: len(row.visits.all())), ("Ended", "ended_at"),
    ("How it ended", "get_ended_display"),
)  # fmt: skip
ADJUNCT_COLUMNS = (
    ("Medicine", "name"), ("For", "for_what"), ("Begun", "started_on"), ("Ended", "ended_on"),
    ("Recorded", "recorded_at"), ("By", "recorded_by.full_name"),
)  # fmt: skip
ADJUNCTS = AdjunctMedicine.objects.select_related("patient__clinic")


@require_GET
@requires(Right.SEE_PATIENTS)
def support(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show coping plan, therapies with their visits, and adjunct medicines with their warnings."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    saw(request, "support.viewed", patient)
    coping, earlier = newest_and_earlier(patient)
    member = member_of(request)
    therapies = patient.therapies.select_related("referred_by").prefetch_related("visits")
    adjuncts = patient.adjuncts.select_related("recorded_by")
    context = {
        "patient": patient,
        "coping": coping,
        "earlier": earlier,
        "therapies": therapies,
        "adjuncts": adjuncts,
        "warnings": ADJUNCT_WARNINGS,
        "ways_to_end": Therapy.Ended.choices,
        "may_care": may(member, Right.HANDLE_ALERTS),
        "may_prescribe": may(member, Right.PLAN_TAPERS),
    }
    lists = (
        Listing("therapies", THERAPY_COLUMNS, lambda: therapies, of=patient, title="Therapies"),
        Listing("beside", ADJUNCT_COLUMNS, lambda: adjuncts, of=patient, title="Other medicines"),
    )
    return show_list(request, lists, "detox/support.html", context)


def fill(
    request: HttpRequest, patient: Patient, form: forms.Form, title: str,
    save: Callable[[dict[str, Any]], object], *, note: str = "",
) -> HttpResponse:  # fmt: skip
    """Save a filled form and go back to the overview, or show it with what was typed."""
    newest = None
    if form.is_bound and form.is_valid():
        try:
            save(form.cleaned_data)
        except SupportError as error:
            form.add_error(error.field, str(error))
            if isinstance(error, CopingConflict):
                newest = error.newest
                on_top_of(form, newest)
        else:
            messages.success(request, "Saved.")
            return redirect("detox:support", patient.pk)
    context = {"patient": patient, "form": form, "title": title, "note": note, "newest": newest}
    status = 422 if form.is_bound else 200
    return render(request, "detox/support_form.html", context, status=status)


def posted(request: HttpRequest) -> Any:
    """Return what was posted, None for a first look."""
    return request.POST if request.method == "POST" else None


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def therapy_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Refer to CBT, CBT-I or other treatment."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    by, now = member_of(request).user, timezone.now()
    return fill(
        request, patient, TherapyForm(posted(request)), "Refer to therapy",
        lambda data: refer_to_therapy(patient=patient, by=by, now=now, **data),
        note="Behavioural treatment is offered to everybody who tapers (ASAM 2025 rec 10); CBT-I "
        "is the one for insomnia.",
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def visit_create(request: HttpRequest, therapy_id: UUID) -> HttpResponse:
    """Record whether the patient came."""
    therapy: Therapy = fetch_in_scope(request, THERAPIES, pk=therapy_id)
    by, now = member_of(request).user, timezone.now()
    today = now.astimezone(therapy.patient.tz).date()
    form = VisitForm(posted(request), initial={"held_on": today})
    return fill(
        request, therapy.patient, form, f"{therapy}: a visit",
        lambda data: record_visit(therapy=therapy, by=by, now=now, **data),
    )  # fmt: skip


@require_POST
@requires(Right.HANDLE_ALERTS)
def therapy_end(request: HttpRequest, therapy_id: UUID) -> HttpResponse:
    """End a therapy with how it ended."""
    therapy: Therapy = fetch_in_scope(request, THERAPIES, pk=therapy_id)
    form = EndForm(request.POST)
    if form.is_valid():
        how, by = form.cleaned_data["how"], member_of(request).user
        end_therapy(therapy=therapy, how=how, by=by, now=timezone.now())
        messages.success(request, "Saved.")
    else:
        messages.warning(request, "Choose how it ended.")
    return redirect("detox:support", therapy.patient_id)


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def adjunct_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Add a medicine given beside the taper; what the guideline warns of is read first."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    by, now = member_of(request).user, timezone.now()
    form = AdjunctForm(posted(request), initial={"started_on": now.astimezone(patient.tz).date()})
    return fill(
        request, patient, form, "Add an adjunct medicine",
        lambda data: add_adjunct(patient=patient, by=by, now=now, **data),
        note="Pause or slow the taper first; adjunct medicines only when that is not enough "
        "(ASAM-16). This page suggests none.",
    )  # fmt: skip


@require_POST
@requires(Right.PLAN_TAPERS)
def adjunct_end(request: HttpRequest, adjunct_id: UUID) -> HttpResponse:
    """Keep that a medicine is given no more."""
    medicine: AdjunctMedicine = fetch_in_scope(request, ADJUNCTS, pk=adjunct_id)
    end_adjunct(medicine=medicine, by=member_of(request).user, now=timezone.now())
    messages.success(request, "Saved.")
    return redirect("detox:support", medicine.patient_id)


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def coping_edit(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Write the coping plan with the patient; a newer one replaces it and the old one is kept."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    form = CopingForm(posted(request), initial=words_of(patient.coping_plans.first()))
    by, now = member_of(request).user, timezone.now()

    def save(data: dict[str, Any]) -> object:
        texts = {name: data[name] for name in TEXTS}
        return write_coping_plan(
            patient=patient, texts=texts, based_on=data["based_on"], by=by, now=now
        )

    return fill(
        request, patient, form, "Coping plan", save,
        note="The patient opens this at any hour, on their own pages and, if they wish, kept on "
        "their phone.",
    )  # fmt: skip
