"""Who is called when: the rungs of the ladder and their minutes. Pure, no database.

Minutes per level follow clinical/triage.md section 1 (emergency: second person at
5 minutes, lead at 10; urgent: reminder at half the response time, one level of staff
higher when it is over; watch: urgent queue when its review time is over). Minutes
marked [proposal] there are proposals here too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
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

# Tries per person before the next person is told as well [proposal]. "Everyone" has no
# limit: there is nobody left to hand over to.
MAX_ATTEMPTS: Final[dict[str, int]] = {Level.EMERGENCY: 4, Level.URGENT: 6, Level.WATCH: 8}

# When a round to everyone has reached nobody for good the next follows this soon, and each
# after it twice as late, up to REPEAT_AFTER: a server that refuses everything must not make
# rounds as fast as it can refuse [proposal].
FIRST_ROUND_AGAIN: Final = timedelta(seconds=8)

# The longest that a muted alert tells nobody [proposal]. An emergency is never muted.
QUIET_AT_MOST: Final[dict[str, timedelta]] = {
    Level.URGENT: timedelta(hours=24),
    Level.WATCH: timedelta(days=7),
}

MUTE_AT_MOST: Final = timedelta(days=14)  # [proposal]

# After an outage the rungs that were missed follow each other this closely, so that whoever is
# told first can still take the alert before the next is woken [proposal].
CATCH_UP: Final = timedelta(minutes=1)

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


# When remind, backup, lead and everyone are due: minutes for an emergency, per cent of the
# response time of the rule for the others. The slowest a clinic may set (triage.md section 1).
Times = tuple[int | None, int, int, int]
SLOWEST: Final[dict[str, Times]] = {
    Level.EMERGENCY: (None, 5, 10, 15),
    Level.URGENT: (50, 100, 150, 200),
    Level.WATCH: (50, 100, 150, 200),
}


def steps(level: str, response: timedelta, times: Times | None = None) -> tuple[Step, ...]:
    """Return the ladder of an alert in the order it is climbed.

    `response` is the triage rule's response time. An emergency does not wait for it:
    its rungs are 0, 5, 10 and 15 minutes after the alert opens, or sooner where the
    clinic has set other `times`.
    """
    remind, backup, lead, everyone = times or SLOWEST[level]
    if level == Level.EMERGENCY:
        unit, start = timedelta(minutes=1), timedelta()
    else:
        unit = response / 100
        start = response if level == Level.WATCH else timedelta()
    first = [Step(Rung.ON_CALL, start)]
    if remind is not None:
        first.append(Step(Rung.ON_CALL, start + unit * remind))
    return (
        *first,
        Step(Rung.BACKUP, start + unit * backup),
        Step(Rung.LEAD, start + unit * lead),
        Step(Rung.EVERYONE, start + unit * everyone),
    )


def step_after(level: str, response: timedelta, index: int, times: Times | None = None) -> Step:
    """Return step `index` of the ladder; past its end, everyone again and again."""
    ladder = steps(level, response, times)
    if index < len(ladder):
        return ladder[index]
    repeats = index - len(ladder) + 1
    return Step(Rung.EVERYONE, ladder[-1].after + REPEAT_AFTER[level] * repeats)


def everyone_from(level: str) -> int:
    """Return the index of the first step that tells everyone; all after it do."""
    return len(steps(level, timedelta())) - 1


def next_round_in(level: str, index: int) -> timedelta:
    """Return how soon everyone is told again when round `index` has reached nobody for good."""
    wait: timedelta = FIRST_ROUND_AGAIN * 2 ** min(max(index - everyone_from(level), 0), 20)
    return min(wait, REPEAT_AFTER[level])


def gap_before(
    level: str, response: timedelta, index: int, times: Times | None = None
) -> timedelta:
    """Return the time between step `index` and the one before it (the opening, for the first)."""
    before = step_after(level, response, index - 1, times).after if index else timedelta()
    return step_after(level, response, index, times).after - before


def next_rung_at(
    level: str,
    response: timedelta,
    index: int,
    *,
    due_at: datetime,
    now: datetime,
    times: Times | None = None,
) -> datetime:
    """Return when the step after `index` is climbed, which was due at `due_at` and climbed `now`.

    On its own minute, however late the sweep came: seconds of one rung never add up to
    minutes by the last. A step climbed early, because nobody of the one before could be
    reached, counts from that moment. What an outage swallowed is made up closely but not all
    at once, and the rounds to everyone are not made up at all.
    """
    step = step_after(level, response, index, times)
    gap = step_after(level, response, index + 1, times).after - step.after
    at = min(due_at, now) + gap
    if at > now + min(gap / 2, CATCH_UP):
        return at
    is_round = index + 1 >= len(steps(level, response, times))
    return now + (gap if is_round else min(gap / 2, CATCH_UP))
