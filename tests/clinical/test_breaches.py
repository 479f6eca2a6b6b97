"""A fall that two people agreed to is known by its doses, its days and its size."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.clinical.breaches import breaches, not_agreed
from apps.clinical.methods import Custom
from tests.clinical.plans import START, plan_for

DOSES = (Decimal("1.375"), Decimal("0.875"), Decimal("0.5"), Decimal("0.25"))


@dataclass(frozen=True)
class Row:
    number: int
    start_on: date
    by_drug: dict[str, Decimal]
    fall_14d_pct: Decimal = Decimal("40.0")
    verdict: str = "block"


def rows(*doses: tuple[int, str], **fields):
    return [
        Row(number, START + timedelta(days=day), {"diazepam": Decimal(mg)}, **fields)
        for number, (day, mg) in enumerate(doses, start=1)
    ]


def at_every(days: int):
    return plan_for(
        "clonazepam", {"morning": "1", "night": "1"}, Custom(DOSES), interval_days=days,
        goal_mg="0.25",
    ).steps  # fmt: skip


def test_the_same_doses_in_a_week_are_other_falls_than_in_four_weeks():
    four_weeks, week = breaches(at_every(28)), breaches(at_every(7))
    assert [each.after for each in four_weeks] == [each.after for each in week]
    assert not_agreed(week, four_weeks) == week
    assert not_agreed(four_weeks, four_weeks) == ()


@pytest.mark.parametrize(
    ("asked", "is_known"),
    [
        (rows((0, "10"), (14, "6")), True),
        (rows((0, "10"), (28, "6")), True),  # longer at the dose before
        (rows((0, "10"), (13, "6")), False),
        (rows((0, "10"), (14, "5.5")), False),
        (rows((0, "11"), (14, "6")), False),
        (rows((0, "10"), (14, "6"), fall_14d_pct=Decimal("39.9")), True),
        (rows((0, "10"), (14, "6"), fall_14d_pct=Decimal("40.1")), False),
        ([*rows((0, "10")), *rows((0, "9"), (7, "10"), (14, "6"))[1:]], True),  # 10 goes on
    ],
)
def test_a_fall_is_known_only_when_nothing_of_it_is_worse(asked, is_known):
    agreed = breaches([replace(rows((0, "10"))[0], verdict="ok"), rows((0, "10"), (14, "6"))[1]])
    last = breaches(asked)[-1:]
    assert not_agreed(last, agreed) == (() if is_known else last)


@given(st.integers(7, 28), st.integers(7, 28))
def test_a_shorter_interval_is_never_covered_by_a_longer_one(agreed_days, asked_days):
    agreed, asked = breaches(at_every(agreed_days)), breaches(at_every(asked_days))
    left = not_agreed(asked, agreed)
    assert bool(left) == (asked_days < agreed_days)


def test_only_steps_to_come_are_asked_for():
    steps = at_every(7)
    assert [each.step for each in breaches(steps, after=2)] == [
        each.step for each in breaches(steps) if each.step > 2
    ]
