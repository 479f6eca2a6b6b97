"""The next 14 days: who is on call, where nobody is, and who could not be reached."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.alerts.ladder import RUNG_LABELS, Rung
from apps.alerts.models import (
    ClosedDay,
    ContactMethod,
    CoverPromise,
    OpeningHours,
    QuietHours,
    Shift,
)
from apps.alerts.rota_calendar import gaps_in
from apps.patients.models import Clinic, StaffMember

DAYS_AHEAD: Final = 14
# A gap on these rungs is red. The lead's rung falls back on every clinical lead.
MUST_BE_COVERED: Final = (Rung.ON_CALL, Rung.BACKUP)
Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which a rung has nobody."""

    rung: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Asleep:
    """Somebody whose turns run through their own quiet hours: only an emergency reaches them."""

    member: StaffMember
    hours: QuietHours
    first_at: datetime
    nights: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the coverage page shows; red until `gaps`, `unreachable` and `doubles` are empty.

    `asleep` and `unproved` are told beside it: an emergency is covered all the same.
    """

    days: list[dict[str, Any]]
    gaps: list[Gap]
    unreachable: list[StaffMember]
    doubles: list[Shift]
    asleep: list[Asleep]
    unproved: list[ContactMethod]

    @property
    def is_covered(self) -> bool:
        """Answer whether somebody can be reached at every promised moment."""
        return not (self.gaps or self.unreachable or self.doubles)


def coverage_of(clinic: Clinic, now: datetime, reachable: set[UUID]) -> Coverage:
    """Return the cover of the next 14 days.

    `reachable` holds the members with a verified way to reach them: somebody without
    one is on the rota in name only.
    """
    end = now + timedelta(days=DAYS_AHEAD)
    shifts = list(Shift.objects.filter(clinic=clinic).of_active().between(now, end))
    promised = promised_stretches(clinic, now, end)
    gaps = [
        Gap(RUNG_LABELS[rung], *gap)
        for start, stop in promised
        for rung in MUST_BE_COVERED
        for gap in gaps_in(
            [(s.starts_at, s.ends_at) for s in shifts if s.rung == rung], start, stop
        )
    ]
    people = {shift.member_id: shift.member for shift in shifts}
    return Coverage(
        days=days_of(clinic, shifts, now),
        gaps=sorted(gaps, key=lambda gap: (gap.starts_at, gap.rung)),
        unreachable=[member for key, member in people.items() if key not in reachable],
        doubles=doubles_in(shifts),
        asleep=asleep_in(shifts, now, end),
        unproved=unproved_of(people),
    )


def asleep_in(shifts: Iterable[Shift], start: datetime, end: datetime) -> list[Asleep]:
    """Return who has a turn within their own quiet hours, each once, by first night."""
    found: dict[UUID, Asleep] = {}
    for shift in shifts:
        hours: QuietHours | None = getattr(shift.member, "quiet_hours", None)
        if hours is None:
            continue
        begin, stop = max(shift.starts_at, start), min(shift.ends_at, end)
        # A day on both sides: quiet hours are in their owner's own zone.
        days = (begin - timedelta(days=2)).date(), (stop + timedelta(days=1)).date()
        nights = [max(a, begin) for a, b in hours.windows(*days) if a < stop and b > begin]
        if nights:
            known = found.get(shift.member_id)
            found[shift.member_id] = Asleep(
                shift.member,
                hours,
                known.first_at if known else nights[0],
                len(nights) + (known.nights if known else 0),
            )
    return list(found.values())


def unproved_of(members: Iterable[UUID]) -> list[ContactMethod]:
    """Return ways of these people that carry no alert: not confirmed, or their gateway is off."""
    rows = ContactMethod.objects.filter(member__in=list(members)).unusable()
    return list(rows.select_related("member__user", "gateway").order_by("member", "position"))


def promised_stretches(clinic: Clinic, start: datetime, end: datetime) -> list[Stretch]:
    """Return when somebody has to be on call: always, or while the clinic is open."""
    promise = CoverPromise.objects.filter(clinic=clinic).first()
    if promise is None or promise.cover == CoverPromise.Cover.ALWAYS:
        return [(start, end)]
    return [
        (max(opens, start), min(closes, end))
        for opens, closes in open_stretches(clinic, start, end)
    ]


def open_stretches(clinic: Clinic, start: datetime, end: datetime) -> list[Stretch]:
    """Return when the clinic is open between two moments, holidays left out, by time."""
    zone = ZoneInfo(clinic.time_zone)
    hours = list(OpeningHours.objects.filter(clinic=clinic))
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    closed = set(
        ClosedDay.objects.filter(clinic=clinic, day__range=(first, last)).values_list(
            "day", flat=True
        )
    )
    days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
    stretches: list[Stretch] = []
    for day in [day for day in days if day not in closed]:
        for row in [row for row in hours if row.weekday == day.weekday()]:
            opens, closes = row.on(day, zone)
            if closes <= start or opens >= end:
                continue
            if stretches and stretches[-1][1] == opens:  # one night, written as two days
                opens = stretches.pop()[0]
            stretches.append((opens, closes))
    return stretches


def doubles_in(shifts: list[Shift]) -> list[Shift]:
    """Return shifts in which one person is their own backup: the second rung tells nobody new."""
    on_call = [shift for shift in shifts if shift.rung == Rung.ON_CALL]
    return [
        shift
        for shift in shifts
        if shift.rung != Rung.ON_CALL
        and any(
            other.member_id == shift.member_id
            and other.starts_at < shift.ends_at
            and shift.starts_at < other.ends_at
            for other in on_call
        )
    ]


def days_of(clinic: Clinic, shifts: list[Shift], now: datetime) -> list[dict[str, Any]]:
    """Return a row per local day with the shifts that begin on it, or else run through it."""
    zone = ZoneInfo(clinic.time_zone)
    today = now.astimezone(zone).date()
    rows = []
    for count in range(DAYS_AHEAD):
        day = today + timedelta(days=count)
        begins = max(datetime.combine(day, time.min, tzinfo=zone), now)
        cells = []
        for rung in (Rung.ON_CALL, Rung.BACKUP, Rung.LEAD):
            mine = [shift for shift in shifts if shift.rung == rung]
            starting = [s for s in mine if s.starts_at.astimezone(zone).date() == day]
            running = [s for s in mine if s.starts_at < begins < s.ends_at]
            shown = starting if starting and count else [*running, *starting]
            cells.append({"label": RUNG_LABELS[rung], "shifts": unique(shown)})
        rows.append({"day": day, "rungs": cells})
    return rows


def unique(shifts: list[Shift]) -> list[Shift]:
    """Return each shift once, in the order given."""
    return list(dict.fromkeys(shifts))
