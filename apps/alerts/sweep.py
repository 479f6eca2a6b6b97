"""Putting every alert back on its way, from any process, with or without a broker."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Greatest

from apps.alerts import ladder
from apps.alerts.batch import Clock
from apps.alerts.delivery import MAX_BACKOFF, TRIES_PER_AGE, deliver, next_status
from apps.alerts.drill_actions import end_drill
from apps.alerts.escalation import (
    CONFIRM_WITHIN,
    climb,
    go_on,
    hand_over,
    log,
    open_again,
    times_of,
    try_next_way,
)
from apps.alerts.mail_rows import send_each
from apps.alerts.models import Alert, Delivery, DeliveryAttempt, Drill, Heartbeat
from apps.alerts.smtp import MailSession, Result, lease_time
from apps.alerts.states import AlertStatus, DeliveryStatus, check_delivery_transition
from apps.alerts.system_alerts import look, stranded_clinics
from apps.patients.moving import inside, move_each

logger = logging.getLogger(__name__)

STRANDED_AFTER: Final = timedelta(minutes=1)
BATCH: Final = 200
OF_MESSAGE: Final = "alert__clinic_id"
LONGEST_QUIET: Final = timedelta(hours=25)  # on the night that the clocks go back


@dataclass(frozen=True, slots=True)
class SweepReport:
    """How much one sweep moved; `stranded` must be zero."""

    leases_taken_back: int
    reopened: int
    climbed: int
    stranded: int
    moved_on: int = 0


def sweep(now: datetime) -> SweepReport:
    """Move everything whose clock has run out.

    1. Take back deliveries whose sender's lease ran out. We cannot know whether that
       mail left, and a second copy costs less than none.
    2. Try the next channel where nobody knows in time whether a message arrived.
    3. Go on where a message waits for somebody who has left.
    4. Open again what somebody took who has left, or documented nothing about in time.
    5. End drills that have reached somebody: they wake nobody else.
    6. Climb the ladder of alerts nobody has taken.

    Several processes may sweep at once: each row is locked, looked at again and moved
    by one of them.
    """
    clocks_set_right = set_clocks_right(now)
    if clocks_set_right:
        logger.warning("%d times lay too far ahead: the clock was set back", clocks_set_right)
    messages = Delivery.objects
    leases = each(messages.lease_expired(now), take_back, now, OF_MESSAGE)
    moved_on = each(messages.unconfirmed(now), no_word_came, now, OF_MESSAGE)
    moved_on += each(messages.to_the_departed(), pass_by, now, OF_MESSAGE)
    reopened = each(Alert.objects.of_the_departed(), free, now)
    reopened += each(Alert.objects.ack_overdue(now), reopen, now)
    each(Drill.objects.under_way(), end_drill, now, OF_MESSAGE)
    climbed = each(Alert.objects.rung_due(now).order_by("priority", "next_rung_at"), climb_due, now)
    stranded = Alert.objects.stranded(now, STRANDED_AFTER).count()
    if stranded:
        logger.error("%d alerts are stranded: nothing has moved them since their time", stranded)
    look(now, stranded_clinics(now, STRANDED_AFTER) if stranded else [])
    beat("sweep", now)
    return SweepReport(leases, reopened, climbed, stranded, moved_on)


def each(
    rows: QuerySet[Any],
    move: Callable[[Any, datetime], bool],
    now: datetime,
    clinic: str = "clinic_id",
) -> int:
    """Move up to a batch of rows, each inside the clinic of its alert."""
    found = rows.values_list("pk", clinic)[:BATCH]
    return move_each(found, move, now, logger, "sweep could not move %s")


def set_clocks_right(now: datetime) -> int:
    """Bring times back that no rule can have set: the machine's clock was set back.

    Without it an alert would wait out the hour that the clock fell behind. Each time has
    a longest distance from the present; what lies beyond is put there. Safe to repeat.
    """
    moved = 0
    for level, farthest in MAX_BACKOFF.items():
        beyond = now + farthest
        pending = Delivery.objects.filter(status=DeliveryStatus.PENDING, alert__level=level)
        # A mailbox that goes on refusing is asked more rarely the older its message is.
        by_age = ExpressionWrapper(
            Value(now, DateTimeField())
            + (Value(now, DateTimeField()) - F("created_at")) / TRIES_PER_AGE,
            output_field=DateTimeField(),
        )
        late = pending.filter(next_attempt_at__gt=Greatest(Value(beyond), by_age))
        # What waits for the end of quiet hours waits rightly, but never a whole day.
        asleep = Q(quiet_until__gte=F("next_attempt_at"), quiet_until__lt=now + LONGEST_QUIET)
        moved += late.exclude(asleep).update(next_attempt_at=now)
    unconfirmed = Delivery.objects.filter(confirm_by__gt=now + CONFIRM_WITHIN)
    moved += unconfirmed.exclude(quiet_until__gt=now).update(confirm_by=now + CONFIRM_WITHIN)
    lease = now + lease_time()
    sending = Delivery.objects.filter(status=DeliveryStatus.SENDING, lease_until__gt=lease)
    moved += sending.update(lease_until=lease)
    taken = Alert.objects.filter(status=AlertStatus.ACKNOWLEDGED)
    for level, clock in ladder.ACK_CLOCK.items():
        moved += taken.filter(level=level, ack_due_at__gt=now + clock).update(
            ack_due_at=now + clock, clock_set_at=now
        )
    return moved + set_rungs_right(now)


def set_rungs_right(now: datetime) -> int:
    """Bring rungs back that lie further ahead than the ladder can have set them."""
    moved = 0
    for alert in Alert.objects.rung_far_ahead(now):
        with inside(alert.clinic_id):
            moved += set_rung_right(alert, now)
    return moved


def set_rung_right(alert: Alert, now: datetime) -> int:
    """Bring the rung of one alert back, if it still lies too far ahead."""
    times = times_of(alert)
    due = now + ladder.gap_before(alert.level, alert.response, alert.next_rung, times)
    late = Alert.objects.filter(pk=alert.pk, status=AlertStatus.OPEN, next_rung_at__gt=due)
    return late.update(next_rung_at=due, clock_set_at=now)


@transaction.atomic
def take_back(delivery_id: UUID, now: datetime) -> bool:
    """Make one delivery due again whose sender did not come back in time."""
    delivery = lock_message(Delivery.objects.lease_expired(now).filter(pk=delivery_id))
    if delivery is None:
        return False
    DeliveryAttempt.objects.filter(delivery=delivery, number=delivery.attempts).update(
        finished_at=now, result="unknown", reply="the sender did not come back"
    )
    delivery.status = next_status(delivery, Result.TEMPORARY)
    delivery.lease_token = delivery.lease_until = None
    failed = delivery.status == DeliveryStatus.FAILED
    delivery.next_attempt_at = now if delivery.status == DeliveryStatus.PENDING else None
    delivery.failed_at = now if failed else None
    # Its provider may have reported that it arrived before the sender died.
    delivery.sent_at = now if delivery.status == DeliveryStatus.SENT else None
    if delivery.status != DeliveryStatus.PENDING:
        delivery.confirm_by = None
    delivery.last_error = "the sender did not come back"
    delivery.save(
        update_fields=[
            "status", "lease_token", "lease_until", "next_attempt_at", "failed_at", "last_error",
            "sent_at", "confirm_by",
        ]
    )  # fmt: skip
    name, what = delivery.recipient.user.full_name, delivery.get_channel_display().lower()
    log(delivery.alert, f"The sender of the {what} to {name} stopped half-way.", now)
    if failed:
        go_on(delivery, now=now)
    return True


@transaction.atomic
def no_word_came(delivery_id: UUID, now: datetime) -> bool:
    """Go on with the recipient's next channel: nobody knows whether this message arrived.

    A gateway that promises reports and sends none has not reached the person; then, with
    no channel left, the next person is told. A mail server never reports: its ladder goes on.
    """
    delivery = lock_message(Delivery.objects.unconfirmed(now).filter(pk=delivery_id))
    if delivery is None:
        return False
    delivery.confirm_by = None
    sent, promised = (
        delivery.status == DeliveryStatus.SENT,
        delivery.gateway and delivery.gateway.confirms,
    )
    if sent and promised and not delivery.receipt:
        delivery.receipt, delivery.receipt_at = Delivery.Receipt.UNKNOWN, now
    delivery.save(update_fields=["confirm_by", "receipt", "receipt_at"])
    if not delivery.is_wanted or delivery.receipt == Delivery.Receipt.DELIVERED:
        return False
    following = try_next_way(delivery, now=now)
    if delivery.receipt:
        what = delivery.get_channel_display().lower()
        name = delivery.recipient.user.full_name
        log(delivery.alert, f"No word in time that the {what} to {name} arrived.", now)
        if following is None:
            hand_over(delivery, now=now)
    return following is not None


@transaction.atomic
def pass_by(delivery_id: UUID, now: datetime) -> bool:
    """Tell somebody else of an alert whose message waits for a person who has left."""
    delivery = lock_message(Delivery.objects.to_the_departed().filter(pk=delivery_id))
    if delivery is None:
        return False
    check_delivery_transition(DeliveryStatus.PENDING, DeliveryStatus.CANCELLED)
    delivery.status, delivery.next_attempt_at = DeliveryStatus.CANCELLED, None
    delivery.confirm_by = None
    delivery.save(update_fields=["status", "next_attempt_at", "confirm_by"])
    name = delivery.recipient.user.full_name
    log(delivery.alert, f"{name} does not handle alerts here any more: not told.", now)
    hand_over(delivery, now=now)
    return True


@transaction.atomic
def free(alert_id: UUID, now: datetime) -> bool:
    """Open an alert again whose owner cannot act on it any more, and climb on."""
    alert = lock(Alert.objects.of_the_departed().filter(pk=alert_id))
    if alert is None:
        return False
    owner = alert.owner.full_name if alert.owner else "its owner"
    open_again(alert, f"{owner} does not handle alerts here any more.", now)
    return True


@transaction.atomic
def reopen(alert_id: UUID, now: datetime) -> bool:
    """Open an alert again whose owner documented nothing in time, and climb on."""
    alert = lock(Alert.objects.ack_overdue(now).filter(pk=alert_id))
    if alert is None:
        return False
    owner = alert.owner.full_name if alert.owner else "the owner"
    open_again(alert, f"{owner} took it and documented nothing in time.", now)
    return True


@transaction.atomic
def climb_due(alert_id: UUID, now: datetime) -> bool:
    """Climb one alert's ladder if it is still due."""
    alert = lock(Alert.objects.rung_due(now).filter(pk=alert_id))
    if alert is None:
        return False
    climb(alert, now=now)
    return True


