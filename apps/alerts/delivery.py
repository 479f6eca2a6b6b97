"""One message to one person: claim, commit, talk to the mail server or gateway, mark.

The claim is one locked row with a lease and a token; only the holder of the token may
mark the result, so a sender that comes back after its lease changes nothing. Nothing
is sent inside a transaction.
"""

import logging
import random
import time
import uuid
from datetime import datetime, timedelta
from typing import Final

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet

from apps.alerts import breaker
from apps.alerts.batch import Batch, Clock, send
from apps.alerts.escalation import CONFIRM_WITHIN, go_on, hand_over, lock_alert, log
from apps.alerts.ladder import MAX_ATTEMPTS, REPEAT_AFTER, Level, Rung
from apps.alerts.models import Delivery, DeliveryAttempt
from apps.alerts.smtp import Answer, MailSession, Result, lease_time
from apps.alerts.states import DeliveryStatus, check_delivery_transition
from apps.alerts.ways import server_of
from apps.database.scope import every_clinic
from apps.patients.moving import inside
from config.tracing import traced

logger = logging.getLogger(__name__)

# Longest wait between two tries: a red flag is out within seconds of a server's return.
MAX_BACKOFF: Final[dict[str, timedelta]] = {
    Level.EMERGENCY: timedelta(seconds=8),
    Level.URGENT: timedelta(seconds=8),
    Level.WATCH: timedelta(minutes=5),
}
# A mailbox that refuses is asked this often within the age of its message: every 8 s in the
# first four minutes of a red flag, every 20 s after ten, every 2 minutes after an hour [proposal].
TRIES_PER_AGE: Final = 30
# Only watch alerts share a mail: a red flag is never one line of a list.
BUNDLE: Final = 20


def deliver(
    clock: Clock,
    *,
    delivery_id: uuid.UUID | None = None,
    session: MailSession | None = None,
    fresh_only: bool = False,
) -> Delivery | None:
    """Send the most urgent due message, or the one named, and store what came of it.

    Returns None when there is nothing to claim: not due, taken by another sender, the
    alert is no longer open, or the breaker of its server holds it back. Safe to
    call from many processes at once and twice for the same id. `fresh_only` takes only
    red flags never tried before: the lane that no troubled recipient can block.
    """
    claimed = claim_all(clock(), delivery_id, fresh_only=fresh_only)
    if not claimed:
        return None
    with traced(claimed[0].request_id), inside(claimed[0].alert.clinic_id):
        send_claimed(claimed, clock, session)
    return claimed[0]


def send_claimed(claimed: list[Delivery], clock: Clock, session: MailSession | None) -> None:
    """Send what one claim took, and store what came of it."""
    begun, batch = clock(), Batch(claimed, clock)
    if session is None:
        with MailSession() as own:
            answer = send(batch, own)
    else:
        answer = send(batch, session)
    # First: meanwhile others feed the same server.
    note_server(server_of(claimed[0]), answer, begun, clock)
    for delivery in claimed:
        settle_surely(delivery, batch.answer_for(delivery, answer), clock)


def claim(now: datetime, delivery_id: uuid.UUID | None = None) -> Delivery | None:
    """Take one due delivery, and nothing with it, under a lease."""
    return next(iter(claim_all(now, delivery_id, alone=True)), None)


@transaction.atomic
def claim_all(
    now: datetime,
    delivery_id: uuid.UUID | None = None,
    *,
    fresh_only: bool = False,
    alone: bool = False,
) -> list[Delivery]:
    """Take one due delivery under a lease; the attempts are on record before they are made.

    A watch message brings along what else of that level is due to the same person. An
    open breaker lets one probe through: the least tried message, so that one mail that
    the server chokes on does not keep the breaker open for all.
    """
    gates = breaker.gates(now)
    due = Delivery.objects.due(now).exclude(breaker.through(gates.closed))
    if delivery_id is not None:
        due = due.filter(pk=delivery_id)
    if fresh_only:
        due = due.filter(attempts=0, gateway__isnull=True).exclude(alert__level=Level.WATCH)
    first = first_of(due, gates, now)
    if first is None:
        return []
    with inside(first.alert.clinic_id):
        return lease_all(first, now, alone=alone or server_of(first) in gates.probing)


def lease_all(first: Delivery, now: datetime, *, alone: bool) -> list[Delivery]:
    """Take this message, and with it what else of its level waits for the same person."""
    token, claimed = uuid.uuid4(), [first]
    if first.alert.level == Level.WATCH and not alone:
        same = Delivery.objects.due(now).filter(
            recipient=first.recipient_id,
            gateway=first.gateway_id,
            address=first.address,
            alert__level=Level.WATCH,
        )
        claimed += locked(same.exclude(pk=first.pk))[: BUNDLE - 1]
    for delivery in claimed:
        lease(delivery, token, now)
    return claimed


