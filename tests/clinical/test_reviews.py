"""How often risks and benefits are weighed."""

from datetime import date

import pytest

from apps.clinical.reviews import (
    ReviewError,
    next_review_on,
    renewal_to_review,
    renewal_words,
    review_due_on,
    review_interval,
)


def test_the_usual_interval_is_the_guidelines():
    interval = review_interval(False, False)
    assert (interval.days, interval.because) == (90, ())
    assert next_review_on(date(2026, 1, 1), interval) == date(2026, 4, 1)


@pytest.mark.parametrize(
    ("opioid", "substance", "words"),
    [(True, False, "ASAM-22"), (False, True, "ASAM-24"), (None, False, "opioids were not asked"),
     (False, None, "substance use was not asked")],
)  # fmt: skip
def test_opioids_substances_and_not_having_asked_shorten_it(opioid, substance, words):
    interval = review_interval(opioid, substance)
    assert interval.days == 30
    assert len(interval.because) == 1
    assert words in interval.because[0]


def test_a_clinic_may_set_less():
    assert review_interval(False, False, usual_days=60).days == 60
    assert review_interval(True, True, usual_days=60, strict_days=14).days == 14


@pytest.mark.parametrize(("usual", "strict"), [(91, 30), (90, 0), (20, 30)])
def test_a_clinic_may_not_set_more(usual, strict):
    with pytest.raises(ReviewError):
        review_interval(False, False, usual_days=usual, strict_days=strict)


LAST, BY_DAYS = date(2026, 11, 1), date(2027, 1, 30)


@pytest.mark.parametrize(
    ("renewals", "first", "due"),
    [
        ([], None, BY_DAYS),  # nothing is known to be renewed: the days alone count
        ([date(2026, 10, 20), LAST], None, BY_DAYS),  # handed out before, and on that day
        ([date(2026, 11, 8)], None, BY_DAYS),  # prepared by the review a week before it
        ([date(2026, 11, 9)], date(2026, 11, 9), date(2026, 11, 9)),
        # One that passed without a review stays owed, whatever was renewed after it.
        ([date(2026, 12, 27), date(2026, 11, 29)], date(2026, 11, 29), date(2026, 11, 29)),
        ([date(2027, 2, 20)], date(2027, 2, 20), BY_DAYS),  # 90 days are the longest
    ],
)
def test_a_review_is_due_with_the_renewal_or_by_its_days_whichever_is_sooner(renewals, first, due):
    assert renewal_to_review(LAST, renewals) == first
    assert review_due_on(BY_DAYS, first) == due


@pytest.mark.parametrize(
    ("opioid", "source"), [(True, "(ASAM-01 and ASAM-22)"), (False, "(ASAM-01)"), (None, "-01)")]
)
def test_a_renewal_says_who_asks_for_its_review(opioid, source):
    words = renewal_words(opioid, date(2026, 12, 3))
    assert words.startswith("the medicine is renewed on 3 Dec 2026")
    assert words.endswith(source)
