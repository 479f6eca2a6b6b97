"""What an owner does with an alert between taking and closing it, and who owns it next."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.actions import (
    ACK_CLOCK_FIELDS,
    AlertTakenError,
    start_ack_clock,
    write_down,
)
from apps.alerts.escalation import cancel_pending, lock_alert, tell_new_owner
from apps.alerts.models import INTERIM_ACTS, Alert, AlertAct
from apps.alerts.states import AlertStatus, TransitionError, check_alert_transition
from apps.alerts.tasks import doorbell
from apps.patients.models import StaffMember
from apps.patients.permissions import Right, may

ONE_TAP: Final = timedelta(minutes=1)


class HandOverError(ValueError):
    """The alert cannot go to this person; the text is for the reader."""


def check_is_owner(alert: Alert, by: User) -> None:
    """Raise unless `by` has this alert now."""
    if alert.status != AlertStatus.ACKNOWLEDGED:
        raise TransitionError(f"This alert is {alert.status}. Take it first.")
    if alert.owner != by:
        raise AlertTakenError(f"{alert.owner} has this alert. Take it over first.")


@transaction.atomic
def document_act(*, alert: Alert, kind: str, note: str, by: User, now: datetime) -> AlertAct:
    """Store what the owner did and start the ack clock anew; the alert stays theirs.

    The same act with the same note twice within a minute is one tap too many and stored
    once; later it is a second try, and counts. Raises
    `AlertTakenError` or `TransitionError` when `by` is not the owner.
    """
    alert = lock_alert(alert.pk)
    check_is_owner(alert, by)
    if kind not in INTERIM_ACTS:
        raise ValueError(f"{kind} is not an interim act")
    last = alert.acts.last()
    same = last and (last.kind, last.note, last.by) == (kind, note, by)
    if last and same and now - last.at < ONE_TAP:
        return last
    act = AlertAct.objects.create(alert=alert, at=now, by=by, kind=kind, note=note)
    start_ack_clock(alert, now)
    if kind == AlertAct.Kind.WELFARE_CHECK and alert.welfare_check_at is None:
        alert.welfare_check_at = now
    alert.save(update_fields=[*ACK_CLOCK_FIELDS, "welfare_check_at"])
    write_down(alert, "alert.act_documented", f"{act.get_kind_display()}.", by, now)
    return act


def check_can_receive(alert: Alert, to: StaffMember) -> None:
    """Raise `HandOverError` unless this person can own this alert."""
    if to.clinic_id != alert.clinic_id or not (to.is_active and to.user.is_active):
        raise HandOverError("This person is not on the staff now. Choose somebody else.")
    if not may(to, Right.HANDLE_ALERTS):
        raise HandOverError(f"{to.user.full_name} does not handle alerts. Choose somebody else.")
    if to.user == alert.owner:
        raise HandOverError(f"{to.user.full_name} has this alert already.")


@transaction.atomic
def hand_over_alert(
    *, alert: Alert, to: StaffMember, note: str, by: User, now: datetime
) -> AlertAct:
    """Make `to` the owner, start their ack clock, and mail them unless they took it themselves.

    Anyone on the care team may pass a taken alert on, or take it over: at a change of
    shift its owner may be on the way home. Raises `HandOverError` or `TransitionError`.
    """
    alert = lock_alert(alert.pk)
    if alert.status != AlertStatus.ACKNOWLEDGED:
        raise TransitionError(f"This alert is {alert.status}. Take it instead.")
    check_can_receive(alert, to)
    cancel_pending(alert)  # to whoever was given it before and has not read of it yet
    alert.owner = to.user
    start_ack_clock(alert, now)
    alert.save(update_fields=["owner", *ACK_CLOCK_FIELDS])
    act = AlertAct.objects.create(
        alert=alert, at=now, by=by, kind=AlertAct.Kind.HANDED_OVER, note=note, given_to=to.user
    )
    taken_over = to.user == by
    text = "Taken over." if taken_over else f"Handed over to {to.user.full_name}."
    write_down(alert, "alert.handed_over", text, by, now)
    if not taken_over:
        key = tell_new_owner(alert, to, now).pk
        transaction.on_commit(lambda: doorbell.ring([key]), robust=True)
    return act


@transaction.atomic
def hand_over_shift(*, leaving: StaffMember, to: StaffMember, note: str, now: datetime) -> int:
    """Give every alert that `leaving` has to one colleague; all of them or none.

    Returns how many. Calling again moves nothing, for nothing is left.
    """
    mine = Alert.objects.filter(
        clinic_id=leaving.clinic_id, status=AlertStatus.ACKNOWLEDGED, owner=leaving.user
    )
    # In one order, whoever locks several.
    alerts = list(mine.select_for_update(no_key=True, of=("self",)).order_by("pk"))
    for alert in alerts:
        hand_over_alert(alert=alert, to=to, note=note, by=leaving.user, now=now)
    return len(alerts)


@transaction.atomic
def reopen_alert(*, alert: Alert, reason: str, by: User, now: datetime) -> Alert:
    """Open a closed alert again in the hands of `by`, who owns it and whose ack clock runs.

    What it was closed with stays in its acts. Opening again what one has opened again
    changes nothing. Raises `TransitionError` when it is not closed.
    """
    alert = lock_alert(alert.pk)
    last = alert.acts.last()
    mine = alert.status == AlertStatus.ACKNOWLEDGED and alert.owner == by
    if mine and last and (last.kind, last.note) == (AlertAct.Kind.REOPENED, reason):
        return alert
    check_is_closed(alert)
    alert.status, alert.owner = AlertStatus.ACKNOWLEDGED, by
    start_ack_clock(alert, now)
    alert.resolved_by, alert.resolved_at, alert.outcome, alert.note = None, None, "", ""
    alert.save(
        update_fields=[
            "status", "owner", *ACK_CLOCK_FIELDS, "resolved_by", "resolved_at", "outcome", "note",
        ]
    )  # fmt: skip
    AlertAct.objects.create(alert=alert, at=now, by=by, kind=AlertAct.Kind.REOPENED, note=reason)
    write_down(alert, "alert.reopened", "Opened again.", by, now)
    return alert


def check_is_closed(alert: Alert) -> None:
    """Raise `TransitionError` unless the alert is closed: only that is opened again here."""
    if alert.status != AlertStatus.RESOLVED:
        raise TransitionError(f"This alert is {alert.status}; it is not closed.")
    check_alert_transition(AlertStatus.RESOLVED, AlertStatus.ACKNOWLEDGED)
