"""Writes that join two apps which know nothing of each other."""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.actions import write_down
from apps.alerts.models import Alert
from apps.clinical.triage import TaperAction
from apps.tapers.actions import hold_plan
from apps.tapers.models import PlanHold

SOURCE_ALERT = "alert"


@transaction.atomic
def hold_from_alert(*, alert: Alert, by: User, now: datetime) -> PlanHold | None:
    """Lock the patient's next reduction because of this alert; today's dose stays.

    Returns None when no plan is active. Pressing twice makes one hold.
    """
    existing = PlanHold.objects.open().filter(source_type=SOURCE_ALERT, source_id=alert.pk).first()
    if existing is not None:
        return existing
    hold = hold_plan(
        patient=alert.patient,
        action=TaperAction.HOLD_NEXT.value,
        rules=alert.rules,
        source_type=SOURCE_ALERT,
        source_id=alert.pk,
        by=by,
        now=now,
    )
    if hold is not None:
        write_down(alert, "alert.plan_held", "Next reduction locked.", by, now)
    return hold
