"""What measurements run on: real servers, started once; the product's processes on demand."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults.rig import Rig


class Stage:
    """A durable PostgreSQL, Redis and a mail server; Django is set up on them."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    @contextmanager
    def parts(self, *names: str) -> Iterator[dict[str, Any]]:
        """Run some of web, worker, beat and dispatcher inside the block."""
        from tests.harness.processes import Parts

        parts = Parts(
            database_url=self.rig.database.url,
            broker_url=self.rig.redis.url,
            email_url=os.environ["EMAIL_URL"],
        )
        self.rig.parts = parts
        try:
            yield {name: getattr(parts, name)() for name in names}
        finally:
            parts.stop()

    def mails(self) -> dict[str, float]:
        """Return when the first mail of each alert's reference was kept (monotonic clock)."""
        from tests.faults.trials import read_mails, subject_reference

        first: dict[str, float] = {}
        for mail in read_mails(self.rig):
            first.setdefault(subject_reference(mail["subject"]), float(mail["at"]))
        return first

    def wait_for_mails(self, references: set[str], seconds: float) -> dict[str, float]:
        """Return the arrival of each reference, once all are there or the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            found = {key: at for key, at in self.mails().items() if key in references}
            if len(found) == len(references) or time.monotonic() > deadline:
                return found
            time.sleep(0.1)


def analyze() -> None:
    """Give PostgreSQL its statistics of new rows, as autovacuum does within a minute.

    By the owner: anybody else's ANALYZE is passed over with no more than a warning.
    """
    from django.db import connection

    from apps.database.scope import as_owner

    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def share(times: list[float], part: float) -> float:
    """Return the value below which this part of the times lies."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