def first_of(due: QuerySet[Delivery], gates: breaker.Gates, now: datetime) -> Delivery | None:
    """Return the message to send now, locked; take the probe of its server if it needs one."""
    while first := first_awake(due, now):
        server = server_of(first)
        if server not in gates.probing:
            return first
        behind = breaker.through(frozenset({server}))
        probe = first_awake(due.filter(behind).order_by(*probes_first(first, gates)), now)
        if probe and breaker.take_probe(now, server):
            return probe
        due = due.exclude(behind)
    return None


def first_awake(due: QuerySet[Delivery], now: datetime) -> Delivery | None:
    """Return the first of these messages, locked, whose recipient may hear of it now.

    What falls into its recipient's quiet hours is put off until they end.
    """
    while first := locked(due).first():
        with inside(first.alert.clinic_id):
            quiet_until = quiet_end(first, now)
            if quiet_until is None:
                return first
            put_off(first, quiet_until)
    return None


def probes_first(first: Delivery, gates: breaker.Gates) -> tuple[str, ...]:
    """Return in which order the messages behind a breaker probe their server.

    The least tried, so that one that the server chokes on does not keep it closed; but
    every other probe is an emergency, if one waits, however many others are fresh.
    """
    if first.alert.level == Level.EMERGENCY and server_of(first) in gates.odd:
        return ("priority", "attempts", "next_attempt_at")
    return ("attempts", "priority", "next_attempt_at")


