"""Climbing the ladder: who is told next, from the rota at that moment.

Called inside a transaction that holds the alert's row lock; the message to the
dispatcher is part of that transaction, so it arrives exactly when the rows do.
"""

from collections.abc import Container
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.db.models import QuerySet

from apps.alerts import ladder
from apps.alerts.links import new_link
from apps.alerts.models import (
    ALERT_ROLES,
    HANDED_OVER,
    Alert,
    AlertEvent,
    ClinicLadder,
    Delivery,
    Shift,
)
from apps.alerts.states import AlertStatus, DeliveryStatus, check_alert_transition
from apps.alerts.ways import (
    Way,
    being_told,
    next_way,
    quiet_ends,
    server_of,
    troubled,
    ways_of,
)
from apps.database.statements import Change, Insert, Read, execute_later
from apps.patients.models import Role, StaffMember

OUTBOX_CHANNEL: Final = "glidepath_outbox"
# Messages of a hand-over are numbered beyond any round of the ladder.
HAND_OVER_ROUNDS: Final = 1_000_000_000
NOBODY_RETRY: Final = timedelta(minutes=1)
# Accepted is not delivered: after this long without word the next channel is tried.
CONFIRM_WITHIN: Final = timedelta(seconds=60)
NOBODY: Final = "Nobody at this clinic can be told. Trying again every minute."


def staff_of(clinic_id: UUID) -> QuerySet[StaffMember]:
    """Return who works in the clinic, with the person each is."""
    return StaffMember.objects.active().filter(clinic_id=clinic_id).select_related("user")


ON_SHIFT = Read[StaffMember](
    lambda clinic_id, rung, now: staff_of(clinic_id).filter(
        pk__in=Shift.objects.at(now).filter(clinic_id=clinic_id, rung=rung).values("member_id"),
        role__in=ALERT_ROLES,
    ),
    clinic_id=UUID, rung=str, now=datetime,
)  # fmt: skip
OWN_LADDER = Read[ClinicLadder](
    lambda clinic_id, level: ClinicLadder.objects.filter(clinic_id=clinic_id, level=level),
    clinic_id=UUID, level=str,
)  # fmt: skip
SET_NEXT = Change(
    lambda key, rung, at, now: (
        Alert.objects.filter(pk=key),
        {"next_rung": rung, "next_rung_at": at, "clock_set_at": now},
    ),
    key=UUID, rung=int, at=datetime, now=datetime,
)  # fmt: skip
INSERT_DELIVERIES = Insert(Delivery)
INSERT_LINE = Insert(AlertEvent)


def lock_alert(alert_id: UUID) -> Alert:
    """Return the alert, locked until the end of the transaction; before any of its messages.

    That is the one order of locks: who holds a message and then asked for its alert would
    meet somebody who goes the other way.

    The lock lets other processes add lines to its timeline meanwhile. The owner is not
    joined: who waited for the lock would get the new row with the old owner beside it.
    """
    return Alert.objects.select_for_update(no_key=True).get(pk=alert_id)


def people_on(rung: str, alert: Alert, now: datetime) -> list[StaffMember]:
    """Return whom this rung reaches at `now`, by name; nobody twice."""
    if rung == ladder.Rung.EVERYONE:
        return list(staff_of(alert.told_clinic_id).filter(role__in=ALERT_ROLES))
    people = ON_SHIFT.all(clinic_id=alert.told_clinic_id, rung=str(rung), now=now)
    if rung == ladder.Rung.LEAD and not people:
        return list(staff_of(alert.told_clinic_id).filter(role=Role.CLINICAL_LEAD))
    return people


def climb(alert: Alert, *, now: datetime) -> list[Delivery]:
    """Tell the people of the next rung that has any, and set the rung after it.

    A rung with nobody is skipped at once and logged. When not even "everyone" has
    anybody, "everyone" is tried again a minute later; the staff pages and a system
    alert say so meanwhile. Returns the new deliveries.
    """
    times, due_at = times_of(alert), alert.next_rung_at or now
    last = max(alert.next_rung, ladder.everyone_from(alert.level))
    for index in range(alert.next_rung, last + 1):
        step = ladder.step_after(alert.level, alert.response, index, times)
        people = people_on(step.rung, alert, now)
        deliveries = tell(alert, step.rung, index, people, now) if people else []
        if reaches_somebody(deliveries, step.rung, people):
            at = ladder.next_rung_at(
                alert.level, alert.response, index, due_at=due_at, now=now, times=times
            )
            set_next(alert, index + 1, at, now)
            return deliveries
        why = "all are in their quiet hours" if people else "nobody is on the rota"
        if step.rung != ladder.Rung.EVERYONE:
            log(alert, f"{ladder.RUNG_LABELS[step.rung]}: {why}, skipped.", now)
    before = alert.events.last()
    if before is None or before.text != NOBODY:
        log(alert, NOBODY, now)
    set_next(alert, last, now + NOBODY_RETRY, now)
    return []


