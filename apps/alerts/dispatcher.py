"""The broker-free way to a mail: a small process that talks only to PostgreSQL.

It is woken by NOTIFY at the commit that stores a delivery. Several threads send, each
on a database connection of its own, so that a recipient whose server hangs holds up one
of them and no other red flag; one more thread sweeps. Several dispatchers may run.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from apps.alerts.breaker import ask_idle
from apps.alerts.contact_sending import send_contacts_due
from apps.alerts.escalation import OUTBOX_CHANNEL
from apps.alerts.health import check_health
from apps.alerts.outside import ping
from apps.alerts.rounds import ROUNDS
from apps.alerts.sweep import beat, deliver_due, sweep
from apps.alerts.system_sending import report_drills, tell_due
from config.tracing import new_id, traced

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 3.0
RECONNECT_SECONDS: Final = 0.5
WATCH_SECONDS: Final = 5.0
PING_SECONDS: Final = 30.0
PER_TURN: Final = 20  # then it shows that it lives, and looks again for what is most severe
# A thread that has not come round by then hangs; the heartbeat stops and the banner says so.
STUCK_AFTER: Final = 60.0
DATABASE_GONE: Final = (OperationalError, InterfaceError, psycopg.OperationalError)


class Turns:
    """One thread that does the same thing again and again, whatever happens to the database."""

    def __init__(self, name: str, turn: Callable[[], None], keep_going: Callable[[], bool]) -> None:
        """Describe the thread; `start` begins."""
        self.turn, self.keep_going = turn, keep_going
        self.last_turn = time.monotonic()
        self.thread = threading.Thread(target=self.run, name=name, daemon=True)

    def run(self) -> None:
        """Take turns until told to stop; an error costs one turn, never the thread."""
        while self.keep_going():
            with traced(new_id()):  # what this turn stores and logs can be told from another's
                self.take_turn()
            self.last_turn = time.monotonic()
        connection.close()

    def take_turn(self) -> None:
        """Take one turn; after an error, wait a little."""
        try:
            self.turn()
        except DATABASE_GONE as error:
            logger.warning("database does not answer (%s); trying again", type(error).__name__)
            connection.close()
            time.sleep(RECONNECT_SECONDS)
        except Exception:
            logger.exception("a turn of %s failed", self.thread.name)
            connection.close()
            time.sleep(RECONNECT_SECONDS)

    def is_well(self) -> bool:
        """Answer whether it still comes round."""
        return self.thread.is_alive() and time.monotonic() - self.last_turn < STUCK_AFTER


class Bell:
    """Wakes one sender per message; who finds work wakes the next, so that all help in a storm."""

    def __init__(self) -> None:
        self.strokes = threading.Semaphore(0)

    def ring(self) -> None:
        """Wake one sender that waits, or the next that would."""
        self.strokes.release()

    def wait(self) -> None:
        """Return when it rings, or when it is time to look anyway."""
        self.strokes.acquire(timeout=POLL_SECONDS)


def run(keep_going: Callable[[], bool]) -> None:
    """Deliver and sweep until `keep_going` answers no; survive a database restart.

    Mails in hand are finished first; what a killed dispatcher had in hand becomes due
    again when its lease ends.
    """
    bell = Bell()
    threads = [
        Turns(f"sender {number}", sender(bell, keep_going, fresh_only=number == 0), keep_going)
        for number in range(max(settings.ALERT_SENDERS, 1))
    ]
    if len(threads) == 1:  # one sender takes everything
        threads = [Turns("sender", sender(bell, keep_going, fresh_only=False), keep_going)]
    sweeper = Turns("sweeper", lambda: sweep_turn(bell, threads), keep_going)
    listener = Turns("listener", lambda: listen(bell, keep_going), keep_going)
    threads.append(listener)
    watcher = Turns("watcher", Watcher().turn, keep_going)
    # Mails of other apps, each on a thread of its own: none of them can hold up an alert.
    rounds = [Turns(each.name, each.turn, keep_going) for each in ROUNDS.values()]
    for thread in [*threads, sweeper, watcher, *rounds]:
        thread.thread.start()
    for thread in [*threads, sweeper, watcher, *rounds]:
        while thread.thread.is_alive():
            thread.thread.join(POLL_SECONDS)


def sender(bell: Bell, keep_going: Callable[[], bool], *, fresh_only: bool) -> Callable[[], None]:
    """Return the turn of one sending thread; `fresh_only` is the lane kept free of retries.

    Told to stop it finishes the mail in hand and claims no other, however many wait.
    """

    def turn() -> None:
        bell.wait()
        while deliver_due(timezone.now, limit=1, fresh_only=fresh_only, keep_going=keep_going):
            bell.ring()  # where there is one there may be more: let another thread look
            deliver_due(
                timezone.now, limit=PER_TURN, seconds=10, fresh_only=fresh_only,
                keep_going=keep_going,
            )  # fmt: skip

    return turn


def sweep_turn(bell: Bell, others: list[Turns]) -> None:
    """Sweep, show signs of life, and have what became due sent at once."""
    now = timezone.now()
    report = sweep(now)
    if all(thread.is_well() for thread in others):
        beat("dispatcher", now)
    if report.leases_taken_back or report.climbed or report.reopened or report.moved_on:
        bell.ring()
    time.sleep(SWEEP_SECONDS)


class Watcher:
    """Mails what is wrong with the machinery, and tells the outside that all is well.

    On a thread of its own: neither a slow mail server nor a slow monitor delays a sweep.
    """

    def __init__(self) -> None:
        self.ping_at = 0.0

    def turn(self) -> None:
        """Look once, and wait."""
        now = timezone.now()
        tell_due(now)
        report_drills(now)
        ask_idle(now)
        send_contacts_due(timezone.now)  # codes and tests that no worker has sent
        # Silence is the message: the outside is told only while nothing is wrong here.
        if time.monotonic() >= self.ping_at and check_health(now).is_well:
            ping()
            self.ping_at = time.monotonic() + PING_SECONDS
        time.sleep(WATCH_SECONDS)


def listen(bell: Bell, keep_going: Callable[[], bool]) -> None:
    """Ring for every message of PostgreSQL; returns when told to stop."""
    connection.ensure_connection()
    raw = connection.connection
    raw.execute(f"LISTEN {OUTBOX_CHANNEL}")
    bell.ring()  # what was stored while nobody listened
    for _ in raw.notifies(timeout=POLL_SECONDS):
        bell.ring()
