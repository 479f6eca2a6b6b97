"""Round-the-clock shifts of the invented clinics, past and to come."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final

from apps.alerts.ladder import Rung
from apps.alerts.models import Shift
from apps.patients.models import Clinic, Role, StaffMember

CHANGEOVERS: Final = (time(8), time(20))
SHIFTS_A_WEEK: Final = 7 * len(CHANGEOVERS)
DAYS_AHEAD: Final = 60
# The lead is nobody's first call: two people come before.
CALL_ROLES: Final = (Role.NURSE, Role.PRESCRIBER, Role.PHARMACIST)


def store_rota(clinic: Clinic, staff: list[StaffMember], *, first: date, today: date) -> int:
    """Save shifts from `first` until 60 days from today; return how many.

    At every moment somebody is on call, somebody else is backup, and the lead is there.
    """
    callers = [member for role in CALL_ROLES for member in staff if member.role == role]
    leads = [member for member in staff if member.role == Role.CLINICAL_LEAD]
    edges = changeovers(clinic, first, today + timedelta(days=DAYS_AHEAD))
    shifts = []
    for turn, (starts_at, ends_at) in enumerate(pairwise(edges)):
        # Both clinics have an odd number of callers, so nobody works nights only.
        on_call = callers[turn % len(callers)]
        backup = callers[(turn + 1) % len(callers)]
        shifts += [
            Shift(clinic=clinic, member=member, rung=rung, starts_at=starts_at, ends_at=ends_at)
            for rung, member in ((Rung.ON_CALL, on_call), (Rung.BACKUP, backup))
        ]
    weeks = [*edges[::SHIFTS_A_WEEK], edges[-1]]
    shifts += [
        Shift(clinic=clinic, member=leads[0], rung=Rung.LEAD, starts_at=starts_at, ends_at=ends_at)
        for starts_at, ends_at in pairwise(dict.fromkeys(weeks))
    ]
    Shift.objects.bulk_create(shifts, batch_size=2000)
    return len(shifts)


def changeovers(clinic: Clinic, first: date, last: date) -> list[datetime]:
    """Return every 8 and 20 o'clock of the clinic's own clock, summer time included."""
    days = (first + timedelta(days=count) for count in range((last - first).days + 1))
    return [datetime.combine(day, hour, tzinfo=clinic.tz) for day in days for hour in CHANGEOVERS]
