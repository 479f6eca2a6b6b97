"""The prescriber's step review, and the list of plans that wait for one."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.dashboard import summaries
from apps.dashboard.review import WAITING_SHOWN, plans_waiting, review_of
from apps.patients.access import fetch_in_scope, member_of, requires, saw
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right, may
from apps.tapers.models import PlanVersion, TaperPlan
from apps.tapers.today import today_of
from apps.tapers.waiting import versions_waiting

COLUMNS = (
    ("Waits for", "waits"), ("Reference", "patient.reference"),
    ("Family name", "patient.family_name"), ("Given name", "patient.given_name"),
    ("Since", "since"), ("Why", "why"),
)  # fmt: skip


@require_GET
@requires(Right.ACTIVATE_PLANS)
def step_review(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Show what happened since the last step, with one button per decision."""
    rows = TaperPlan.objects.select_related("patient__medication", "patient__risk", "in_force")
    plan: TaperPlan = fetch_in_scope(request, rows, pk=plan_id)
    if plan.status != TaperPlan.Status.ACTIVE:
        messages.info(request, "Only an active plan has steps to review.")
        return redirect("tapers:detail", plan.pk)
    now = timezone.now()
    state = today_of(plan, now, pieces=True)
    review = review_of(state, now)
    saw(request, "plan.reviewed", plan.patient, plan, [alert.pk for alert in review.alerts])
    context = {
        "plan": plan,
        "patient": plan.patient,
        "today": state,
        "version": state.version,
        "review": review,
        "chart": summaries.chart_points(state, review.check_ins),
    }
    return render(request, "dashboard/step_review.html", context)


@require_GET
@requires(Right.SEE_PATIENTS)
def decisions_waiting(request: HttpRequest) -> HttpResponse:
    """List the plans whose next cut, or whose second signature, waits for a prescriber."""
    member = member_of(request)
    plans = plans_waiting(member.clinic, timezone.now())
    versions = versions_waiting(member.clinic_id)
    context = {
        "plans": plans[:WAITING_SHOWN],
        "more": len(plans[WAITING_SHOWN:]),
        "versions": versions,
        "reader": member.user,
        "may_decide": may(member, Right.ACTIVATE_PLANS),
    }
    listing = Listing("decisions", COLUMNS, lambda: waiting_rows(plans, versions), "patient.pk")
    shown = waiting_rows(plans[:WAITING_SHOWN], versions)
    return show_list(request, listing, "dashboard/decisions_waiting.html", context, shown=shown)


def waiting_rows(
    plans: Iterable[TaperPlan], versions: Iterable[PlanVersion]
) -> Iterator[dict[str, Any]]:
    """Yield a line for each version and each plan that waits, as a file has it."""
    for version in versions:
        first = next(iter(version.signatures.all()), None)
        yield {
            "waits": "a second signature", "patient": version.plan.patient,
            "since": first.signed_at if first else None, "why": version.get_kind_display(),
        }  # fmt: skip
    for plan in plans:
        yield {
            "waits": "a decision", "patient": plan.patient,
            "since": plan.waits_since, "why": plan.waits_because,  # type: ignore[attr-defined]
        }  # fmt: skip
