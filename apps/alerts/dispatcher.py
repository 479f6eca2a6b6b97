"""The broker-free way to a mail: a small process that talks only to PostgreSQL.

It is woken by NOTIFY at the commit that stores a delivery, looks by itself every
second, and sweeps every few seconds. Several may run at once.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

import psycopg
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from apps.alerts.escalation import OUTBOX_CHANNEL
from apps.alerts.sweep import beat, deliver_due, sweep

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 3.0
RECONNECT_SECONDS: Final = 1.0
PER_TURN: Final = 20  # so that a long backlog never keeps the sweep waiting


def run(keep_going: Callable[[], bool]) -> None:
    """Deliver and sweep until `keep_going` answers no; survive a database restart."""
    while keep_going():
        try:
            serve(keep_going)
        except (OperationalError, InterfaceError, psycopg.OperationalError) as error:
            logger.warning("database does not answer (%s); trying again", type(error).__name__)
            connection.close()
            time.sleep(RECONNECT_SECONDS)


def serve(keep_going: Callable[[], bool]) -> None:
    """Run on one database connection; raises when that is lost."""
    connection.ensure_connection()
    raw = connection.connection
    raw.execute(f"LISTEN {OUTBOX_CHANNEL}")
    swept_at = 0.0
    while keep_going():
        busy = deliver_due(timezone.now, limit=PER_TURN) == PER_TURN
        if time.monotonic() - swept_at >= SWEEP_SECONDS:
            beat("dispatcher", timezone.now())
            sweep(timezone.now())
            swept_at = time.monotonic()
            continue  # what the sweep made due is sent at once
        if not busy:
            for _ in raw.notifies(timeout=POLL_SECONDS, stop_after=1):
                pass
