"""How symptoms move: pure functions over scores already fetched."""

from collections.abc import Iterable
from datetime import timedelta
from statistics import median
from typing import Final

BEFORE: Final = timedelta(days=14)  # what the symptoms since a step are compared with
# [proposal] A change of the typical score, of 40, that is worth a word.
WORTH_A_WORD: Final = 3


def typical_score(scores: Iterable[int | None]) -> float | None:
    """Return the median of the scores that are known, None without any."""
    known = [score for score in scores if score is not None]
    return float(median(known)) if known else None


def trend_of(now: float | None, before: float | None) -> str:
    """Return `worse`, `better` or `same`; nothing without both."""
    if now is None or before is None:
        return ""
    change = now - before
    return "worse" if change >= WORTH_A_WORD else "better" if change <= -WORTH_A_WORD else "same"
