"""What `migrate` asks of tables that patients write to: locks for which nobody waits long.

Whoever waits for a table makes all who come later wait behind it, check-ins too. So a wait ends
after `GIVES_UP`, everything held is let go, and the same is tried again a little later. Longer than
the second after which PostgreSQL looks for a deadlock, and sends an autovacuum away that stands in
the way: who gives up sooner would wait for every autovacuum to come to its own end.
docs/adr/0095-migrate-gives-way.md
"""

import time
from collections.abc import Callable
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

GIVES_UP: Final = "2s"
# lock_not_available and deadlock_detected: nothing is wrong but the moment.
IN_USE: Final = ("55P03", "40P01")
TRIES_FOR_SECONDS: Final = 60.0
PAUSES: Final = (0.25, 8.0)  # the first one and the longest, in seconds; each is twice the last
SENTENCE: Final = (
    "{what} stayed in use, by a backup, a report or a session that hangs, and check-ins would "
    "have had to wait behind this command. Nothing is half done, and what is done stays done: "
    "when that has ended, run migrate again (docs/operations.md)."
)


def until_free(
    work: Callable[[], object],
    got_on: Callable[[], float] = lambda: 0.0,
    what: str = "A table",
) -> None:
    """Do the work, again after a pause while others hold what it needs.

    The work must be safe to begin again. `got_on` says at which monotonic second a part of it was
    done for good: after one, patience begins anew. Raises `CommandError`, with what to do, when
    the same thing was in use for too long; every other error at once.
    """
    first = pause = 0.0
    while True:
        try:
            work()
            return
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) not in IN_USE:
                raise
            now = time.monotonic()
            if not first or got_on() > first:
                first, pause = now, PAUSES[0]
            if now - first > TRIES_FOR_SECONDS:
                raise CommandError(SENTENCE.format(what=what)) from error
        time.sleep(pause)
        pause = min(2 * pause, PAUSES[1])


def briefly(connection: BaseDatabaseWrapper, table: str, work: Callable[[Any], None]) -> None:
    """Do the work on a table, given a cursor, in a short transaction that gives way to others.

    Its COMMIT does not wait for the disk, the next one that does brings it along. Within a
    caller's transaction it is done once and waits as long as the caller would: what the caller
    holds cannot be let go.
    """

    def once() -> None:
        with transaction.atomic(connection.alias), connection.cursor() as cursor:
            if not inside:
                cursor.execute(f"SET LOCAL lock_timeout = '{GIVES_UP}'")
                cursor.execute("SET LOCAL synchronous_commit = off")
            work(cursor)

    inside = connection.in_atomic_block
    if inside:
        once()
    else:
        until_free(once, what=f"The table {table}")
