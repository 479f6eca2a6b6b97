"""The nightly look at the audit record: what it finds is told where trouble of the machinery is."""

import logging
from datetime import datetime

from django.db import transaction

from apps.alerts.health import RECORD_BROKEN, RECORD_CHECKED
from apps.alerts.models import Heartbeat
from apps.audit.chain import late_seals, problems

logger = logging.getLogger(__name__)


def check_record(now: datetime) -> int:
    """Verify the whole audit record and note the outcome; return how many problems there are.

    Until a later check finds none, the health page and the banner say that it does not verify.
    """
    found = [*problems(), *late_seals(now)]  # takes long: no transaction is held open for it
    if found:
        logger.error("the audit record does not verify: %d problems", len(found))
    note_outcome(is_broken=bool(found), now=now)
    return len(found)


@transaction.atomic
def note_outcome(*, is_broken: bool, now: datetime) -> None:
    """Keep what the check found where `check_health` looks."""
    Heartbeat.objects.update_or_create(name=RECORD_CHECKED, defaults={"beat_at": now})
    if is_broken:
        Heartbeat.objects.update_or_create(name=RECORD_BROKEN, defaults={"beat_at": now})
    else:
        Heartbeat.objects.filter(name=RECORD_BROKEN).delete()
