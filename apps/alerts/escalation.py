"""Climbing the ladder: who is told next, from the rota at that moment.

Called inside a transaction that holds the alert's row lock; the message to the
dispatcher is part of that transaction, so it arrives exactly when the rows do.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.db import connection

from apps.alerts import ladder
from apps.alerts.links import new_link
from apps.alerts.models import (
    HANDED_OVER,
    Alert,
    AlertEvent,
    ClinicLadder,
    ContactMethod,
    Delivery,
    Shift,
)
from apps.alerts.states import AlertStatus
from apps.patients.models import Role, StaffMember
from apps.patients.permissions import RIGHTS, Right

OUTBOX_CHANNEL: Final = "glidepath_outbox"
# Messages of a hand-over are numbered beyond any round of the ladder.
HAND_OVER_ROUNDS: Final = 30_000
NOBODY_RETRY: Final = timedelta(minutes=1)
EVERYONE_RETRY: Final = timedelta(seconds=8)
ALERT_ROLES: Final = [role for role, rights in RIGHTS.items() if Right.HANDLE_ALERTS in rights]


def people_on(rung: str, alert: Alert, now: datetime) -> list[StaffMember]:
    """Return whom this rung reaches at `now`, by name; nobody twice."""
    staff = StaffMember.objects.active().filter(clinic_id=alert.clinic_id).select_related("user")
    if rung == ladder.Rung.EVERYONE:
        return list(staff.filter(role__in=ALERT_ROLES))
    on_shift = Shift.objects.at(now).filter(clinic_id=alert.clinic_id, rung=rung)
    people = list(staff.filter(pk__in=on_shift.values("member_id")))
    if rung == ladder.Rung.LEAD and not people:
        return list(staff.filter(role=Role.CLINICAL_LEAD))
    return people


def climb(alert: Alert, *, now: datetime) -> list[Delivery]:
    """Tell the people of the next rung that has any, and set the rung after it.

    A rung with nobody is skipped at once and logged. When not even "everyone" has
    anybody the alert stays due and is tried again a minute later; the staff pages
    say so meanwhile. Returns the new deliveries.
    """
    times = times_of(alert)
    for index in range(alert.next_rung, alert.next_rung + len(ladder.Rung) + 2):
        step = ladder.step_after(alert.level, alert.response, index, times)
        people = people_on(step.rung, alert, now)
        if people:
            deliveries = tell(alert, step.rung, index, people, now)
            following = ladder.step_after(alert.level, alert.response, index + 1, times)
            set_next(alert, index + 1, now + (following.after - step.after))
            return deliveries
        log(alert, f"{ladder.RUNG_LABELS[step.rung]}: nobody is on the rota, skipped.", now)
    log(alert, "Nobody at this clinic can be told. Trying again in a minute.", now)
    set_next(alert, alert.next_rung, now + NOBODY_RETRY)
    return []


def times_of(alert: Alert) -> ladder.Times | None:
    """Return when this clinic climbs its rungs, None where it has set nothing of its own."""
    own = ClinicLadder.objects.filter(clinic_id=alert.clinic_id, level=alert.level).first()
    return own.times if own else None


def tell(
    alert: Alert, rung: str, round_number: int, people: list[StaffMember], now: datetime
) -> list[Delivery]:
    """Create one pending delivery per person, each with its link, and wake the dispatcher."""
    ids = [uuid4() for _ in people]
    address = addresses_of(people)
    deliveries = Delivery.objects.bulk_create(
        Delivery(
            id=key,
            alert=alert,
            recipient=member,
            address=address.get(member.pk, ""),
            rung=rung,
            round=round_number,
            priority=alert.priority,
            created_at=now,
            next_attempt_at=now,
            **new_link(key, now),
        )
        for key, member in zip(ids, people, strict=True)
    )
    names = ", ".join(member.user.full_name for member in people)
    log(alert, f"{ladder.RUNG_LABELS[rung]}: telling {names} by e-mail.", now)
    wake_dispatcher()
    return deliveries


def addresses_of(people: list[StaffMember]) -> dict[UUID, str]:
    """Return each person's preferred proved address; nobody without one is in it."""
    verified = ContactMethod.objects.verified().filter(member__in=people)
    rows = list(verified.values_list("member_id", "address"))
    return dict(reversed(rows))


def tell_new_owner(alert: Alert, member: StaffMember, now: datetime) -> Delivery:
    """Create the message to the person an alert was handed over to, and wake the dispatcher."""
    key = uuid4()
    given = alert.deliveries.filter(rung=HANDED_OVER).count()
    delivery = Delivery.objects.create(
        id=key,
        alert=alert,
        recipient=member,
        address=addresses_of([member]).get(member.pk, ""),
        rung=HANDED_OVER,
        round=HAND_OVER_ROUNDS + given,
        priority=alert.priority,
        created_at=now,
        next_attempt_at=now,
        **new_link(key, now),
    )
    wake_dispatcher()
    return delivery


def set_next(alert: Alert, rung: int, at: datetime) -> None:
    """Store when the next rung is climbed."""
    alert.next_rung, alert.next_rung_at = rung, at
    alert.save(update_fields=["next_rung", "next_rung_at"])


def hand_over(delivery: Delivery, *, now: datetime) -> None:
    """Climb at once when nobody of this delivery's round can be reached any more.

    After "everyone" there is nobody else: they are told again within seconds, but not at
    once, or a server that refuses everything would make rounds as fast as it can refuse.
    """
    alert = Alert.objects.select_for_update(no_key=True).get(pk=delivery.alert_id)
    if alert.status != AlertStatus.OPEN or alert.next_rung > delivery.round + 1:
        return
    if alert.deliveries.filter(round=delivery.round).reachable().exists():
        return
    if delivery.rung == ladder.Rung.EVERYONE:
        soon = min(alert.next_rung_at or now, now + EVERYONE_RETRY)
        set_next(alert, alert.next_rung, soon)
    else:
        climb(alert, now=now)


def log(alert: Alert, text: str, now: datetime) -> None:
    """Add a line to the alert's timeline."""
    AlertEvent.objects.create(alert=alert, at=now, text=text[:300])


def wake_dispatcher() -> None:
    """Tell the dispatcher, at commit, that there is something to send."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [OUTBOX_CHANNEL])
