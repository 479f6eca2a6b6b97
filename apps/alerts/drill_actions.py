"""Ending a drill: it is timed when it has reached somebody, and ends without a person's act.

The sweep does so before it climbs any ladder, so a drill that has reached somebody wakes
nobody else; one that has not goes on to the backup, the lead and everyone, as a real alert.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.alerts.escalation import cancel_pending, lock_alert, log
from apps.alerts.models import DRILL_OUTCOME, Alert, Drill
from apps.alerts.states import AlertStatus, DeliveryStatus, check_alert_transition
from apps.audit.actions import record

# So long it waits for the others of a rung once the first of them is reached [proposal].
WAITS_FOR_OTHERS: Final = timedelta(seconds=60)
GIVES_UP_AFTER: Final = timedelta(hours=1)  # having told everyone a dozen times [proposal]
UNDER_WAY: Final = (DeliveryStatus.PENDING, DeliveryStatus.SENDING)


@transaction.atomic
def end_drill(drill_id: int, now: datetime) -> bool:
    """Time a drill that has reached somebody, and end it when it is over; False until then.

    Over is: reached, and nobody else of its people still being tried for more than a minute;
    or an hour without reaching anybody. Safe to call twice and from several processes.
    """
    alert = lock_alert(Drill.objects.values_list("alert_id", flat=True).get(pk=drill_id))
    drill = Drill.objects.select_for_update(of=("self",)).get(pk=drill_id)
    if drill.ended_at is not None:
        return True
    time_arrival(drill, alert)
    age = now - drill.started_at
    busy = alert.deliveries.filter(status__in=UNDER_WAY).exists() and age < WAITS_FOR_OTHERS
    if busy or (drill.accepted_at is None and age < GIVES_UP_AFTER):
        return False
    drill.ended_at = now
    drill.next_attempt_at = now if drill.accepted_at else None
    drill.save(update_fields=["ended_at", "next_attempt_at"])
    close(alert, drill, now)
    return True


def time_arrival(drill: Drill, alert: Alert) -> None:
    """Store how long the first message took that reached somebody, once there is one."""
    first = alert.deliveries.arrived().order_by("sent_at").first()
    if drill.accepted_at is None and first is not None and first.sent_at is not None:
        drill.accepted_at = first.sent_at
        drill.seconds = max((first.sent_at - drill.started_at).total_seconds(), 0.0)
        drill.save(update_fields=["accepted_at", "seconds"])


def close(alert: Alert, drill: Drill, now: datetime) -> None:
    """End a locked alert of a drill with the one outcome that no person can choose."""
    check_alert_transition(AlertStatus(alert.status), AlertStatus.RESOLVED)
    alert.status, alert.outcome = AlertStatus.RESOLVED, DRILL_OUTCOME
    alert.note = "Nobody was reached." if drill.seconds is None else f"{drill.seconds:.1f} seconds."
    alert.resolved_at, alert.next_rung_at = now, None
    alert.save(update_fields=["status", "outcome", "note", "resolved_at", "next_rung_at"])
    cancel_pending(alert)
    log(alert, f"The drill is over: {alert.note}", now)
    record(
        "drill.ended",
        by=None,
        now=now,
        clinic_id=alert.drill_of_id,
        obj=alert,
        seconds=drill.seconds,
    )
