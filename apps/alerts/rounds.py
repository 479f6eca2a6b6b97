"""What apps above have the dispatcher do again and again, so that it needs no broker.

Registered at start, as the gates of a reduction are (ADR 8): the dispatcher goes the
rounds without knowing what they do. Celery's beat does the same things; whoever comes
first does them, because each row is claimed by one process only.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet

LOOK_SECONDS: Final = 1.0  # so that a dispatcher told to stop does not sleep on


class Round:
    """One thing to do every so many seconds, on a thread of its own."""

    def __init__(self, name: str, seconds: float, act: Callable[[], object]) -> None:
        """Describe the round; it is due at once."""
        self.name, self.seconds, self.act = name, seconds, act
        self.due_at = 0.0

    def turn(self) -> None:
        """Do it if it is due. What fails waits its turn like what succeeds."""
        if time.monotonic() >= self.due_at:
            self.due_at = time.monotonic() + self.seconds
            self.act()
        time.sleep(min(LOOK_SECONDS, self.seconds))


ROUNDS: dict[str, Round] = {}


def register_round(name: str, seconds: float, act: Callable[[], object]) -> None:
    """Have every dispatcher do this, too. Registering twice is once."""
    ROUNDS[name] = Round(name, seconds, act)


Due = Callable[[datetime], QuerySet[Any]]
QUEUES: dict[str, Due] = {}


def register_queue(name: str, due: Due) -> None:
    """Have /metrics tell how many rows are due by their `next_attempt_at`, and since when."""
    QUEUES[name] = due
