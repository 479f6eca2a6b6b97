"""Alerts about the machinery itself: what is wrong, kept as rows. `system_sending.py` tells."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.alerts.models import DRILL_CLINIC, Alert, Drill, Heartbeat, SystemAlert
from apps.patients.models import Clinic

logger = logging.getLogger(__name__)

DRILL_LATE_AFTER: Final = timedelta(days=8)  # a week, and a day of grace
DRILL_SLOW_AFTER: Final = timedelta(seconds=60)
# Since when this installation sweeps: before the first drill there is no other mark.
SINCE: Final = "first_sweep"


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
    clinics: set[UUID] = set()
    if drill_problem(now):
        rows = Clinic.objects.exclude(pk=DRILL_CLINIC).values_list("pk", flat=True)
        clinics = set(rows)
    keep(SystemAlert.Kind.DRILL, clinics, now)


def drill_problem(now: datetime) -> str:
    """Return what is wrong with the weekly drill in one sentence; empty when all is well."""
    if not settings.DRILL_DAYS:
        return ""
    last = Drill.objects.order_by("-started_at").first()
    if last is None:
        since = Heartbeat.objects.filter(name=SINCE).first()
        late = since is not None and now - since.beat_at > DRILL_LATE_AFTER
        return "The weekly drill has never run." if late else ""
    if now - last.started_at > DRILL_LATE_AFTER:
        return "The weekly drill was missed."
    if last.accepted_at is None and now - last.started_at > DRILL_SLOW_AFTER:
        return "The last drill was not delivered."
    if last.seconds is not None and last.seconds > DRILL_SLOW_AFTER.total_seconds():
        return "The last drill was slow."
    return ""


def stranded_clinics(now: datetime, grace: timedelta) -> list[UUID]:
    """Return the clinics that have an alert whose time is over and that nothing has moved."""
    rows = Alert.objects.stranded(now, grace).order_by().values_list("clinic_id", flat=True)
    return list(rows.distinct())
