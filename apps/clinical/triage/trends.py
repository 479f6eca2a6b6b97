"""What the scores of several check-ins say together.

``scores`` are daily withdrawal scores, oldest first, today's last; None marks a
check-in whose score is not complete. No trend is seen when today has no score:
an old worsening must not fire again on a form that did not ask. Definitions:
triage.md section 3.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from apps.clinical.profile import CheckInSummary

Scores = Sequence[int | None]
Baseline = Decimal | int | None

BAD_SLEEP = 3
RISING_CHECKINS = 4
RISING_TOTAL = 5
MEAN_CHECKINS = 7


def rise_2of3(scores: Scores, baseline: Baseline, points: int) -> bool:
    """Tell whether 2 of the last 3 scores are ``points`` or more above baseline."""
    if baseline is None or scores[-1] is None:
        return False
    return sum(score is not None and score >= baseline + points for score in scores[-3:]) >= 2


def high_twice(scores: Scores, limit: int) -> bool:
    """Tell whether today's and the previous score both reach ``limit``."""
    last = scores[-2:]
    return len(last) == 2 and all(score is not None and score >= limit for score in last)


def rising(scores: Scores) -> bool:
    """Tell whether the last four scores strictly rise, by 5 or more in all."""
    last = [score for score in scores[-RISING_CHECKINS:] if score is not None]
    if len(last) < RISING_CHECKINS:
        return False
    return all(a < b for a, b in pairwise(last)) and last[-1] - last[0] >= RISING_TOTAL


def mean_above(scores: Scores, baseline: Baseline, points: int) -> bool:
    """Tell whether the mean of the last 7 scores is ``points`` above baseline.

    With fewer than seven check-ins the mean is over those there are. [proposal]
    """
    if baseline is None or scores[-1] is None:
        return False
    last = [score for score in scores[-MEAN_CHECKINS:] if score is not None]
    return sum(last) >= (baseline + points) * len(last)


def bad_sleep_twice(history: Sequence[CheckInSummary], sleep_today: int | None) -> bool:
    """Tell whether sleep was rated 3 or 4 today and at the previous check-in."""
    if sleep_today is None or not history or history[-1].s_sleep is None:
        return False
    return sleep_today >= BAD_SLEEP and history[-1].s_sleep >= BAD_SLEEP
