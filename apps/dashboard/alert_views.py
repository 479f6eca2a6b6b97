"""The alert's page: everything about one alert, and everything one can do about it.

Each act has a URL of its own. A form that is not right comes back on the whole page
with what was typed; an act that came too late is told in a sentence.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.alerts.act_actions import HandOverError, document_act, hand_over_alert, reopen_alert
from apps.alerts.actions import AlertTakenError, OutcomeError, resolve_alert
from apps.alerts.forms import ActForm, HandOverForm, ReopenForm, ResolveForm
from apps.alerts.models import INTERIM_ACTS, Alert
from apps.alerts.states import TransitionError
from apps.dashboard.actions import hold_from_alert
from apps.dashboard.alert_page import page_of
from apps.patients.access import fetch_in_scope, member_of, requires, saw
from apps.patients.permissions import Right


def fetch_alert(request: HttpRequest, alert_id: UUID) -> Alert:
    """Return the alert with what its page shows, or 404 out of scope."""
    rows = Alert.objects.select_related(
        "patient__risk", "patient__medication", "patient__check_in_schedule", "owner", "clinic",
        "resolved_by",
    )  # fmt: skip
    alert: Alert = fetch_in_scope(request, rows, pk=alert_id)
    return alert


def show(request: HttpRequest, alert: Alert, **forms: Any) -> HttpResponse:
    """Render the page; `forms` holds the one that was posted and is not right."""
    member = member_of(request)
    context = page_of(alert, member, timezone.now(), everything="all" in request.GET)
    mine = alert.owner_id == member.user_id
    unused = {
        "resolve_form": ResolveForm(),
        "act_form": ActForm(initial=chosen_act(request)) if mine else None,
        "hand_over_form": HandOverForm(clinic_id=alert.clinic_id, owner=alert.owner),
        "reopen_form": ReopenForm(),
    }
    status = 422 if forms else 200
    return render(request, "dashboard/alert_detail.html", context | unused | forms, status=status)


def chosen_act(request: HttpRequest) -> dict[str, str]:
    """Return what the form of an act begins with: the kind that a button of the page named."""
    kind = request.GET.get("act", "")
    return {"kind": kind} if kind in INTERIM_ACTS else {}


def act(request: HttpRequest, alert: Alert, work: Callable[[], object], done: str) -> HttpResponse:
    """Do one act, say what came of it and go back to the page."""
    try:
        work()
    except (AlertTakenError, HandOverError, TransitionError) as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, done)
    return redirect("dashboard:alert", alert.pk)


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def alert_detail(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Show everything about one alert; a POST closes it with an outcome and a note."""
    alert = fetch_alert(request, alert_id)
    if request.method == "POST":
        return close(request, alert)
    saw(request, "alert.viewed", alert.patient, alert)
    return show(request, alert)


def close(request: HttpRequest, alert: Alert) -> HttpResponse:
    """Close the alert, or say beside the field why it does not end so."""
    form, by, now = ResolveForm(request.POST), member_of(request).user, timezone.now()
    if form.is_valid():
        try:
            resolve_alert(alert=alert, by=by, now=now, **form.cleaned_data)
        except OutcomeError as error:
            form.add_error("outcome", str(error))
        except TransitionError as error:
            messages.warning(request, str(error))
            return redirect("dashboard:alert", alert.pk)
        else:
            messages.success(request, f"Alert {alert.reference} is closed.")
            return redirect("dashboard:board")
    return show(request, alert, resolve_form=form)


@require_POST
@requires(Right.HANDLE_ALERTS)
def alert_act(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Write down what the owner did; the clock starts anew."""
    alert, form = fetch_alert(request, alert_id), ActForm(request.POST)
    if not form.is_valid():
        return show(request, alert, act_form=form)
    by, now = member_of(request).user, timezone.now()
    return act(
        request,
        alert,
        lambda: document_act(alert=alert, by=by, now=now, **form.cleaned_data),
        "Written down. The alert stays yours and its clock starts anew.",
    )


@require_POST
@requires(Right.HANDLE_ALERTS)
def alert_hand_over(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Give the alert to somebody else, or take it over."""
    alert = fetch_alert(request, alert_id)
    form = HandOverForm(request.POST, clinic_id=alert.clinic_id, owner=alert.owner)
    if not form.is_valid():
        return show(request, alert, hand_over_form=form)
    by, now = member_of(request).user, timezone.now()
    return act(
        request,
        alert,
        lambda: hand_over_alert(alert=alert, by=by, now=now, **form.cleaned_data),
        f"{form.cleaned_data['to'].user.full_name} has this alert now.",
    )


@require_POST
@requires(Right.HANDLE_ALERTS)
def alert_reopen(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Open a closed alert again; the reader owns it."""
    alert, form = fetch_alert(request, alert_id), ReopenForm(request.POST)
    if not form.is_valid():
        return show(request, alert, reopen_form=form)
    by, now = member_of(request).user, timezone.now()
    return act(
        request,
        alert,
        lambda: reopen_alert(alert=alert, by=by, now=now, **form.cleaned_data),
        "Open again, and yours.",
    )


@require_POST
@requires(Right.HANDLE_ALERTS)
def alert_hold_plan(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Lock the patient's next reduction. Not to cut further is the safe direction."""
    alert = fetch_alert(request, alert_id)
    hold = hold_from_alert(alert=alert, by=member_of(request).user, now=timezone.now())
    if hold is None:
        messages.warning(request, "No plan is active, so there is nothing to hold.")
    else:
        messages.success(request, "The next reduction is locked. Today's dose stays as it is.")
    return redirect("dashboard:alert", alert.pk)
