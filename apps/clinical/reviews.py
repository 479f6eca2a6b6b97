"""How often risks and benefits of continued prescribing are weighed.

Sources: ASAM-01 (at least every 90 days, and at each new prescription or renewal), ASAM-22
(the same with an opioid, whichever is more frequent), ASAM-24 (substance use disorder: more
often), rule W16 (a stricter clinic value).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from apps.clinical.errors import ClinicalError
from apps.clinical.profile import RB_REVIEW_DAYS
from apps.clinical.supply import TASK_DAYS

# [proposal] ASAM-22 asks for a review at every renewal with an opioid and ASAM-24 for more
# frequent ones with a substance use disorder, and neither names days. Thirty is the usual
# length of one prescription; a clinic sets its own, never above the guideline's 90.
STRICT_REVIEW_DAYS = 30

# [proposal] A renewal is prepared in the week before it (W02_SUPPLY_7: refill lead time), so a
# review held then is the review of that renewal. Pick-ups in small portions are one renewal.
RENEWAL_LEAD_DAYS = TASK_DAYS


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


def renewal_to_review(last_on: date, renewals: Iterable[date]) -> date | None:
    """Return the first renewal that the review of `last_on` has not weighed, None without any.

    A renewal that has passed without a review stays first: the review is still owed
    (ASAM-01, for everybody; ASAM-22 says it again of opioids).
    """
    weighed_until = last_on + timedelta(days=RENEWAL_LEAD_DAYS)
    return min((day for day in renewals if day > weighed_until), default=None)


def review_due_on(interval_on: date, renewal_on: date | None) -> date:
    """Return the day of the next review: by its interval or its renewal, whichever is sooner."""
    return interval_on if renewal_on is None else min(interval_on, renewal_on)


def renewal_words(opioid: bool | None, renewal_on: date) -> str:
    """Return why a review falls on a renewal, with who asks for it."""
    source = "ASAM-01 and ASAM-22" if opioid else "ASAM-01"
    return f"the medicine is renewed on {renewal_on:%-d %b %Y} ({source})"


def _why(answer: bool | None, yes: str, not_asked: str) -> str:
    if answer is None:
        return not_asked
    return yes if answer else ""
