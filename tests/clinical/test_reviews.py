"""How often risks and benefits are weighed."""

from datetime import date

import pytest

from apps.clinical.reviews import ReviewError, next_review_on, review_interval


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
