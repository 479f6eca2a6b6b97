"""Taking and closing an alert. The alert's page itself is in the dashboard."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.guessing import guessed_too_often
from apps.alerts.actions import (
    AlertTakenError,
    LinkError,
    acknowledge_alert,
    check_can_take_by_link,
    take_by_link,
)
from apps.alerts.forms import MuteForm
from apps.alerts.models import INTERIM_ACTS, Alert, Delivery, Mute
from apps.alerts.mute_actions import MUTABLE_RULES, MuteError, end_mute, mute_rule
from apps.alerts.states import TransitionError
from apps.database.scope import enter_clinic, every_clinic
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.permissions import Right


@require_POST
@requires(Right.HANDLE_ALERTS)
def alert_acknowledge(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Take the alert: the reader becomes its one owner, and goes on to the act they chose."""
    alert = fetch_in_scope(request, Alert.objects.all(), pk=alert_id)
    page, kind = reverse("dashboard:alert", args=[alert.pk]), request.POST.get("act", "")
    try:
        acknowledge_alert(alert=alert, by=member_of(request).user, now=timezone.now())
    except (AlertTakenError, TransitionError) as error:
        messages.warning(request, str(error))
        return redirect(page)
    messages.success(request, f"Alert {alert.reference} is yours.")
    return redirect(f"{page}?act={kind}#step" if kind in INTERIM_ACTS else page)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def alert_take(request: HttpRequest, token: str) -> HttpResponse:
    """Let the recipient of a mail take the alert without signing in.

    GET and HEAD change nothing, so a mail scanner that opens the link takes nothing.
    The page names the alert's reference and no patient.
    """
    links = Delivery.objects.with_link(token)
    with every_clinic():
        delivery = links.select_related("alert__owner", "alert__clinic", "recipient__user").first()
    if delivery is None:
        return refuse_unknown_link(request)
    enter_clinic(delivery.alert.clinic_id)
    reader = request.user if request.user.is_authenticated else None
    try:
        if request.method == "POST":
            take_by_link(delivery=delivery, reader=reader, now=timezone.now())
            return redirect("alerts:take", token)
        check_can_take_by_link(delivery, reader, timezone.now())
    except (LinkError, AlertTakenError, TransitionError) as error:
        return show_link(request, delivery, str(error))
    return show_link(request, delivery)


def show_link(request: HttpRequest, delivery: Delivery, problem: str = "") -> HttpResponse:
    """Show the page behind a mail's link: take it, it is yours, or why that does not work."""
    alert = delivery.alert
    is_mine = alert.status == "acknowledged" and alert.owner_id == delivery.recipient.user_id
    foreign = request.user.is_authenticated and request.user != delivery.recipient.user
    if not problem and alert.status != "open":
        problem = (
            f"{alert.owner} has already taken this alert."
            if alert.status == "acknowledged"
            else "This alert is closed."
        )
    context = {"alert": alert, "is_mine": is_mine and not foreign, "problem": problem}
    status = 410 if problem and not context["is_mine"] else 200
    with timezone.override(alert.clinic.tz):
        return render(request, "alerts/take.html", context, status=status)


def refuse_unknown_link(request: HttpRequest) -> HttpResponse:
    """Answer a token nobody was sent; after twenty of them from one address, ask for patience."""
    if guessed_too_often(request):
        sentence = "Too many links that do not exist. Wait five minutes, or sign in."
        return render(request, "alerts/take.html", {"problem": sentence}, status=429)
    sentence = "This link does not work. Open the newest mail again, or sign in."
    return render(request, "alerts/take.html", {"problem": sentence}, status=404)


@require_http_methods(["GET", "POST"])
@requires(Right.MUTE_RULES)
def rule_mute(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Mute a rule of this alert for its patient, with an end and a reason."""
    alert = fetch_in_scope(request, Alert.objects.select_related("patient"), pk=alert_id)
    rules = [rule for rule in alert.rules if rule in MUTABLE_RULES]
    form, now = MuteForm(request.POST or None, rules=rules), timezone.now()
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            mute_rule(
                patient=alert.patient, rule=chosen["rule"], reason=chosen["reason"], now=now,
                ends_at=now + timedelta(days=chosen["days"]), by=member_of(request).user,
            )  # fmt: skip
        except MuteError as error:
            form.add_error("rule", str(error))
        else:
            messages.success(request, "Muted. The board still shows its alerts.")
            return redirect("dashboard:alert", alert.pk)
    context = {"form": form, "alert": alert, "rules": rules}
    return render(request, "alerts/mute.html", context, status=422 if form.is_bound else 200)


@require_POST
@requires(Right.MUTE_RULES)
def mute_end(request: HttpRequest, mute_id: UUID) -> HttpResponse:
    """Let a muted rule be heard again."""
    mute = fetch_in_scope(request, Mute.objects.all(), pk=mute_id)
    end_mute(mute=mute, by=member_of(request).user, now=timezone.now())
    messages.success(request, "The rule is heard again from now on.")
    return redirect("dashboard:patient", mute.patient_id)
