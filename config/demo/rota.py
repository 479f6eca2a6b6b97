"""Who is on call in the invented clinics: past shifts, and a weekly pattern for those to come."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final

from apps.alerts.ladder import Rung
from apps.alerts.models import ContactMethod, CoverPromise, Shift, WeeklyTurn
from apps.alerts.rota_actions import extend_rota, set_hours
from apps.patients.models import Clinic, Role, StaffMember

CHANGEOVERS: Final = (time(8), time(20))
# The lead is nobody's first call: two people come before.
CALL_ROLES: Final = (Role.NURSE, Role.PRESCRIBER, Role.PHARMACIST)
OPEN: Final = (time(8, 30), time(17, 30))


def store_rota(clinic: Clinic, staff: list[StaffMember], *, first: date, now: datetime) -> int:
    """Save shifts from `first` until now and make those to come; return how many.

    At every moment somebody is on call, somebody else is backup, and the lead is there.
    """
    edges = [edge for edge in changeovers(clinic, first, now.date()) if edge < now] + [now]
    shifts = []
    for starts_at, ends_at in pairwise(edges):
        local = starts_at.astimezone(clinic.tz)
        shifts += [
            Shift(clinic=clinic, member=member, rung=rung, starts_at=starts_at, ends_at=ends_at)
            for rung, member in people_at(staff, local.weekday(), CHANGEOVERS.index(local.time()))
        ]
    Shift.objects.bulk_create(shifts, batch_size=2000)
    store_pattern(clinic, staff)
    return len(shifts) + extend_rota(clinic=clinic, now=now)


def people_at(staff: list[StaffMember], weekday: int, half: int) -> list[tuple[Rung, StaffMember]]:
    """Return who is on which rung in one half of a weekday."""
    callers = [member for role in CALL_ROLES for member in staff if member.role == role]
    lead = next(member for member in staff if member.role == Role.CLINICAL_LEAD)
    # Both clinics have an odd number of callers, so nobody works nights only.
    turn = weekday * len(CHANGEOVERS) + half
    return [
        (Rung.ON_CALL, callers[turn % len(callers)]),
        (Rung.BACKUP, callers[(turn + 1) % len(callers)]),
        (Rung.LEAD, lead),
    ]


def store_pattern(clinic: Clinic, staff: list[StaffMember]) -> None:
    """Save the same as a weekly pattern, from which the coming shifts are made."""
    WeeklyTurn.objects.bulk_create(
        WeeklyTurn(
            clinic=clinic, member=member, rung=rung, weekday=weekday,
            starts=CHANGEOVERS[half], ends=CHANGEOVERS[1 - half],
        )
        for weekday in range(7)
        for half in range(len(CHANGEOVERS))
        for rung, member in people_at(staff, weekday, half)
    )  # fmt: skip


def store_reach(clinic: Clinic, staff: list[StaffMember], now: datetime) -> None:
    """Open on work days, and let everybody have confirmed the address they sign in with."""
    admin = next(member for member in staff if member.role == Role.CLINIC_ADMIN)
    hours = {day: [OPEN] for day in range(5)}
    cover = CoverPromise.Cover.ALWAYS
    set_hours(clinic=clinic, hours=hours, cover=cover, by=admin.user, now=now)
    ContactMethod.objects.bulk_create(
        ContactMethod(
            member=member, address=member.user.email, created_at=now, code_made_at=now,
            verified_at=now,
        )
        for member in staff
    )  # fmt: skip


def changeovers(clinic: Clinic, first: date, last: date) -> list[datetime]:
    """Return every 8 and 20 o'clock of the clinic's own clock, summer time included."""
    days = (first + timedelta(days=count) for count in range((last - first).days + 1))
    return [datetime.combine(day, hour, tzinfo=clinic.tz) for day in days for hour in CHANGEOVERS]
