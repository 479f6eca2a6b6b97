"""The rules of the research export: nobody is told by fewer than five, and no day is true."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from random import SystemRandom
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.research.anonymity import (
    LEFT_OUT_DAYS,
    SHIFT_DAYS,
    WITHHELD,
    K,
    Moved,
    TooFewError,
    Traits,
    age_band,
    settle,
    wide_band,
    withhold_rare,
)

ages = st.integers(16, 100).map(age_band)
traits = st.builds(
    Traits,
    age=ages,
    sex=st.sampled_from(["female", "male", "other", "not asked"]),
    drug=st.sampled_from(["clonazepam", "diazepam", "zolpidem"]),
    indication=st.sampled_from(["insomnia", "panic disorder", "other", "not asked"]),
    risk=st.sampled_from(["low", "moderate", "high"]),
)
crowds = st.lists(traits, max_size=80).map(lambda found: dict(enumerate(found)))


@given(crowds)
def test_every_combination_that_is_told_is_shared_by_five(people: dict[int, Traits]) -> None:
    try:
        told = settle(people)
    except TooFewError:
        assert len(people) < K
        return
    assert min(Counter(told.values()).values()) >= K


@given(crowds)
def test_what_is_told_is_true_or_withheld(people: dict[int, Traits]) -> None:
    if len(people) < K:
        return
    for key, said in settle(people).items():
        true = people[key]
        assert said.age in (true.age, wide_band(true.age), WITHHELD)
        assert said.sex in (true.sex, WITHHELD)
        assert said.drug in (true.drug, WITHHELD)
        assert said.indication in (true.indication, WITHHELD)
        assert said.risk in (true.risk, WITHHELD)


def test_one_who_is_alone_among_many_alike_is_left_out() -> None:
    same = Traits("30 to 39", "female", "clonazepam", "insomnia", "low")
    odd = Traits("70 and over", "male", "zolpidem", "other", "high")
    told = settle({**dict.fromkeys(range(5), same), "odd": odd})
    assert set(told.values()) == {same}
    assert "odd" not in told


def test_the_one_at_high_risk_among_many_alike_is_not_known_by_it() -> None:
    """All else stays told: the risk is the first that is given up."""
    same = Traits("30 to 39", "female", "clonazepam", "insomnia", "low")
    odd = replace(same, risk="high")
    told = settle({**dict.fromkeys(range(K), same), "odd": odd, **dict.fromkeys("abcd", odd)})
    assert set(told.values()) == {same, odd}
    told = settle({**dict.fromkeys(range(K), same), "odd": odd})
    assert "odd" not in told, "alone, and nobody else was told without a risk"
    others = {f"moderate {number}": replace(same, risk="moderate") for number in range(K - 1)}
    told = settle({**dict.fromkeys(range(K), same), "odd": odd, **others})
    assert Counter(told.values()) == {same: K, replace(same, risk=WITHHELD): K}


def test_four_are_nobody() -> None:
    same = Traits("30 to 39", "female", "clonazepam", "insomnia", "low")
    with pytest.raises(TooFewError):
        settle(dict.fromkeys(range(4), same))


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abcde")), max_size=60))
def test_a_value_that_is_left_and_what_was_taken_out_are_each_of_five(pairs) -> None:
    rows: list[dict[str, Any]] = [{"person": who, "v": value} for who, value in pairs]
    withhold_rare(rows, "v")
    holders: dict[Any, set[int]] = {}
    for row in rows:
        holders.setdefault(row["v"], set()).add(row["person"])
    few = [value for value, people in holders.items() if len(people) < K]
    # Only where nothing else is left to hide behind.
    assert few == [] or (few == [WITHHELD] and set(holders) == {WITHHELD})


@given(st.dates(date(2020, 1, 1), date(2026, 1, 1)), st.integers(0, 900), st.integers(0, 2**32))
def test_days_between_stay_true_and_no_day_does(first: date, days: int, seed: int) -> None:
    moved = Moved.at_random(date(2028, 12, 1), SystemRandom(seed))
    second = first + timedelta(days=days)
    told = moved.told(first), moved.told(second)
    assert None not in told
    assert told[1] - told[0] == timedelta(days=days)
    assert (first - told[0]).days in SHIFT_DAYS


def test_the_newest_days_are_left_out() -> None:
    today = date(2026, 11, 23)
    ends = {Moved.at_random(today, SystemRandom()).last for _ in range(400)}
    assert {(today - end).days for end in ends} <= set(LEFT_OUT_DAYS)
    assert len(ends) > 20  # at random, not one day for all
    moved = Moved(timedelta(days=400), today)
    assert moved.told(today + timedelta(days=1)) is None
    assert moved.told(None) is None
