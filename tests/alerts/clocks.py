"""A clock that a test moves, and the dispatcher's work done by hand at its time."""

from datetime import datetime, timedelta

from apps.alerts.sweep import deliver_due, sweep
from tests.factories import NOW

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that the test moves."""

    def __init__(self, time: datetime = NOW) -> None:
        self.time = time

    def __call__(self) -> datetime:
        return self.time

    def go_on(self, span: timedelta, step: timedelta = 5 * SECOND) -> None:
        """Let time pass, and sweep and deliver at every step as the dispatcher does."""
        end = self.time + span
        while self.time < end:
            self.time = min(self.time + step, end)
            sweep(self.time)
            deliver_due(self)
