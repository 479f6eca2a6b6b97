"""What the scores of several check-ins say together.

``scores`` are daily withdrawal scores, oldest first, today's last. Check-ins
without a score are passed over, so that a weekly form between two daily ones
hides nothing [proposal]. When today has no score there are none at all: an old
worsening must not fire again on a form that did not ask. Definitions: triage.md
section 3.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from apps.clinical.profile import CheckInSummary

Baseline = Decimal | int | None

BAD_SLEEP = 3
RISING_CHECKINS = 4
RISING_TOTAL = 5
MEAN_CHECKINS = 7


def ways_to_read(history: Sequence[CheckInSummary]) -> list[Sequence[CheckInSummary]]:
    """Return the history as it came and, where it differs, without what may not calm.

    A trend that either shows is one: a calm answer by an old link ends none [proposal].
    """
    without = [each for each in history if each.may_calm]
    return [history] if len(without) == len(history) else [history, without]


def scores_until_today(history: Sequence[CheckInSummary], today: int | None) -> tuple[int, ...]:
    """Return the known scores with today's last, or none if today has no score."""
    if today is None:
        return ()
    return (*(each.dws for each in history if each.dws is not None), today)


def rise_2of3(scores: Sequence[int], baseline: Baseline, points: int) -> bool:
    """Tell whether 2 of the last 3 scores are ``points`` or more above baseline."""
    if baseline is None:
        return False
    return sum(score >= baseline + points for score in scores[-3:]) >= 2


def high_twice(scores: Sequence[int], limit: int) -> bool:
    """Tell whether today's and the previous score both reach ``limit``."""
    return sum(score >= limit for score in scores[-2:]) == 2


def rising(scores: Sequence[int]) -> bool:
    """Tell whether the last four scores strictly rise, by 5 or more in all."""
    last = scores[-RISING_CHECKINS:]
    if len(last) < RISING_CHECKINS:
        return False
    return all(a < b for a, b in pairwise(last)) and last[-1] - last[0] >= RISING_TOTAL


def mean_above(scores: Sequence[int], baseline: Baseline, points: int) -> bool:
    """Tell whether the mean of the last 7 scores is ``points`` above baseline.

    With fewer than seven check-ins the mean is over those there are. [proposal]
    """
    if baseline is None or not scores:
        return False
    last = scores[-MEAN_CHECKINS:]
    return sum(last) >= (baseline + points) * len(last)


def bad_sleep_twice(history: Sequence[CheckInSummary], sleep_today: int | None) -> bool:
    """Tell whether sleep was rated 3 or 4 today and when it was last asked."""
    before = [each.s_sleep for each in history if each.s_sleep is not None]
    if sleep_today is None or not before:
        return False
    return sleep_today >= BAD_SLEEP and before[-1] >= BAD_SLEEP
