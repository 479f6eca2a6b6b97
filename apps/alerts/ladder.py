"""Who is called when: the rungs of the ladder and their minutes. Pure, no database.

Minutes per level follow clinical/triage.md section 1 (emergency: second person at
5 minutes, lead at 10; urgent: reminder at half the response time, one level of staff
higher when it is over; watch: urgent queue when its review time is over). Minutes
marked [proposal] there are proposals here too.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Rung(StrEnum):
    """A step of the ladder, lowest first."""

    ON_CALL = "on_call"
    BACKUP = "backup"
    LEAD = "lead"
    EVERYONE = "everyone"


RUNG_LABELS: Final[dict[str, str]] = {
    Rung.ON_CALL: "On call",
    Rung.BACKUP: "Backup",
    Rung.LEAD: "Lead",
    Rung.EVERYONE: "Everyone",
}


class Level(StrEnum):
    """Levels of an alert, as triage gives them (`none` never makes an alert)."""

    WATCH = "watch"
    URGENT = "urgent"
    EMERGENCY = "emergency"


# The most severe is sent first, whatever its age.
PRIORITY: Final[dict[str, int]] = {Level.EMERGENCY: 0, Level.URGENT: 1, Level.WATCH: 2}

# After the last rung everybody is told again, for ever, until a person acts [proposal].
REPEAT_AFTER: Final[dict[str, timedelta]] = {
    Level.EMERGENCY: timedelta(minutes=5),
    Level.URGENT: timedelta(minutes=30),
    Level.WATCH: timedelta(hours=4),
}

# The longest that a muted alert tells nobody [proposal]. An emergency is never muted.
QUIET_AT_MOST: Final[dict[str, timedelta]] = {
    Level.URGENT: timedelta(hours=24),
    Level.WATCH: timedelta(days=7),
}

# How long an acknowledged alert may wait for a documented act before it opens again
# (peers.md idea 26: 30 minutes for the highest priority) [proposal].
ACK_CLOCK: Final[dict[str, timedelta]] = {
    Level.EMERGENCY: timedelta(minutes=30),
    Level.URGENT: timedelta(hours=4),
    Level.WATCH: timedelta(days=3),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One rung and when it is climbed, counted from the opening of the alert."""

    rung: Rung
    after: timedelta


def steps(level: str, response: timedelta) -> tuple[Step, ...]:
    """Return the ladder of an alert in the order it is climbed.

    `response` is the triage rule's response time. An emergency does not wait for it:
    its rungs are 0, 5, 10 and 15 minutes after the alert opens.
    """
    if level == Level.EMERGENCY:
        minutes = {Rung.ON_CALL: 0, Rung.BACKUP: 5, Rung.LEAD: 10, Rung.EVERYONE: 15}
        return tuple(Step(rung, timedelta(minutes=after)) for rung, after in minutes.items())
    start = response if level == Level.WATCH else timedelta()
    return (
        Step(Rung.ON_CALL, start),
        Step(Rung.ON_CALL, start + response / 2),
        Step(Rung.BACKUP, start + response),
        Step(Rung.LEAD, start + response * 3 / 2),
        Step(Rung.EVERYONE, start + response * 2),
    )


def step_after(level: str, response: timedelta, index: int) -> Step:
    """Return step `index` of the ladder; past its end, everyone again and again."""
    ladder = steps(level, response)
    if index < len(ladder):
        return ladder[index]
    repeats = index - len(ladder) + 1
    return Step(Rung.EVERYONE, ladder[-1].after + REPEAT_AFTER[level] * repeats)


def gap_before(level: str, response: timedelta, index: int) -> timedelta:
    """Return the time between step `index` and the one before it (the opening, for the first)."""
    before = step_after(level, response, index - 1).after if index else timedelta()
    return step_after(level, response, index).after - before
