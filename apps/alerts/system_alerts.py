"""Alerts about the machinery itself: what is wrong, kept as rows. `system_sending.py` tells."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.alerts.models import Alert, Drill, Heartbeat, SystemAlert
from apps.patients.models import DRILL_CLINIC, Clinic

logger = logging.getLogger(__name__)

DRILL_LATE_AFTER: Final = timedelta(days=8)  # a week, and a day of grace
DRILL_SLOW_AFTER: Final = timedelta(seconds=60)
# Since when this installation holds drills: before the first there is no other mark.
SINCE: Final = "drills_since"


@transaction.atomic
def keep(kind: str, clinics: Collection[UUID], now: datetime) -> int:
    """Have exactly these clinics carry an open system alert of this kind; return how many are new.

    Opens what is missing and closes what has passed, together. Safe to call again and
    again: a clinic has at most one open alert of a kind.
    """
    open_ones = SystemAlert.objects.filter(kind=kind, closed_at__isnull=True)
    known = set(open_ones.values_list("clinic_id", flat=True))
    open_ones.exclude(clinic_id__in=clinics).update(closed_at=now)
    new = [
        SystemAlert(kind=kind, clinic_id=clinic, opened_at=now, next_attempt_at=now)
        for clinic in set(clinics) - known
    ]
    SystemAlert.objects.bulk_create(new, ignore_conflicts=True)
    if new:
        logger.error("system alert: %s, for %d clinics", kind, len(new))
    return len(new)


def look(now: datetime, stranded: Iterable[UUID]) -> None:
    """Compare what the machinery owes with what it did: stranded and untold alerts, the drill."""
    keep(SystemAlert.Kind.STRANDED, set(stranded), now)
    unreached = Alert.objects.nobody_reached(now).exclude(clinic_id=DRILL_CLINIC)
    keep(SystemAlert.Kind.UNREACHED, set(unreached.values_list("clinic_id", flat=True)), now)
    if settings.DRILL_DAYS:
        Heartbeat.objects.get_or_create(name=SINCE, defaults={"beat_at": now})
    keep(SystemAlert.Kind.DRILL, set(drill_problems(now)), now)


def drill_problems(now: datetime) -> dict[UUID, str]:
    """Return, by clinic, what is wrong with its weekly drill; nothing for those that are well."""
    if not settings.DRILL_DAYS:
        return {}
    long_ago = now - DRILL_LATE_AFTER
    drills = Drill.objects.latest_of_each()
    last = {drill.clinic_id: drill for drill in drills if drill.clinic_id}
    begun = Heartbeat.objects.filter(name=SINCE, beat_at__lt=long_ago).exists()
    # A clinic is due a drill once somebody has worked there as long as a drill may be late.
    staffed = Clinic.objects.real().staffed(by=long_ago)
    due = set(staffed.values_list("pk", flat=True)) if begun else set()
    found = dict.fromkeys(due - set(last), "The weekly drill has never run.")
    for clinic, drill in last.items():
        if problem := problem_with(drill, now, is_due=clinic in due):
            found[clinic] = problem
    return found


def problem_with(drill: Drill, now: datetime, *, is_due: bool) -> str:
    """Return what is wrong with a clinic's last drill; empty when all is well."""
    age = now - drill.started_at
    if age > DRILL_LATE_AFTER:
        return "The weekly drill was missed." if is_due else ""
    if drill.seconds is None:
        return "The last drill reached nobody." if age > DRILL_SLOW_AFTER else ""
    return "The last drill was slow." if drill.seconds > DRILL_SLOW_AFTER.total_seconds() else ""


def stranded_clinics(now: datetime, grace: timedelta) -> list[UUID]:
    """Return the clinics that have an alert whose time is over and that nothing has moved."""
    rows = Alert.objects.stranded(now, grace).order_by().values_list("clinic_id", flat=True)
    return list(rows.distinct())
