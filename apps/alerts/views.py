"""Taking and closing an alert. The alert's page itself is in the dashboard."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.alerts.actions import AlertTakenError, acknowledge_alert
from apps.alerts.models import Alert
from apps.alerts.states import TransitionError
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.permissions import Right


@require_POST
@requires(Right.HANDLE_ALERTS)
def alert_acknowledge(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Take the alert: the reader becomes its one owner."""
    alert = fetch_in_scope(request, Alert.objects.all(), pk=alert_id)
    try:
        acknowledge_alert(alert=alert, by=member_of(request).user, now=timezone.now())
    except (AlertTakenError, TransitionError) as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, f"Alert {alert.reference} is yours.")
    return redirect("dashboard:alert", alert.pk)
