"""Every change to the rota, the clinic's hours and its ladder; each makes the shifts anew."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction

from apps.accounts.models import User
from apps.alerts import ladder
from apps.alerts.escalation import log, set_next
from apps.alerts.models import (
    Alert,
    ClinicLadder,
    ClosedDay,
    CoverPromise,
    OpeningHours,
    RotaChange,
    Shift,
    WeeklyTurn,
)
from apps.alerts.rota_calendar import Change, Span, Turn, spans_of
from apps.alerts.states import AlertStatus
from apps.audit.actions import record
from apps.patients.models import Clinic, StaffMember
from apps.patients.moving import inside

logger = logging.getLogger(__name__)

# Shifts exist so far ahead; a task makes new ones every day.
HORIZON: Final = timedelta(weeks=8)


class RotaError(ValueError):
    """The rota cannot be changed so; the text is for the reader."""


@transaction.atomic
def add_turns(
    *, member: StaffMember, rung: str, weekdays: Iterable[int], starts: time, ends: time,
    by: User, now: datetime,
) -> list[WeeklyTurn]:  # fmt: skip
    """Add the same hours on several weekdays to the pattern; those there already stay."""
    clinic = lock(member.clinic)
    turns = [
        WeeklyTurn.objects.get_or_create(
            clinic=clinic, member=member, rung=rung, weekday=day, starts=starts,
            defaults={"ends": ends},
        )[0]
        for day in weekdays
    ]  # fmt: skip
    rewrite(clinic, now)
    write_down(clinic, "rota.turns_added", by, now, rung=rung, member_id=str(member.pk))
    return turns


@transaction.atomic
def remove_turn(*, turn: WeeklyTurn, by: User, now: datetime) -> None:
    """Take a line out of the pattern; a shift that has begun ends now. Safe to repeat."""
    clinic = lock(turn.clinic)
    removed, _ = WeeklyTurn.objects.filter(pk=turn.pk).delete()
    rewrite(clinic, now)
    if removed:
        write_down(clinic, "rota.turn_removed", by, now, rung=turn.rung, weekday=turn.weekday)


@transaction.atomic
def change_rota(
    *, clinic: Clinic, rung: str, away: StaffMember | None, member: StaffMember | None,
    starts_at: datetime, ends_at: datetime, reason: str, by: User, now: datetime,
) -> RotaChange:  # fmt: skip
    """Store an exception: a swap, somebody away, somebody more. Called twice it is one.

    Raises `RotaError` when nobody changes places or the time is over.
    """
    if away == member:
        raise RotaError("Choose somebody else: this person has the shift already.")
    if ends_at <= now:
        raise RotaError("This shift is over. Choose one that is to come.")
    lock(clinic)
    change, is_new = RotaChange.objects.get_or_create(
        clinic=clinic, rung=rung, away=away, member=member, starts_at=starts_at, ends_at=ends_at,
        cancelled_at=None, defaults={"reason": reason, "created_at": now, "created_by": by},
    )  # fmt: skip
    if is_new:
        rewrite(clinic, now)
        write_down(clinic, "rota.changed", by, now, change_id=str(change.pk), reason=reason)
    return change


@transaction.atomic
def cancel_change(*, change: RotaChange, by: User, now: datetime) -> None:
    """Let the pattern hold again from now on. Safe to repeat."""
    clinic = lock(change.clinic)
    cancelled = RotaChange.objects.filter(pk=change.pk, cancelled_at=None).update(cancelled_at=now)
    if cancelled:
        rewrite(clinic, now)
        write_down(clinic, "rota.change_cancelled", by, now, change_id=str(change.pk))


@transaction.atomic
def extend_rota(*, clinic: Clinic, now: datetime) -> int:
    """Make the shifts of the coming weeks from the pattern; return how many are new."""
    return rewrite(lock(clinic), now)


def extend_all(now: datetime) -> int:
    """Do so for every clinic that has a pattern; one that fails stops no other."""
    made = 0
    for clinic in Clinic.objects.filter(turns__isnull=False).distinct():
        try:
            with inside(clinic.pk):
                made += extend_rota(clinic=clinic, now=now)
        except Exception:
            logger.exception("the rota of clinic %s was not extended", clinic.pk)
    return made


def lock(clinic: Clinic) -> Clinic:
    """Return the clinic, its rota locked until the end of the transaction."""
    return Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)


def rewrite(clinic: Clinic, now: datetime) -> int:
    """Make the generated shifts from now on be what pattern and exceptions say.

    What is past stays: a shift that has begun and is no longer wanted ends now. Shifts
    entered one by one are left alone. Running it again changes nothing.
    """
    wanted = {key_of(span, now): span for span in wanted_spans(clinic, now)}
    rows = Shift.objects.filter(clinic=clinic, generated=True, ends_at__gt=now)
    kept = set()
    for shift in rows:
        key = key_of(Span(shift.starts_at, shift.ends_at, shift.rung, shift.member_id), now)
        if key in wanted and key not in kept:
            kept.add(key)
        elif shift.starts_at >= now:
            shift.delete()
        else:
            shift.ends_at = now
            shift.save(update_fields=["ends_at"])
    new = [
        Shift(
            clinic=clinic, rung=rung, member_id=member_id, starts_at=starts_at, ends_at=ends_at,
            generated=True,
        )
        for starts_at, ends_at, rung, member_id in wanted.keys() - kept
    ]  # fmt: skip
    Shift.objects.bulk_create(new)
    return len(new)


def key_of(span: Span, now: datetime) -> tuple[datetime, datetime, str, Any]:
    """Return what tells two shifts apart from now on: when one began does not."""
    return max(span.starts_at, now), span.ends_at, span.rung, span.member_id


def wanted_spans(clinic: Clinic, now: datetime) -> list[Span]:
    """Return what pattern and exceptions ask for, from now to the horizon."""
    turns = [
        Turn(turn.rung, turn.member_id, turn.weekday, turn.starts, turn.ends)
        for turn in WeeklyTurn.objects.filter(clinic=clinic)
    ]
    changes = [
        Change(row.rung, row.away_id, row.member_id, row.starts_at, row.ends_at)
        for row in RotaChange.objects.filter(clinic=clinic, cancelled_at=None, ends_at__gt=now)
    ]
    zone = ZoneInfo(clinic.time_zone)
    today = now.astimezone(zone).date()
    # From yesterday: last night's shift may still run.
    spans = spans_of(turns, changes, zone, today - timedelta(days=1), (today + HORIZON))
    return [span for span in spans if span.ends_at > now]


@transaction.atomic
def set_hours(
    *,
    clinic: Clinic,
    hours: Mapping[int, Sequence[tuple[time, time]]],
    cover: str,
    by: User,
    now: datetime,
) -> None:
    """Replace the clinic's opening hours, stretches by weekday, and what cover it promises."""
    lock(clinic)
    OpeningHours.objects.filter(clinic=clinic).delete()
    OpeningHours.objects.bulk_create(
        OpeningHours(clinic=clinic, weekday=day, opens=opens, closes=closes)
        for day, stretches in hours.items()
        for opens, closes in stretches
    )
    CoverPromise.objects.update_or_create(clinic=clinic, defaults={"cover": cover})
    write_down(clinic, "clinic.hours_set", by, now, cover=cover, days=sorted(hours))


