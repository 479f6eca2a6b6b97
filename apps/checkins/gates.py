"""What stands in the way of the next reduction, as far as check-ins and alerts know.

Registered with apps.tapers at start (ADR 8): the plan asks, without knowing who answers.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q

from apps.alerts.ladder import Level
from apps.alerts.models import Alert
from apps.checkins.models import CheckIn

NO_CHECK_IN: Final = "No check-in came since the present step began."


def check_in_came(patient_id: UUID, since: datetime, due: datetime) -> str:
    """Refuse a cut when no check-in came after the step before began (ASAM-15).

    The patient's own daily questions, all mandatory ones: half an answer or the weekly part alone
    says too little of how the step is borne (triage.md section 3). One that was kept on a phone
    and tells of the days before the step says nothing of it either [proposal].
    """
    whole = CheckIn.objects.by_the_patient().stopping_the_clock().filter(reported_at__gte=since)
    came = whole.filter(patient_id=patient_id, received_at__gte=since, received_at__lt=due)
    return "" if came.exists() else NO_CHECK_IN


def no_red_alert(patient_id: UUID, since: datetime, due: datetime) -> str:
    """Refuse a cut while an urgent or emergency alert was open at the moment it was due."""
    red = Alert.objects.filter(
        Q(resolved_at__isnull=True) | Q(resolved_at__gt=due),
        patient_id=patient_id,
        level__in=[Level.URGENT, Level.EMERGENCY],
        opened_at__lt=due,
    )
    alert = red.order_by("opened_at").first()
    return "" if alert is None else f"Alert {alert.reference} was still open."


def alert_is_open(patient_id: UUID) -> bool:
    """Answer whether any alert still needs a person: until then no tier falls (triage.md 4)."""
    return Alert.objects.unresolved().filter(patient_id=patient_id).exists()
