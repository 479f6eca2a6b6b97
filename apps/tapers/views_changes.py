"""Staff pages of decisions on a live plan: previewed, signed, and safe for two editors."""

from datetime import date
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.clinical.drugs import all_drugs
from apps.clinical.errors import ClinicalError
from apps.clinical.requests import plan_to_json
from apps.patients.access import member_of, requires
from apps.patients.equivalents import EqualDoses, equal_doses
from apps.patients.permissions import Right
from apps.tapers.actions import NotSeenError
from apps.tapers.actions_changes import (
    ChangePreview,
    ConflictError,
    change_plan,
    check_open_to,
    preview_change,
)
from apps.tapers.changes import was_and_now
from apps.tapers.engine import request_of
from apps.tapers.forms_changes import CHANGE_FORMS, ChangeForm
from apps.tapers.forms_method import tell
from apps.tapers.models import PlanVersion, TaperPlan, TaperStep
from apps.tapers.on_day import said_on
from apps.tapers.signable import ActivationError
from apps.tapers.today import today_of
from apps.tapers.views_signing import fetch_plan
from apps.tapers.waiting import is_waiting

DONE: Final[dict[str, str]] = {
    PlanVersion.Kind.END: "The plan has ended.",
    PlanVersion.Kind.INPATIENT: "The patient is in hospital. No step of this plan begins any more.",
}
# Days a person may ask about; the ends keep the day before and after within the calendar.
EARLIEST: Final = date(1900, 1, 1)
LATEST: Final = date(2200, 1, 1)


@require_http_methods(["GET", "POST"])
@requires(Right.ACTIVATE_PLANS)
def plan_change(request: HttpRequest, plan_id: UUID, kind: str) -> HttpResponse:
    """Show what a decision would change; a signed POST saves it."""
    plan = fetch_plan(request, plan_id)
    try:
        check_open_to(plan, kind)
    except ActivationError as error:
        messages.warning(request, str(error))
        return redirect("tapers:detail", plan.pk)
    form = change_form(request, plan, kind)
    preview = preview_of(plan, form)
    if request.method == "POST" and "save" in request.POST and form.is_valid() and preview:
        return save_change(request, plan, form, preview)
    is_wrong = form.is_bound and preview is None
    return render_change(request, plan, form, preview, status=422 if is_wrong else 200)


def change_form(request: HttpRequest, plan: TaperPlan, kind: str) -> ChangeForm:
    """Return the form of a decision, made on the latest version unless it was posted."""
    form = CHANGE_FORMS[kind]
    initial = {"based_on": plan.latest.number}
    if request.method != "POST":
        return form(request=request, plan=plan, initial=initial)
    # A preview asks for nothing that a signature needs.
    bound = form(request.POST, request=request, plan=plan, initial=initial,
                 breach="breach_reason" in request.POST)  # fmt: skip
    if "save" not in request.POST:
        for name in ("reason", *bound.signing_fields):
            bound.fields[name].required = False
        bound.ask_no_proof()
    return bound


def preview_of(plan: TaperPlan, form: ChangeForm) -> ChangePreview | None:
    """Return what the decision would make of the plan; a wrong value is told at its field."""
    if form.is_bound:
        form.is_valid()
    change = form.preview_change()
    if change is None:
        return None
    try:
        preview = preview_change(plan, change, timezone.now())
    except ClinicalError as error:
        if form.is_bound:
            tell(form, error)
        else:
            form.cannot = str(error).partition(": ")[2] or str(error)  # type: ignore[attr-defined]
        return None
    return preview


