"""The second prescriber's page: the version that waits, exactly, and their signature."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.patients.access import member_of, requires
from apps.patients.permissions import Right
from apps.tapers.actions_signing import sign_second
from apps.tapers.changes import was_and_now
from apps.tapers.charts import dose_charts
from apps.tapers.forms_signing import SecondSignatureForm
from apps.tapers.models import Agreement, PlanVersion, TaperPlan
from apps.tapers.signable import ActivationError, StaleVersionError, why_not_second
from apps.tapers.step_rows import StepRow, step_rows
from apps.tapers.today import today_of
from apps.tapers.views_signing import difference, fetch_plan, signed
from apps.tapers.waiting import is_waiting


@require_http_methods(["GET", "POST"])
@requires(Right.ACTIVATE_PLANS)
def plan_sign_second(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Show the version that waits; a POST signs that one and no other."""
    plan = fetch_plan(request, plan_id)
    if request.method != "POST":
        return render_second(request, plan)
    form = SecondSignatureForm(request.POST, request=request, version=plan.latest)
    if form.is_valid():
        try:
            plan = sign_second(
                plan=plan, seen=form.seen(), signing=form.signing(),
                specialist=form.specialist_word(), by=member_of(request).user, now=timezone.now(),
            )  # fmt: skip
        except StaleVersionError as stale:
            return render_second(request, plan, stale=stale, status=409)
        except ActivationError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            form.was_used()
            return signed(request, plan)
    return render_second(request, plan, form, status=422)


def render_second(
    request: HttpRequest,
    plan: TaperPlan,
    form: SecondSignatureForm | None = None,
    status: int = 200,
    stale: StaleVersionError | None = None,
) -> HttpResponse:
    """Render the page of the version that waits; without one the plan says what there is."""
    version, now = plan.latest, timezone.now()
    if not is_waiting(plan, version):
        text = str(stale) if stale else "No version of this plan waits for a second prescriber."
        messages.warning(request, text)
        return redirect("tapers:detail", plan.pk)
    by, day = member_of(request).user, now.astimezone(plan.patient.tz).date()
    why_not = why_not_second(plan, version, by, day)
    context = {
        "plan": plan,
        "patient": plan.patient,
        "version": version,
        "first": version.signatures.select_related("signer").first(),
        "why_not": why_not,
        "stale": stale,
        "since": difference(plan, stale) if stale else None,
        "form": None if why_not else form or SecondSignatureForm(request=request, version=version),
        "agreement": Agreement.objects.filter(version=version).first(),
        "sign_offs": plan.sign_offs.all(),
        **what_waits(plan, version, now),
    }
    return render(request, "tapers/plan_sign_second.html", context, status=status)


def what_waits(plan: TaperPlan, version: PlanVersion, now: Any) -> dict[str, Any]:
    """Return a version's steps and falls, drawn over and compared with what is in force."""
    steps = version.steps.prefetch_related("pieces")
    rows = step_rows(steps, version.findings)
    context: dict[str, Any] = {"rows": rows, "too_fast": [r for r in rows if r.verdict == "block"]}
    before: list[StepRow] = []
    if plan.status == TaperPlan.Status.ACTIVE:
        state = today_of(plan, now, pieces=True)
        before = step_rows(state.steps, current=state.step)
        first = version.signatures.get(meaning="prescribe")
        context |= {
            "today": state,
            "diff": was_and_now(state.steps, steps, state.day),
            "holds_since": [hold for hold in state.holds if hold.opened_at > first.signed_at],
        }
    return context | {"charts": dose_charts(rows, before), "before": before}