def reaches_somebody(deliveries: list[Delivery], rung: str, people: list[StaffMember]) -> bool:
    """Answer whether this rung tells somebody now; behind "everyone" there is nobody else."""
    if rung == ladder.Rung.EVERYONE:
        return bool(people)
    return any(delivery.quiet_until is None for delivery in deliveries)


def times_of(alert: Alert) -> ladder.Times | None:
    """Return when this clinic climbs its rungs, None where it has set nothing of its own."""
    own = OWN_LADDER.first(clinic_id=alert.told_clinic_id, level=str(alert.level))
    return own.times if own else None


def tell(
    alert: Alert, rung: str, round_number: int, people: list[StaffMember], now: datetime
) -> list[Delivery]:
    """Create one pending delivery per person, each with its link, and wake the dispatcher.

    Below an emergency it waits for the end of a person's quiet hours, once; but when none
    of "everyone" who is awake can be reached, an urgent alert does not wait. Who is still
    being tried gets no second message with a round to everyone.
    """
    quiet = quiet_ends(people, alert.level, now)
    last_resort = rung == ladder.Rung.EVERYONE and alert.level == ladder.Level.URGENT
    despite = last_resort and bool(quiet) and not anybody_awake(alert, people, quiet, now)
    under_way = set[UUID]()
    if rung == ladder.Rung.EVERYONE or quiet:
        under_way = being_told(alert.pk, rung)
    if despite:
        wake_sleepers(alert, now)
    ways, trouble = ways_of(people), troubled()
    told = [member for member in people if member.pk not in under_way]
    messages = [
        message(
            alert, member, ways[member.pk][0], rung=rung, round_number=round_number, now=now,
            quiet_until=None if despite else quiet.get(member.pk),
        )
        for member in told
    ]  # fmt: skip
    for delivery in messages:
        delivery.despite_quiet = despite
        # Its server is known to be in trouble: do not wait a minute to find that out.
        if delivery.confirm_by and server_of(delivery) in trouble:
            delivery.confirm_by = now
    if messages:
        INSERT_DELIVERIES.run(*messages)
        log(alert, f"{ladder.RUNG_LABELS[rung]}: telling {told_how(messages)}.", now)
        wake_dispatcher()
    return messages


def anybody_awake(
    alert: Alert, people: list[StaffMember], quiet: Container[UUID], now: datetime
) -> bool:
    """Answer whether one of these people is awake and may be reached, as far as anybody knows."""
    awake = {member.pk for member in people if member.pk not in quiet}
    tried = alert.deliveries.filter(recipient__in=awake)
    hopeful = awake - set(tried.values_list("recipient_id", flat=True))
    return bool(hopeful) or tried.reachable(now, alert.level).exists()


def wake_sleepers(alert: Alert, now: datetime) -> int:
    """Let what waits for the morning go now: nobody awake can be reached. Return how many."""
    if alert.level != ladder.Level.URGENT:
        return 0
    waiting = alert.deliveries.filter(status=DeliveryStatus.PENDING, quiet_until__gt=now)
    woken: int = waiting.update(
        next_attempt_at=now, quiet_until=None, despite_quiet=True, confirm_by=now + CONFIRM_WITHIN
    )
    if woken:
        log(alert, "Nobody awake can be reached: quiet hours give way.", now)
        wake_dispatcher()
    return woken


def told_how(deliveries: list[Delivery]) -> str:
    """Return who is told by what, and who only in the morning."""
    words = []
    for delivery in deliveries:
        how = f"{delivery.recipient.user.full_name} by {delivery.get_channel_display().lower()}"
        words.append(f"{how} when quiet hours end" if delivery.quiet_until else how)
    return ", ".join(words)


def message(
    alert: Alert,
    member: StaffMember,
    way: Way,
    *,
    rung: str,
    round_number: int,
    now: datetime,
    number: int = 0,
    quiet_until: datetime | None = None,
) -> Delivery:
    """Return the pending message to one person over one of their ways; not stored yet."""
    key, at = uuid4(), quiet_until or now
    return Delivery(
        id=key,
        alert=alert,
        recipient=member,
        channel=way.channel,
        gateway_id=way.gateway_id,
        way=number,
        address=way.address,
        rung=rung,
        round=round_number,
        priority=alert.priority,
        created_at=now,
        next_attempt_at=at,
        quiet_until=quiet_until,
        confirm_by=None if alert.level == ladder.Level.WATCH else at + CONFIRM_WITHIN,
        **new_link(key, at),
    )