@transaction.atomic
def add_closed_day(*, clinic: Clinic, day: date, name: str, by: User, now: datetime) -> ClosedDay:
    """Close the clinic on a day; one that is closed already stays as it is."""
    closed, is_new = ClosedDay.objects.get_or_create(
        clinic=clinic, day=day, defaults={"name": name}
    )
    if is_new:
        write_down(clinic, "clinic.closed_day_added", by, now, day=day.isoformat())
    return closed


@transaction.atomic
def remove_closed_day(*, closed: ClosedDay, by: User, now: datetime) -> None:
    """Let the clinic open on that day as on others. Safe to repeat."""
    removed, _ = ClosedDay.objects.filter(pk=closed.pk).delete()
    if removed:
        write_down(closed.clinic, "clinic.closed_day_removed", by, now, day=str(closed.day))


@transaction.atomic
def set_ladder(
    *, clinic: Clinic, level: str, times: dict[str, int | None], by: User, now: datetime
) -> ClinicLadder:
    """Set when the rungs of one level are climbed; alerts that are open follow at once."""
    lock(clinic)
    before = ClinicLadder.objects.filter(clinic=clinic, level=level).first()
    own, _ = ClinicLadder.objects.update_or_create(clinic=clinic, level=level, defaults=times)
    follow(own, before.times if before else None, now)
    write_down(clinic, "ladder.set", by, now, level=level, **times)
    return own


def follow(own: ClinicLadder, before: ladder.Times | None, now: datetime) -> None:
    """Move the next rung of the clinic's open alerts of this level from one ladder to another.

    It keeps its distance to the rung that was climbed last; what is late already comes now.
    """
    rows = Alert.objects.filter(
        clinic_id=own.clinic_id, level=own.level, status=AlertStatus.OPEN, next_rung__gt=0
    )
    for alert in rows.select_for_update(no_key=True, of=("self",)).order_by("pk"):
        if alert.next_rung_at is None:
            continue
        place = alert.level, alert.response, alert.next_rung
        shift = ladder.gap_before(*place, own.times) - ladder.gap_before(*place, before)
        at = max(alert.next_rung_at + shift, now)
        if at != alert.next_rung_at:
            set_next(alert, alert.next_rung, at, now)
            log(alert, "The clinic's ladder was changed: the next rung has a new time.", now)


def write_down(clinic: Clinic, event: str, by: User, now: datetime, **details: Any) -> None:
    """Add the act to the audit record."""
    record(event, by=by, now=now, clinic_id=clinic.pk, obj=clinic, **details)