def locked(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Return the rows locked as they are read; what another sender holds is left out."""
    return rows.select_for_update(skip_locked=True, of=("self",))


def quiet_end(delivery: Delivery, now: datetime) -> datetime | None:
    """Return when the quiet hours end that hold this message back, None when none do.

    None hold back an emergency, nor an urgent alert of which nobody else hears.
    """
    hours = getattr(delivery.recipient, "quiet_hours", None)
    level = delivery.alert.level
    if hours is None or delivery.despite_quiet or level == Level.EMERGENCY:
        return None
    end: datetime | None = hours.until(now)
    if end is None or level == Level.WATCH:
        return end
    others = delivery.alert.deliveries.exclude(recipient=delivery.recipient_id)
    return end if others.reachable(now, level).exists() else None


def put_off(delivery: Delivery, until: datetime) -> None:
    """Let a locked message wait for the end of its recipient's quiet hours."""
    delivery.next_attempt_at = delivery.quiet_until = until
    delivery.confirm_by = None
    delivery.save(update_fields=["next_attempt_at", "quiet_until", "confirm_by"])


def lease(delivery: Delivery, token: uuid.UUID, now: datetime) -> None:
    """Mark a locked delivery as being sent, until the lease ends."""
    check_delivery_transition(DeliveryStatus(delivery.status), DeliveryStatus.SENDING)
    delivery.status = DeliveryStatus.SENDING
    delivery.lease_token = token
    delivery.lease_until = now + lease_time()
    delivery.attempts += 1
    delivery.save(update_fields=["status", "lease_token", "lease_until", "attempts"])
    DeliveryAttempt.objects.create(delivery=delivery, number=delivery.attempts, started_at=now)


@every_clinic()
def note_server(server: str, answer: Answer, begun: datetime, clock: Clock) -> None:
    """Tell the breaker what the server did; a breaker that cannot be told stops nothing.

    What waits for a server that answers again waits in every clinic.
    """
    try:
        if answer.result == Result.UNWANTED:
            return
        if answer.of_server:
            unclear = begun if answer.result == Result.UNCLEAR else None
            breaker.note_failure(answer.reply, clock(), unclear_since=unclear, server=server)
        else:
            breaker.note_answer(clock(), server)
    except (OperationalError, InterfaceError):
        connection.close()
        logger.warning("the breaker could not be told what the server did")


def settle_surely(delivery: Delivery, answer: Answer, clock: Clock) -> bool:
    """Store the answer, waiting for a database that restarts until the lease ends.

    Without it every restart would send again what has just been accepted.
    """
    give_up = time.monotonic() + lease_time().total_seconds()
    while True:
        try:
            return settle(delivery, answer, clock())
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > give_up:
                raise
            connection.close()
            time.sleep(0.2)


@transaction.atomic
def settle(delivery: Delivery, answer: Answer, now: datetime) -> bool:
    """Store what came of an attempt; False when the lease was lost meanwhile.

    A permanent failure, or the last temporary one, is a visible state and hands the
    alert to the next person.
    """
    lock_alert(delivery.alert_id)  # before its messages, as everywhere
    held = Delivery.objects.select_for_update().filter(
        pk=delivery.pk, lease_token=delivery.lease_token, status=DeliveryStatus.SENDING
    )
    current = held.select_related("alert", "recipient__user").first()
    if current is None:
        return False
    DeliveryAttempt.objects.filter(delivery=current, number=current.attempts).update(
        finished_at=now, result=answer.result, reply=answer.reply
    )
    target = next_status(current, answer.result)
    check_delivery_transition(DeliveryStatus.SENDING, target)
    current.status, current.lease_token, current.lease_until = target, None, None
    current.last_error = "" if target == DeliveryStatus.SENT else answer.reply
    current.sent_at = now if target == DeliveryStatus.SENT else None
    current.failed_at = now if target == DeliveryStatus.FAILED else None
    current.next_attempt_at = (
        now + backoff(current, answer, now) if target == DeliveryStatus.PENDING else None
    )
    current.confirm_by = word_wanted_by(current, now)
    current.save(
        update_fields=[
            "status", "lease_token", "lease_until", "last_error", "sent_at", "failed_at",
            "next_attempt_at", "confirm_by",
        ]
    )  # fmt: skip
    report(current, answer, now)
    delivery.status = current.status
    return True


def word_wanted_by(delivery: Delivery, now: datetime) -> datetime | None:
    """Return until when it must be known that this message arrived, None when it need not be.

    Accepted is not delivered: for an emergency that nobody has taken the person's next
    channel follows a minute later, unless the provider has reported by then.
    """
    if delivery.status == DeliveryStatus.PENDING:
        return delivery.confirm_by
    wanted = (
        delivery.status == DeliveryStatus.SENT
        and delivery.alert.level == Level.EMERGENCY
        and not delivery.receipt
        and delivery.is_wanted
    )
    return now + CONFIRM_WITHIN if wanted else None


def next_status(delivery: Delivery, result: Result) -> DeliveryStatus:
    """Return where a delivery goes after an attempt with this result.

    A provider's report that it arrived is worth more than an answer that got lost.
    """
    if result == Result.SENT or delivery.receipt == Delivery.Receipt.DELIVERED:
        return DeliveryStatus.SENT
    if result == Result.UNWANTED:
        return DeliveryStatus.CANCELLED
    used_up = delivery.attempts >= MAX_ATTEMPTS[delivery.alert.level]
    if result == Result.PERMANENT or (used_up and delivery.rung != Rung.EVERYONE):
        return DeliveryStatus.FAILED
    if not delivery.is_wanted:
        return DeliveryStatus.CANCELLED
    return DeliveryStatus.PENDING


def backoff(delivery: Delivery, answer: Answer, now: datetime) -> timedelta:
    """Return how long to wait: doubling from one second, jittered, capped by level.

    A mailbox that alone goes on refusing waits longer the older its message is, but never
    longer than until everyone is told again anyway: `TRIES_PER_AGE`.
    """
    cap = MAX_BACKOFF[delivery.alert.level]
    if not answer.of_server:
        by_age = (now - delivery.created_at) / TRIES_PER_AGE
        cap = max(cap, min(by_age, REPEAT_AFTER[delivery.alert.level]))
    wait = min(timedelta(seconds=2 ** min(delivery.attempts - 1, 10)), cap)
    if answer.result == Result.THROTTLED:
        wait = min(wait * 2, cap)
    return wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing


def report(delivery: Delivery, answer: Answer, now: datetime) -> None:
    """Write the timeline line and the log line, and go on when this way is lost."""
    name = delivery.recipient.user.full_name
    what = f"{delivery.get_channel_display()} to {name}"
    taker = "gateway" if delivery.gateway_id else "mail server"
    if delivery.status == DeliveryStatus.SENT:
        log(delivery.alert, f"{what} accepted by the {taker}.", now)
        logger.info("delivery %s sent", delivery.pk)
        if delivery.receipt == Delivery.Receipt.UNDELIVERED:
            go_on(delivery, now=now)
    elif delivery.status == DeliveryStatus.FAILED:
        log(delivery.alert, f"{what} failed for good: {answer.reply}", now)
        logger.error("delivery %s failed: %s", delivery.pk, answer.result)
        go_on(delivery, now=now)
    elif delivery.status == DeliveryStatus.CANCELLED and delivery.is_wanted:
        hand_over(delivery, now=now)  # who was to hear of it has left meanwhile
    elif delivery.status == DeliveryStatus.PENDING:
        log(delivery.alert, f"{what} not accepted yet: {answer.reply}", now)
        logger.warning("delivery %s will be tried again: %s", delivery.pk, answer.result)
        if delivery.attempts == MAX_ATTEMPTS[delivery.alert.level]:
            go_on(delivery, now=now)  # "everyone" never gives up, and does not wait either