def lock(alerts: QuerySet[Alert]) -> Alert | None:
    """Return the alert locked, or None when another process has it or it has moved on."""
    return alerts.select_for_update(skip_locked=True, of=("self",), no_key=True).first()


def lock_message(messages: QuerySet[Delivery]) -> Delivery | None:
    """Return the one message locked, its alert before it; None as `lock` does."""
    key = messages.values_list("alert_id", flat=True).first()
    if key is None or lock(Alert.objects.filter(pk=key)) is None:
        return None
    locked = messages.select_for_update(skip_locked=True, of=("self",))
    return locked.select_related("alert", "recipient__user", "gateway").first()


def deliver_due(
    clock: Clock,
    *,
    limit: int = BATCH,
    seconds: float = 3600.0,
    fresh_only: bool = False,
    keep_going: Callable[[], bool] = lambda: True,
) -> int:
    """Send due messages one by one, most severe first, until none is left; return how many.

    Claims none any more once `keep_going` answers no.
    """

    def send_one(session: MailSession) -> bool:
        return keep_going() and deliver(clock, session=session, fresh_only=fresh_only) is not None

    return send_each(send_one, limit=limit, seconds=seconds)


def beat(name: str, now: datetime) -> None:
    """Record a sign of life of a background process."""
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": now})
