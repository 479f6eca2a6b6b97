"""Sharing a dose out: no time of day rises, and the best split wins."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.clinical.allocation import UNEVEN_LIMIT, allocate, totals_down_from
from apps.clinical.products import Form, Product, marketed_products
from apps.clinical.solver import CHANGED_SLOT_COST, formulary, slot_costs

TABLETS = formulary(
    tuple(item for item in marketed_products("diazepam") if item.form is Form.TABLET)
)
WITH_LIQUID = formulary(
    (
        Product("diazepam", Decimal(5), Form.TABLET, Decimal("0.5")),
        Product("diazepam", Decimal(1), Form.LIQUID, Decimal("0.5")),
    )
)
ONLY_LIQUID = formulary((Product("diazepam", Decimal(1), Form.LIQUID, Decimal("0.5")),))


def split(stock, previous, total, start=None, **options):
    """Return the milligrams of each slot for milligrams given."""
    found = allocate(
        stock,
        tuple(stock.units(Decimal(str(mg))) for mg in previous),
        stock.units(Decimal(str(total))),
        tuple(stock.units(Decimal(str(mg))) for mg in start or previous),
        **options,
    )
    return found and [float(stock.mg(units)) for units in found]


def brute_force(stock, previous, total, start):
    """Return the key of the best split, trying every one: liquids and pieces, changes, evenness."""
    costs = slot_costs(stock, max(previous))
    whole, cut = sum(start), sum(previous) - total

    def lowest(before, share):
        return min(before, max(0, -(-share * total // whole) - cut))

    keys = {True: [], False: []}
    for slots in itertools.product(*(range(before + 1) for before in previous)):
        if sum(slots) != total or any(costs[units] is None for units in slots):
            continue
        key = _key(costs, slots, previous, total, start)
        near = all(
            units >= lowest(before, share)
            for units, before, share in zip(slots, previous, start, strict=True)
        )
        keys[near].append(key)
    return min(keys[True] or keys[False], default=None)


def _key(costs, slots, previous, total, start):
    changed = sum(a != b for a, b in zip(slots, previous, strict=True))
    shares = [units * total // sum(start) for units in start]
    uneven = sum((units - share) ** 2 for units, share in zip(slots, shares, strict=True))
    cost = sum(costs[units] for units in slots) + changed * CHANGED_SLOT_COST
    return cost * UNEVEN_LIMIT + uneven


@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.parametrize(
    "stock", [TABLETS, WITH_LIQUID, ONLY_LIQUID], ids=["tablets", "both", "liquid"]
)
def test_the_split_is_as_good_as_any_that_brute_force_can_find(stock, data):
    possible = [units for units in range(25) if slot_costs(stock, 25)[units] is not None]
    slots = data.draw(st.integers(1, 3))
    previous = tuple(data.draw(st.sampled_from(possible)) for _ in range(slots))
    start = tuple(data.draw(st.integers(units, 30)) for units in previous)
    if not sum(start):
        return
    total = data.draw(st.integers(0, sum(previous)))
    found = allocate(stock, previous, total, start)
    best = brute_force(stock, previous, total, start)
    assert (found is None) == (best is None)
    if found is not None:
        assert sum(found) == total
        assert all(units <= before for units, before in zip(found, previous, strict=True))
        assert _key(slot_costs(stock, 30), found, previous, total, start) == best


def test_one_time_of_day_changes_where_one_is_enough():
    assert split(TABLETS, [20, 20], 36) == [16, 20]


def test_times_of_day_take_turns_so_that_none_is_emptied_early():
    doses = [[20, 20]]
    for total in (36, 32, 28, 24, 20):
        doses.append(split(TABLETS, doses[-1], total, [20, 20]))
    cut = 4
    assert all(min(slots) >= sum(slots) / 2 - cut for slots in doses)


def test_the_night_dose_goes_last():
    assert split(TABLETS, [1, 1], 1) == [0, 1]


def test_a_dose_the_times_of_day_cannot_sum_to_is_not_forced():
    whole = formulary((Product("diazepam", Decimal(5), Form.TABLET, Decimal(1)),))
    assert split(whole, [5, 5], 5) == [0, 5]
    mixed = formulary(
        tuple(Product("diazepam", Decimal(mg), Form.TABLET, Decimal(1)) for mg in ("4", "5"))
    )
    assert split(mixed, [5, 5], 8) == [4, 4]
    assert split(mixed, [5, 5], 6) is None


def test_a_slot_far_from_its_share_is_allowed_when_nothing_nearer_exists():
    whole = formulary((Product("diazepam", Decimal(10), Form.TABLET, Decimal(1)),))
    assert split(whole, [10, 10, 10], 10) == [0, 0, 10]


def test_a_liquid_is_poured_for_one_time_of_day_only_where_one_is_enough():
    assert split(WITH_LIQUID, [10, 10], "17.5", with_liquid=False) == [7.5, 10]
    assert split(WITH_LIQUID, [10, 10], 18, with_liquid=False) is None
    assert split(WITH_LIQUID, [10, 10], 18) == [8, 10]


def test_totals_worth_trying_follow_the_grid_of_the_products():
    whole = formulary((Product("diazepam", Decimal(5), Form.TABLET, Decimal("0.5")),))
    assert list(totals_down_from(whole, 4, 1, with_liquid=True)) == [4, 3, 2, 1]
    assert list(totals_down_from(WITH_LIQUID, 11, 0, with_liquid=False)) == [10, 5, 0]
    assert list(totals_down_from(ONLY_LIQUID, 3, 0, with_liquid=False)) == [0]
    assert list(totals_down_from(ONLY_LIQUID, 3, 1, with_liquid=False)) == []
