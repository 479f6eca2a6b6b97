"""Staff pages of one plan: what it says, what is on record, and the signatures."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.permissions import Right, may
from apps.tapers.actions_drafts import can_edit
from apps.tapers.actions_signing import sign_plan
from apps.tapers.changes import DiffRow, was_and_now
from apps.tapers.charts import dose_charts
from apps.tapers.forms_signing import SigningForm, SignPlanForm
from apps.tapers.models import Agreement, TaperPlan
from apps.tapers.outdated import outdated
from apps.tapers.signable import ActivationError, StaleVersionError
from apps.tapers.step_rows import step_rows
from apps.tapers.today import today_of
from apps.tapers.waiting import is_waiting, overtaken

OPEN: Final = (TaperPlan.Status.DRAFT, TaperPlan.Status.ACTIVE)


@require_GET
@requires(Right.SEE_PATIENTS)
def plan_detail(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Show a plan: how it stands today, its steps, tablets, findings and signatures."""
    return render_plan(request, fetch_plan(request, plan_id))


@require_POST
@requires(Right.ACTIVATE_PLANS)
def plan_activate(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Sign a draft and put it in force, or say what stands in the way."""
    plan = fetch_plan(request, plan_id)
    form = SignPlanForm(request.POST, request=request, plan=plan)
    if form.is_valid():
        try:
            plan = sign_plan(
                plan=plan, seen=form.seen(), signing=form.signing(), approvals=form.approvals(),
                by=member_of(request).user, now=timezone.now(),
            )  # fmt: skip
        except StaleVersionError as stale:
            return render_plan(request, plan, stale=stale, status=409)
        except ActivationError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            form.was_used()
            return signed(request, plan)
    return render_plan(request, plan, form, status=422)


def signed(request: HttpRequest, plan: TaperPlan) -> HttpResponse:
    """Say what the signature did."""
    if plan.in_force_id == plan.latest.pk:
        messages.success(request, "Signed. The plan is active.")
        return redirect("dashboard:patient", plan.patient_id)
    messages.info(request, "Signed. A second prescriber must sign before it is in force.")
    return redirect("tapers:detail", plan.pk)


def fetch_plan(request: HttpRequest, plan_id: UUID) -> TaperPlan:
    """Return a plan of the reader's clinic, or 404."""
    rows = TaperPlan.objects.select_related(
        "patient__medication", "patient__risk", "in_force", "activated_by", "left_by"
    )
    plan: TaperPlan = fetch_in_scope(request, rows, pk=plan_id)
    return plan


def render_plan(
    request: HttpRequest,
    plan: TaperPlan,
    form: SigningForm | None = None,
    status: int = 200,
    stale: StaleVersionError | None = None,
) -> HttpResponse:
    """Render the plan page, with the form of the first signature while it is missing."""
    member, now, latest = member_of(request), timezone.now(), plan.latest
    shown = latest if plan.in_force is None else plan.in_force
    versions = list(
        plan.versions.select_related("created_by", "enactment__by").prefetch_related(
            "signatures__signer"
        )
    )
    day = now.astimezone(plan.patient.tz).date()
    today = today_of(plan, now) if plan.status == TaperPlan.Status.ACTIVE else None
    context: dict[str, Any] = {
        "plan": plan,
        "patient": plan.patient,
        "version": shown,
        "versions": versions[::-1],
        "today": today,
        "drug_id": today.drug_id if today else shown.drug_id,
        "steps": list(shown.steps.select_related("version").prefetch_related("pieces")),
        "findings": shown.findings,
        "waiting": latest if is_waiting(plan, versions[-1]) else None,
        "overtaken": overtaken(plan, versions),
        "outdated": outdated(plan, shown, day, today=True) if plan.status in OPEN else [],
        "agreement": Agreement.objects.filter(version=shown).first(),
        "sign_offs": plan.sign_offs.all(),
        "holds": plan.holds.select_related("released_by").order_by("-opened_at"),
        "may_activate": may(member, Right.ACTIVATE_PLANS),
        "may_edit": may(member, Right.PLAN_TAPERS) and can_edit(plan),
        "stale": stale,
        "since": difference(plan, stale) if stale else None,
    }
    if plan.status == TaperPlan.Status.DRAFT:
        context["charts"] = dose_charts(step_rows(context["steps"], shown.findings))
    context["form"] = form or first_signature(request, plan, context)
    return render(request, "tapers/plan_detail.html", context, status=status)


def difference(plan: TaperPlan, stale: StaleVersionError) -> list[DiffRow]:
    """Return what is in the latest version and was not in the one that was shown."""
    seen = plan.versions.filter(number=stale.seen.number).first() or stale.latest
    was, now = (each.steps.prefetch_related("pieces") for each in (seen, stale.latest))
    return was_and_now(was, now, timezone.localdate(timezone=plan.patient.tz))


def first_signature(
    request: HttpRequest, plan: TaperPlan, context: dict[str, Any]
) -> SigningForm | None:
    """Return the form of the first signature where this reader may give it, None for none."""
    if not context["may_activate"] or context["waiting"] or plan.status != TaperPlan.Status.DRAFT:
        return None
    return SignPlanForm(request=request, plan=plan)
