"""The staff pages that make a plan, and that make or put away a draft of one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.equivalents import equivalent_table
from apps.patients.models import Patient
from apps.patients.permissions import Right
from apps.tapers.actions import NotSeenError, create_plan
from apps.tapers.actions_changes import ConflictError
from apps.tapers.actions_drafts import check_can_edit, discard_draft, edit_draft
from apps.tapers.builder import (
    Candidate,
    as_asked,
    aside,
    candidate,
    compared,
    facts_of_both,
    is_typed_over,
    typed_before,
)
from apps.tapers.changes import was_and_now
from apps.tapers.forms_changes import PutAwayForm
from apps.tapers.models import TaperPlan
from apps.tapers.signable import ActivationError
from apps.tapers.today import plan_today
from apps.tapers.views_signing import fetch_plan

SAVING = {"save", "choose_aside"}


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def plan_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Preview one plan or two and save one as a draft; a wrong value is told at its field."""
    patient = fetch_patient(
        request, patient_id, Patient.objects.select_related("medication", "risk")
    )
    return build(request, patient)


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def plan_edit(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Do the same with a draft nobody has signed, begun with what was typed for it."""
    plan = fetch_plan(request, plan_id)
    try:
        check_can_edit(plan)
    except ActivationError as error:
        messages.warning(request, str(error))
        return redirect("tapers:detail", plan.pk)
    return build(request, plan.patient, plan)


def build(request: HttpRequest, patient: Patient, draft: TaperPlan | None = None) -> HttpResponse:
    """Show the builder, and save what was seen when that was asked for."""
    if request.method != "POST":
        data = typed_before(draft, patient) if draft else None
        return render_builder(request, candidate(data, patient), draft=draft)
    data = as_asked(request.POST, patient)
    shown, other, extra = candidate(data, patient), aside(data, patient), {}
    if shown.preview and SAVING & set(request.POST) and shown.form.check_reason():
        try:
            return save_draft(request, shown, data.get("seen", ""), draft)
        except NotSeenError as error:
            extra = {"refusal": error}
        except ConflictError as conflict:
            data["based_on"] = str(conflict.latest.number)
            shown, extra = candidate(data, patient), conflict_context(patient, conflict)
    return render_builder(request, shown, other, draft=draft, **extra)


def save_draft(
    request: HttpRequest, shown: Candidate, seen: str, draft: TaperPlan | None
) -> HttpResponse:
    """Store the plan that was seen, as a new draft or as the draft's next version."""
    form = shown.form
    asked: dict[str, Any] = {
        "request": form.engine_request(), "reason": form.cleaned_data["reason"].strip(),
        "seen": seen, "by": member_of(request).user, "now": timezone.now(),
    }  # fmt: skip
    if draft is None:
        draft = create_plan(patient=form.patient, **asked)
    else:
        edit_draft(plan=draft, based_on=form.cleaned_data["based_on"] or 0, **asked)
    messages.success(request, "Draft saved. It reaches the patient only when it is activated.")
    return redirect("tapers:detail", draft.pk)


def conflict_context(patient: Patient, conflict: ConflictError) -> dict[str, Any]:
    """Return what the other editor changed, for the page that is shown again."""
    plan = conflict.latest.plan
    base = plan.versions.filter(number=conflict.based_on).first() or conflict.latest
    today = timezone.localdate(timezone=patient.tz)
    was, now = (version.steps.prefetch_related("pieces") for version in (base, conflict.latest))
    return {"refusal": conflict, "conflict": conflict, "theirs": was_and_now(was, now, today)}


def render_builder(
    request: HttpRequest, shown: Candidate, other: Candidate | None = None, **extra: Any
) -> HttpResponse:
    """Render the page, or for a live preview only its panel."""
    form, patient = shown.form, shown.form.patient
    context = {
        "form": form,
        "patient": patient,
        "shown": shown,
        "other": other,
        "preview": shown.preview,
        "typed_over": "untype" not in request.POST and is_typed_over(request.POST),
        "charts": shown.charts(other) if shown.preview else (),
        "facts": facts_of_both(other, shown) if other else (),
        "compared": compared(other.rows, shown.rows) if other and other.preview else (),
        **extra,
    }
    is_wrong = form.is_bound and request.method == "POST" and not form.is_valid()
    status = 409 if "conflict" in extra else 422 if is_wrong or "refusal" in extra else 200
    if request.headers.get("HX-Request"):
        # Without what only a whole page shows: the banner, the menu, who is signed in.
        panel = render_to_string("tapers/preview_panel.html", context)
        return HttpResponse(panel, status=status)
    medication = patient.medication
    context["equivalents"] = equivalent_table(medication.drug_id, medication.daily_mg)
    context["running"] = plan_today(patient, timezone.now())
    return render(request, "tapers/plan_form.html", context, status=status)


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def plan_discard(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Put a draft away with a reason."""
    plan = fetch_plan(request, plan_id)
    form = PutAwayForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            discard_draft(plan=plan, reason=form.cleaned_data["reason"],
                          by=member_of(request).user, now=timezone.now())  # fmt: skip
        except ActivationError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The draft is put away. It stays on record.")
            return redirect("dashboard:patient", plan.patient_id)
    status = 422 if request.method == "POST" else 200
    context = {"plan": plan, "patient": plan.patient, "form": form}
    return render(request, "tapers/plan_discard.html", context, status=status)
