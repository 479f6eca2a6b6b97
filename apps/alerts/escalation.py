"""Climbing the ladder: who is told next, from the rota at that moment.

Called inside a transaction that holds the alert's row lock; the message to the
dispatcher is part of that transaction, so it arrives exactly when the rows do.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.db import connection
from django.db.models import QuerySet

from apps.alerts import ladder
from apps.alerts.links import new_link
from apps.alerts.models import (
    HANDED_OVER,
    Alert,
    AlertEvent,
    ClinicLadder,
    Delivery,
    Shift,
)
from apps.alerts.states import AlertStatus
from apps.alerts.ways import (
    Way,
    next_way,
    quiet_ends,
    server_of,
    troubled,
    waiting_for_morning,
    ways_of,
)
from apps.database.statements import Change, Insert, Read
from apps.patients.models import Role, StaffMember
from apps.patients.permissions import RIGHTS, Right

OUTBOX_CHANNEL: Final = "glidepath_outbox"
# Messages of a hand-over are numbered beyond any round of the ladder.
HAND_OVER_ROUNDS: Final = 30_000
NOBODY_RETRY: Final = timedelta(minutes=1)
# Accepted is not delivered: after this long without word the next channel is tried.
CONFIRM_WITHIN: Final = timedelta(seconds=60)
EVERYONE_RETRY: Final = timedelta(seconds=8)
ALERT_ROLES: Final = [role for role, rights in RIGHTS.items() if Right.HANDLE_ALERTS in rights]


def staff_of(clinic_id: UUID) -> QuerySet[StaffMember]:
    """Return who works in the clinic, with the person each is."""
    return StaffMember.objects.active().filter(clinic_id=clinic_id).select_related("user")


ON_SHIFT = Read[StaffMember](
    lambda clinic_id, rung, now: staff_of(clinic_id).filter(
        pk__in=Shift.objects.at(now).filter(clinic_id=clinic_id, rung=rung).values("member_id")
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


def people_on(rung: str, alert: Alert, now: datetime) -> list[StaffMember]:
    """Return whom this rung reaches at `now`, by name; nobody twice."""
    if rung == ladder.Rung.EVERYONE:
        return list(staff_of(alert.clinic_id).filter(role__in=ALERT_ROLES))
    people = ON_SHIFT.all(clinic_id=alert.clinic_id, rung=str(rung), now=now)
    if rung == ladder.Rung.LEAD and not people:
        return list(staff_of(alert.clinic_id).filter(role=Role.CLINICAL_LEAD))
    return people


def climb(alert: Alert, *, now: datetime) -> list[Delivery]:
    """Tell the people of the next rung that has any, and set the rung after it.

    A rung with nobody is skipped at once and logged. When not even "everyone" has
    anybody the alert stays due and is tried again a minute later; the staff pages
    say so meanwhile. Returns the new deliveries.
    """
    times, due_at = times_of(alert), alert.next_rung_at or now
    for index in range(alert.next_rung, alert.next_rung + len(ladder.Rung) + 2):
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
        log(alert, f"{ladder.RUNG_LABELS[step.rung]}: {why}, skipped.", now)
    log(alert, "Nobody at this clinic can be told. Trying again in a minute.", now)
    set_next(alert, alert.next_rung, now + NOBODY_RETRY, now)
    return []


def reaches_somebody(deliveries: list[Delivery], rung: str, people: list[StaffMember]) -> bool:
    """Answer whether this rung tells somebody now; behind "everyone" there is nobody else."""
    if rung == ladder.Rung.EVERYONE:
        return bool(people)
    return any(delivery.quiet_until is None for delivery in deliveries)


def times_of(alert: Alert) -> ladder.Times | None:
    """Return when this clinic climbs its rungs, None where it has set nothing of its own."""
    own = OWN_LADDER.first(clinic_id=alert.clinic_id, level=str(alert.level))
    return own.times if own else None


def tell(
    alert: Alert, rung: str, round_number: int, people: list[StaffMember], now: datetime
) -> list[Delivery]:
    """Create one pending delivery per person, each with its link, and wake the dispatcher.

    Below an emergency it waits for the end of a person's quiet hours, once; but when all
    of "everyone" are in theirs nobody is left, and an urgent alert does not wait.
    """
    quiet = quiet_ends(people, alert.level, now)
    last_resort = rung == ladder.Rung.EVERYONE and alert.level == ladder.Level.URGENT
    despite = last_resort and len(quiet) == len(people)
    waiting = waiting_for_morning(alert.pk) & set(quiet) if quiet and not despite else set()
    ways, trouble = ways_of(people), troubled()
    told = [member for member in people if member.pk not in waiting]
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
    alert = Alert.objects.select_for_update(no_key=True).get(pk=delivery.alert_id)
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
    SET_NEXT.run(key=alert.pk, rung=rung, at=at, now=now)


def hand_over(delivery: Delivery, *, now: datetime) -> None:
    """Climb at once when nobody of this delivery's round can be reached any more.

    After "everyone" there is nobody else: they are told again within seconds, but not at
    once, or a server that refuses everything would make rounds as fast as it can refuse.
    """
    alert = Alert.objects.select_for_update(no_key=True).get(pk=delivery.alert_id)
    if alert.status != AlertStatus.OPEN or alert.next_rung > delivery.round + 1:
        return
    if alert.deliveries.filter(round=delivery.round).reachable(now).exists():
        return
    if delivery.rung == ladder.Rung.EVERYONE:
        soon = min(alert.next_rung_at or now, now + EVERYONE_RETRY)
        set_next(alert, alert.next_rung, soon, now)
    else:
        climb(alert, now=now)


def log(alert: Alert, text: str, now: datetime) -> None:
    """Add a line to the alert's timeline."""
    INSERT_LINE.run(AlertEvent(alert=alert, at=now, text=text[:300]))


def wake_dispatcher() -> None:
    """Tell the dispatcher, at commit, that there is something to send."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [OUTBOX_CHANNEL])
