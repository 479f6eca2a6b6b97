"""Mails that are rows but no alerts: one lease, one back-off, one loop for all of them.

Such a row has `state` ("pending", "sending" and its own ends), `attempts`,
`next_attempt_at`, `lease_token` and `lease_until`. Alerts are graver and have rules of
their own in `delivery.py`; connection and breaker are the same.
"""

import logging
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.mail import EmailMessage

from apps.alerts.batch import Clock
from apps.alerts.delivery import note_server
from apps.alerts.smtp import Answer, MailSession, Result, lease_time
from apps.alerts.ways import server_name

logger = logging.getLogger(__name__)

SENDING: Final = "sending"
MAX_ATTEMPTS: Final = 10  # about two hours
FIRST_BACKOFF: Final = timedelta(seconds=15)
LONGEST_BACKOFF: Final = timedelta(minutes=30)


def send_each(
    send_one: Callable[[MailSession], bool], *, limit: int = 200, seconds: float = 3600.0
) -> int:
    """Send one after the other through one connection until none is left; return how many.

    Begins none after `seconds`, so that a task's own time limit never cuts a mail in two.
    """
    give_up = time.monotonic() + seconds
    with MailSession() as session:
        for count in range(limit):
            if time.monotonic() > give_up or not send_one(session):
                return count
    return limit


def hand_over(mail: EmailMessage, session: MailSession, clock: Clock) -> Answer:
    """Give one mail to the mail server and tell the breaker what it did, before all else."""
    begun = clock()
    answer = session.send(mail)
    note_server(server_name(), answer, begun, clock)
    return answer


def lease(row: Any, now: datetime) -> None:
    """Mark a locked row as being sent; the attempt counts before it is made."""
    row.state, row.lease_token = SENDING, uuid.uuid4()
    row.lease_until = now + lease_time()
    row.next_attempt_at, row.attempts = None, row.attempts + 1
    row.save(update_fields=["state", "lease_token", "lease_until", "next_attempt_at", "attempts"])


def still_held(row: Any) -> Any:
    """Return the row locked, or None when its lease was lost or taken back meanwhile."""
    rows = type(row).objects.select_for_update()
    return rows.filter(pk=row.pk, lease_token=row.lease_token, state=SENDING).first()


def settle(row: Any, answer: Answer, now: datetime) -> None:
    """Set where a locked row goes after an attempt: sent, another try, or the end."""
    if answer.result == Result.SENT:
        row.last_error = ""
        finish(row, "sent", now)
        return
    row.last_error = answer.reply
    wait = wait_before_next(answer, row.attempts)
    if wait is None:
        logger.error("mail %s cannot be delivered", row.pk)
        finish(row, "failed", now)
        return
    row.state, row.next_attempt_at = "pending", now + wait
    row.lease_token = row.lease_until = None
    row.save(update_fields=["state", "next_attempt_at", "lease_token", "lease_until", "last_error"])


def finish(row: Any, state: str, now: datetime) -> None:
    """End a row for good; it has `ended_at` and `last_error`, too."""
    row.state, row.ended_at = state, now
    row.next_attempt_at = row.lease_token = row.lease_until = None
    row.save(
        update_fields=[
            "state", "ended_at", "next_attempt_at", "lease_token", "lease_until", "last_error",
        ]
    )  # fmt: skip


def wait_before_next(answer: Answer, attempts: int) -> timedelta | None:
    """Return how long to wait after a failed attempt, None when it was the last."""
    if answer.result == Result.PERMANENT or attempts >= MAX_ATTEMPTS:
        return None
    wait: timedelta = min(FIRST_BACKOFF * 2 ** (attempts - 1), LONGEST_BACKOFF)
    return wait
