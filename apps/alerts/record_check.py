"""The nightly look at the audit record: what it finds is told where trouble of the machinery is."""

import logging
from datetime import datetime

from django.db import DatabaseError, transaction

from apps.alerts.health import RECORD_BROKEN, RECORD_CHECKED, RECORD_UNSORTED
from apps.alerts.models import Heartbeat
from apps.audit.chain import heads, late_seals, problems
from apps.audit.partitions import make_partitions

logger = logging.getLogger(__name__)


def check_record(now: datetime) -> int:
    """Verify the whole audit record and note the outcome; return how many problems there are.

    Before that the months to come get their partitions. Until a later check finds none, the health
    page and the banner say that it does not verify. The heads of an intact record go to the log:
    a collector on another machine then has what `verify_audit --known` compares with.
    """
    sort_record(now)
    found = [*problems(), *late_seals(now)]  # takes long: no transaction is held open for it
    if found:
        logger.error("the audit record does not verify: %d problems", len(found))
    else:
        for head in heads():
            logger.info("audit head %s", head)
    note_outcome(is_broken=bool(found), now=now)
    return len(found)


def sort_record(now: datetime) -> None:
    """Make the record's partitions of the coming months; note whether rows had none.

    A row without a partition is stored all the same, and put in its month now. That there was one
    means that nobody has made partitions for three months, or that a clock was wrong: the health
    page says so until a later look finds none.
    """
    try:
        strays = make_partitions()
    except DatabaseError:  # somebody holds the table: it is asked again, and rows find room
        logger.exception("the partitions of the audit record were not made")
        strays = 1
    if strays:
        logger.error("%d audit rows had no partition of their month", strays)
        Heartbeat.objects.update_or_create(name=RECORD_UNSORTED, defaults={"beat_at": now})
    else:
        Heartbeat.objects.filter(name=RECORD_UNSORTED).delete()


@transaction.atomic
def note_outcome(*, is_broken: bool, now: datetime) -> None:
    """Keep what the check found where `check_health` looks."""
    Heartbeat.objects.update_or_create(name=RECORD_CHECKED, defaults={"beat_at": now})
    if is_broken:
        Heartbeat.objects.update_or_create(name=RECORD_BROKEN, defaults={"beat_at": now})
    else:
        Heartbeat.objects.filter(name=RECORD_BROKEN).delete()
