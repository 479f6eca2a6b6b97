"""Writes of the day counts: nothing a person did, so no audit row of their own.

A day is counted anew from the truth, never counted up, as often as one likes and from any
process. Days that lie back are counted again ever more seldom: an alert of last week may
be taken today, one of last year is settled.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Min

from apps.dashboard.counting import counts_of, standing_of
from apps.dashboard.models import ClinicDay
from apps.patients.models import Clinic, Patient
from apps.patients.moving import inside

# Days back -> how old its count may be.
STALE_AFTER: Final = (
    (0, timedelta(minutes=10)),
    (7, timedelta(hours=6)),
    (35, timedelta(days=1)),
)
AT_ONCE: Final = 14  # days per run and clinic: a year of history comes in within minutes


def count_due(now: datetime, *, at_once: int = AT_ONCE) -> int:
    """Count the days of every clinic whose count is missing or too old; return how many."""
    counted = 0
    for clinic in Clinic.objects.real():
        with inside(clinic.pk):
            counted += count_clinic(clinic, now, at_once=at_once)
    return counted


@transaction.atomic
def count_clinic(clinic: Clinic, now: datetime, *, at_once: int = AT_ONCE) -> int:
    """Count one clinic's due days, the latest first; counting twice gives the same rows."""
    today, done = now.astimezone(clinic.tz).date(), 0
    due = due_days(clinic, today, now)[:at_once]
    for first, last in stretches(due):
        counts = counts_of(clinic, first, last)
        ClinicDay.objects.bulk_create(
            [
                ClinicDay(clinic=clinic, day=day, counts=dict(counts[day]), counted_at=now)
                for day in sorted(counts)
            ],
            update_conflicts=True,
            unique_fields=["clinic", "day"],
            update_fields=["counts", "counted_at"],
        )
        done += len(counts)
    if today in due:
        ClinicDay.objects.filter(clinic=clinic, day=today).update(standing=standing_of(clinic))
    return done


def due_days(clinic: Clinic, today: date, now: datetime) -> list[date]:
    """Return the days to count, the latest first: never counted, or counted too long ago."""
    began = Patient.objects.filter(clinic=clinic).aggregate(at=Min("registered_at"))["at"]
    first = min(began.astimezone(clinic.tz).date(), today) if began else today
    counted = dict(ClinicDay.objects.filter(clinic=clinic).values_list("day", "counted_at"))
    days = (today - timedelta(days=n) for n in range((today - first).days + 1))
    return [day for day in days if is_due(day, today, counted.get(day), now)]


def is_due(day: date, today: date, counted_at: datetime | None, now: datetime) -> bool:
    """Answer whether a day is to be counted (again)."""
    if counted_at is None:
        return True
    back = (today - day).days
    limit = next((age for days, age in STALE_AFTER if back <= days), None)
    return limit is not None and now - counted_at >= limit


def stretches(days: list[date]) -> Iterator[tuple[date, date]]:
    """Return runs of days without a gap, as first and last."""
    run: list[date] = []
    for day in sorted(days):
        if run and day - run[-1] != timedelta(days=1):
            yield run[0], run[-1]
            run = []
        run.append(day)
    if run:
        yield run[0], run[-1]
