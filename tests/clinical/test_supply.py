"""When what a patient has at home runs out."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.clinical.supply import (
    HORIZON_DAYS,
    Received,
    Stock,
    Use,
    covers_step,
    stock_of,
    supply_warning,
    used_on,
)

DAY = date(2026, 11, 1)


def on(days):
    return DAY + timedelta(days=days)


def use(start, end, per_day):
    return Use(on(start), None if end is None else on(end), Decimal(per_day))


def got(day, quantity):
    return Received(on(day), Decimal(quantity))


def test_ten_days_of_one_a_day_run_out_on_the_eleventh():
    assert stock_of([got(0, 10)], [use(0, None, 1)], DAY) == Stock(Decimal(10), on(10))
    assert stock_of([got(0, 10)], [use(0, None, 1)], on(4)) == Stock(Decimal(6), on(10))


def test_a_lower_step_makes_it_last_longer():
    uses = [use(0, 9, 2), use(10, None, "1.5")]
    assert stock_of([got(0, 26)], uses, DAY).run_out_on == on(14)


def test_a_half_tablet_that_is_not_there_is_a_day_not_covered():
    assert stock_of([got(0, 2)], [use(0, None, "1.5")], DAY).run_out_on == on(1)


def test_what_is_enough_to_the_end_of_the_plan_does_not_run_out():
    assert stock_of([got(0, 10)], [use(0, 9, 1)], DAY).run_out_on is None


def test_a_product_that_was_never_handed_out_runs_out_when_it_is_first_needed():
    assert stock_of([], [use(20, None, 1)], DAY) == Stock(Decimal(0), on(20))
    assert stock_of([], [use(-20, None, 1)], DAY).run_out_on == DAY
    assert stock_of([], [], DAY).run_out_on is None


def test_stock_never_falls_below_nothing():
    uses = [use(0, None, 1)]
    assert stock_of([got(0, 5), got(9, 10)], uses, on(9)) == Stock(Decimal(10), on(19))


def test_what_is_handed_out_later_does_not_count_today():
    assert stock_of([got(5, 10)], [use(0, None, 1)], DAY).run_out_on == DAY


def test_the_end_of_the_horizon_is_no_run_out():
    assert stock_of([got(0, HORIZON_DAYS)], [use(0, None, 1)], DAY).run_out_on is None


@settings(max_examples=40)
@given(st.integers(0, 400), st.integers(1, 8), st.integers(0, 60))
def test_more_supply_never_runs_out_earlier(quantity, quarters, more):
    uses = [Use(DAY, None, Decimal(quarters) / 4)]
    less, enough = (
        stock_of([got(0, amount)], uses, DAY).run_out_on for amount in (quantity, quantity + more)
    )
    assert enough is None or (less is not None and enough >= less)


def test_two_uses_of_one_day_add_up():
    assert used_on([use(0, 3, 1), use(0, None, "0.5")], on(2)) == Decimal("1.5")


@pytest.mark.parametrize(
    ("days", "is_before_pickup", "rule_id"),
    [(8, False, None), (7, False, "W02_SUPPLY_7"), (4, True, "W02_SUPPLY_7"),
     (3, True, "U03_SUPPLY_3"), (0, False, "U03_SUPPLY_3"), (-2, False, "U03_SUPPLY_3"),
     (8, True, "SUPPLY_GAP"), (300, True, "SUPPLY_GAP")],
)  # fmt: skip
def test_a_known_gap_is_told_at_once_and_the_end_as_a_check_in_would(
    days, is_before_pickup, rule_id
):
    rule = supply_warning(days, is_before_pickup=is_before_pickup)
    assert (rule.rule_id if rule else None) == rule_id


@pytest.mark.parametrize(
    ("run_out", "step_end", "covered"),
    [(None, None, True), (on(30), None, False), (on(21), on(13), True), (on(20), on(13), False)],
)
def test_supply_covers_the_step_and_a_week(run_out, step_end, covered):
    assert covers_step(run_out, step_end) is covered