def save_change(
    request: HttpRequest, plan: TaperPlan, form: ChangeForm, preview: ChangePreview
) -> HttpResponse:
    """Save a signed decision, or say who was first or what is missing; nothing typed is lost."""
    try:
        version = change_plan(
            plan=plan, change=form.change(), based_on=form.cleaned_data["based_on"],
            signing=form.signing(), approvals=form.approvals(), by=member_of(request).user,
            now=timezone.now(), seen=request.POST.get("seen", ""),
        )  # fmt: skip
    except ConflictError as conflict:
        return render_conflict(request, plan, form, conflict)
    except NotSeenError as error:
        form.add_error(None, str(error))
        return render_change(request, plan, form, preview, status=422)
    except ClinicalError as error:
        # What stood when the page was looked at does so no longer: the intake, the day.
        tell(form, error)
        return render_change(request, plan, form, None, status=422)
    except ActivationError as error:
        if error.field == "breach_reason" and error.field not in form.fields:
            form = CHANGE_FORMS[form.kind](request.POST, request=request, plan=plan, breach=True)
            form.is_valid()
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return render_change(request, plan, form, preview, status=422)
    form.was_used()
    if version.needs_second:
        messages.info(request, "Signed. A second prescriber must sign before it is in force.")
    elif version.kind in DONE:
        messages.success(request, DONE[version.kind])
    else:
        messages.success(request, f"Version {version.number} is in force.")
    return redirect("tapers:detail", plan.pk)


def render_conflict(
    request: HttpRequest, plan: TaperPlan, form: ChangeForm, conflict: ConflictError
) -> HttpResponse:
    """Show what the other editor changed, and the form again made on their version."""
    base = plan.versions.get(number=conflict.based_on)
    today = timezone.localdate(timezone=plan.patient.tz)
    posted = request.POST.copy()
    posted["based_on"] = str(conflict.latest.number)
    again = CHANGE_FORMS[form.kind](
        posted, request=request, plan=plan, breach="breach_reason" in posted
    )
    preview = preview_of(plan, again)
    again.add_error(None, str(conflict))
    extra = {
        "conflict": conflict,
        "theirs": was_and_now(with_pieces(base), with_pieces(conflict.latest), today),
    }
    return render_change(request, plan, again, preview, status=409, **extra)


def with_pieces(version: PlanVersion) -> QuerySet[TaperStep]:
    """Return a version's steps with their tablets."""
    return version.steps.prefetch_related("pieces")


def render_change(
    request: HttpRequest,
    plan: TaperPlan,
    form: ChangeForm,
    preview: ChangePreview | None,
    status: int = 200,
    **extra: Any,
) -> HttpResponse:
    """Render the page of one decision with what it would change."""
    if preview is not None and preview.needs_second and "breach_reason" not in form.fields:
        data = request.POST if form.is_bound else None
        initial = form.initial
        form = CHANGE_FORMS[form.kind](
            data, request=request, plan=plan, breach=True, initial=initial
        )
        if "save" not in request.POST:
            for name in ("reason", *form.signing_fields):
                form.fields[name].required = False
            form.ask_no_proof()
    if preview is None:
        form.without_proof()
    latest = plan.latest
    context = {
        "plan": plan,
        "patient": plan.patient,
        "goal": goal_table(plan, form) if form.kind == PlanVersion.Kind.METHOD else None,
        "form": form,
        "preview": preview,
        "schedule": plan_to_json(preview.plan) if preview else None,
        "today": today_of(plan, timezone.now()),
        "waiting": latest if is_waiting(plan, latest) else None,
        **extra,
    }
    return render(request, "tapers/plan_change.html", context, status=status)


def goal_table(plan: TaperPlan, form: ChangeForm) -> EqualDoses | None:
    """Return the goal in the drug chosen for a switch, by every source; None for a goal of 0."""
    request = request_of(plan.version)
    if not request.goal_mg:
        return None
    typed = form["to_drug"].value() or ""
    to_drug = typed if typed in {drug.id for drug in all_drugs()} else "diazepam"
    return equal_doses(request.goal_mg, request.final_drug_id, to_drug)


@require_GET
@requires(Right.SEE_PATIENTS)
def plan_on_day(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Show what the plan said on a day: version, step, tablets, holds."""
    plan = fetch_plan(request, plan_id)
    now = timezone.now()
    try:
        day = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        day = now.astimezone(plan.patient.tz).date()
    day = min(max(day, EARLIEST), LATEST)
    context = {"plan": plan, "patient": plan.patient, "said": said_on(plan, day, now)}
    return render(request, "tapers/plan_on_day.html", context)