def tell_new_owner(alert: Alert, member: StaffMember, now: datetime) -> Delivery:
    """Create the message to the person an alert was handed over to, and wake the dispatcher."""
    given = alert.deliveries.filter(rung=HANDED_OVER, way=0).count()
    delivery = message(
        alert, member, ways_of([member])[member.pk][0], rung=HANDED_OVER,
        round_number=HAND_OVER_ROUNDS + given, now=now,
        quiet_until=quiet_ends([member], alert.level, now).get(member.pk),
    )  # fmt: skip
    delivery.save(force_insert=True)
    wake_dispatcher()
    return delivery


def try_next_way(delivery: Delivery, *, now: datetime) -> Delivery | None:
    """Send the same message over the recipient's next channel; None when there is none left."""
    alert = lock_alert(delivery.alert_id)
    delivery.alert = alert
    way = next_way(delivery) if delivery.is_wanted else None
    if way is None:
        return None
    used = alert.deliveries.filter(recipient_id=delivery.recipient_id, round=delivery.round)
    following = message(
        alert, delivery.recipient, way, rung=delivery.rung, round_number=delivery.round, now=now,
        number=used.count(),
        quiet_until=quiet_ends([delivery.recipient], alert.level, now).get(delivery.recipient_id),
    )  # fmt: skip
    following.despite_quiet = delivery.despite_quiet
    following.save(force_insert=True)
    log(alert, f"Next for {delivery.recipient.user.full_name}: {way.label}.", now)
    wake_dispatcher()
    return following


def go_on(delivery: Delivery, *, now: datetime) -> None:
    """This message is lost: the person's next channel, and without one the next person."""
    if try_next_way(delivery, now=now) is None:
        hand_over(delivery, now=now)


def set_next(alert: Alert, rung: int, at: datetime, now: datetime) -> None:
    """Store when the next rung is climbed."""
    alert.next_rung, alert.next_rung_at, alert.clock_set_at = rung, at, now
    SET_NEXT.run_later(key=alert.pk, rung=rung, at=at, now=now)


def hand_over(delivery: Delivery, *, now: datetime) -> None:
    """Climb at once when nobody of this delivery's round can be reached any more.

    After "everyone" there is nobody else but who sleeps; then they are told again soon, and
    each time later. An alert whose new owner cannot be told of it opens again.
    """
    alert = lock_alert(delivery.alert_id)
    if delivery.rung == HANDED_OVER:
        give_back(alert, delivery, now)
        return
    if alert.status != AlertStatus.OPEN or alert.next_rung > delivery.round + 1:
        return
    if alert.deliveries.filter(round=delivery.round).reachable(now, alert.level).exists():
        return
    if delivery.rung != ladder.Rung.EVERYONE:
        climb(alert, now=now)
    elif not wake_sleepers(alert, now):
        soon = now + ladder.next_round_in(alert.level, delivery.round)
        set_next(alert, alert.next_rung, min(alert.next_rung_at or now, soon), now)


def give_back(alert: Alert, delivery: Delivery, now: datetime) -> None:
    """Open a handed-over alert again of which its owner neither was told nor knows."""
    delivery.alert = alert
    if not delivery.is_wanted or alert.status != AlertStatus.ACKNOWLEDGED:
        return
    owner = delivery.recipient.user
    if alert.acts.filter(by=owner, at__gte=delivery.created_at).exists():
        return
    same = alert.deliveries.filter(recipient_id=delivery.recipient_id, round=delivery.round)
    if not same.reachable(now, alert.level).exists():
        open_again(alert, f"{owner.full_name} could not be told that it is theirs.", now)


def open_again(alert: Alert, why: str, now: datetime) -> None:
    """Take a locked alert from its owner and climb on."""
    check_alert_transition(AlertStatus(alert.status), AlertStatus.OPEN)
    alert.status, alert.owner, alert.ack_due_at = AlertStatus.OPEN, None, None
    alert.next_rung_at = alert.clock_set_at = now
    alert.save(update_fields=["status", "owner", "ack_due_at", "next_rung_at", "clock_set_at"])
    cancel_pending(alert)
    log(alert, f"Open again: {why}", now)
    climb(alert, now=now)


def cancel_pending(alert: Alert) -> None:
    """Spare people a message about a locked alert that they need not hear of any more."""
    alert.deliveries.filter(status=DeliveryStatus.PENDING).update(
        status=DeliveryStatus.CANCELLED, next_attempt_at=None, confirm_by=None
    )


def log(alert: Alert, text: str, now: datetime) -> None:
    """Add a line to the alert's timeline."""
    INSERT_LINE.run_later(AlertEvent(alert=alert, at=now, text=text[:300]))


def wake_dispatcher() -> None:
    """Tell the dispatcher, at commit, that there is something to send."""
    execute_later("SELECT pg_notify(%s, '')", [OUTBOX_CHANNEL])
