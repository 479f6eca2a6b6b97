"""How often risks and benefits of continued prescribing are weighed.

Sources: ASAM-01 (at least every 90 days), ASAM-22 (opioids: every renewal), ASAM-24
(substance use disorder: more often), rule W16 (a stricter clinic value).
"""

from dataclasses import dataclass
from datetime import date, timedelta

from apps.clinical.errors import ClinicalError
from apps.clinical.profile import RB_REVIEW_DAYS

# [proposal] ASAM-22 asks for a review at every renewal with an opioid and ASAM-24 for more
# frequent ones with a substance use disorder, and neither names days. Thirty is the usual
# length of one prescription; a clinic sets its own, never above the guideline's 90.
STRICT_REVIEW_DAYS = 30


class ReviewError(ClinicalError):
    """An interval the guideline does not allow."""


@dataclass(frozen=True, slots=True)
class ReviewInterval:
    """Days between two reviews, and why they are not the usual ones."""

    days: int
    because: tuple[str, ...]


def review_interval(
    opioid: bool | None,
    substance_use: bool | None,
    *,
    usual_days: int = RB_REVIEW_DAYS,
    strict_days: int = STRICT_REVIEW_DAYS,
) -> ReviewInterval:
    """Return the days from one risk-benefit review to the next.

    An opioid, or a substance use disorder, shortens it; so does not having asked,
    because not asked is never a no [proposal]. Raises ReviewError for an interval
    above 90 days and for a stricter one that is longer than the usual.
    """
    if not 1 <= strict_days <= usual_days <= RB_REVIEW_DAYS:
        raise ReviewError(
            f"The review interval takes 1 to {RB_REVIEW_DAYS} days, and the shorter one for "
            "opioids and substance use no more than the usual one."
        )
    because = tuple(
        words
        for words in (
            _why(opioid, "takes an opioid (ASAM-22)", "opioids were not asked about"),
            _why(
                substance_use,
                "has a substance use disorder (ASAM-24)",
                "substance use was not asked about",
            ),
        )
        if words
    )
    return ReviewInterval(strict_days if because else usual_days, because)


def next_review_on(last_on: date, interval: ReviewInterval) -> date:
    """Return the day on which the next review is due."""
    return last_on + timedelta(days=interval.days)


def _why(answer: bool | None, yes: str, not_asked: str) -> str:
    if answer is None:
        return not_asked
    return yes if answer else ""
