"""Celery's way to a mail: an id in, one call. Losing every message here loses no alert."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.alerts import delivery as deliveries
from apps.alerts import record_check, rota_actions
from apps.alerts import sweep as sweeping
from apps.alerts.contact_sending import send_contact_message

logger = logging.getLogger(__name__)

QUIET_SECONDS: Final = 5.0
MAX_WAITING: Final = 100
VERIFY_SECONDS: Final = 4 * 3600  # a record of many years, read to its end
SWEEP_SECONDS: Final = 8.0  # and one attempt more stay below Celery's time limit of a task


@shared_task
def deliver(delivery_id: str) -> None:
    """Send one stored message."""
    deliveries.deliver(timezone.now, delivery_id=UUID(delivery_id))


@shared_task
def sweep() -> None:
    """Put everything back on its way whose clock has run out."""
    sweeping.sweep(timezone.now())
    sweeping.deliver_due(timezone.now, seconds=SWEEP_SECONDS)


@shared_task
def beat_heartbeat(name: str = "worker") -> None:
    """Show that beat published and a worker of the queue ran; `name` is a key of `WATCHED`."""
    sweeping.beat(name, timezone.now())


# Taken from the queue when it begins: every broker gives a task that is not acknowledged to another
# worker after a while (Redis here after a minute, RabbitMQ after 30), and this one takes longer.
@shared_task(time_limit=VERIFY_SECONDS, soft_time_limit=VERIFY_SECONDS - 60, acks_late=False)
def check_record() -> None:
    """Verify the audit record, all of it."""
    record_check.check_record(timezone.now())


@shared_task
def extend_rotas() -> None:
    """Make the shifts of the coming weeks from every clinic's pattern."""
    rota_actions.extend_all(timezone.now())


@shared_task
def send_contact_code(contact_id: str) -> None:
    """Send the code or the test that is due to an address."""
    send_contact_message(UUID(contact_id), timezone.now)


class Doorbell:
    """Publish task messages from a thread of its own, so that no request waits for a broker.

    After a failure it stays quiet for some seconds (a hung broker would otherwise be
    rung for every alert). It never raises: what it does not publish the dispatcher
    delivers.
    """

    def __init__(self, task: Any) -> None:
        self.task = task
        self.quiet_until = 0.0
        self.waiting = 0
        self.pool: ThreadPoolExecutor | None = None

    def ring(self, ids: list[UUID]) -> None:
        """Publish one task per id, soon."""
        if time.monotonic() < self.quiet_until or self.waiting >= MAX_WAITING:
            return
        if self.pool is None:
            self.pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="doorbell")
        self.waiting += 1
        # In the caller's context: the request's id goes with the task.
        self.pool.submit(copy_context().run, self.publish, ids)

    def publish(self, ids: list[UUID]) -> None:
        """Publish now, on the doorbell's own thread."""
        try:
            if time.monotonic() >= self.quiet_until:
                for key in ids:
                    self.task.apply_async([str(key)], retry=False)
        except Exception as error:
            self.quiet_until = time.monotonic() + QUIET_SECONDS
            logger.warning(
                "broker does not answer (%s); the dispatcher delivers", type(error).__name__
            )
        finally:
            self.waiting -= 1


doorbell = Doorbell(deliver)
code_bell = Doorbell(send_contact_code)
