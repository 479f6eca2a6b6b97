"""The solver: exact sums, and the best answer rather than the first.

The proof of "best" is a brute force that tries every handful of pieces.
"""

from decimal import Decimal
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.clinical.errors import NotDispensableError, ProductError
from apps.clinical.products import Form, Product, marketed_products
from apps.clinical.solver import (
    formulary,
    nearest_doses,
    slot_costs,
    solve_slot,
)
from tests.clinical.plans import product as product_of

SYRINGE_ML = 5


def tablet(strength, part="1", drug="diazepam"):
    return Product(drug, Decimal(strength), Form.TABLET, Decimal(part))


def liquid(strength, mark="0.1", drug="diazepam"):
    return Product(drug, Decimal(strength), Form.LIQUID, Decimal(mark))


def odt(strength, drug="clonazepam"):
    return Product(drug, Decimal(strength), Form.ODT, Decimal(1))


STOCKS = {
    "halves": (tablet("5", "0.5"), tablet("2", "0.5"), tablet("10", "0.5")),
    "whole only": (tablet("2"), tablet("5")),
    "one tablet": (tablet("5", "0.5"),),
    "quarters": (tablet("10", "0.25"), tablet("5", "0.25")),
    "tablet and liquid": (tablet("5"), tablet("2", "0.5"), liquid("1", "0.5")),
    "two liquids": (tablet("10"), liquid("1", "1"), liquid("5", "0.2")),
    "liquid only": (liquid("1", "0.5"),),
    "greedy trap": (tablet("10"), tablet("6"), tablet("4")),
}


def brute_force(products, mg):
    """Return (measured liquids, pieces) of the best answer, trying everything.

    A whole, a half or a quarter is a piece; so is each started 5 mL of a liquid.
    """
    solids = sorted(
        {Fraction(item.strength_mg) * part for item in products for part in _parts(item)}
    )

    @cache
    def fewest(left):
        if left == 0:
            return 0
        counts = [fewest(left - size) for size in solids if size <= left]
        counts = [count for count in counts if count is not None]
        return 1 + min(counts) if counts else None

    alone = fewest(mg)
    if alone is not None:
        return 0, alone
    answers = []
    for item in products:
        if not item.is_liquid:
            continue
        mark_mg = Fraction(item.strength_mg * item.smallest_part)
        for marks in range(1, int(mg / mark_mg) + 1):
            rest = fewest(mg - marks * mark_mg)
            if rest is not None:
                syringes = -(-marks * Fraction(item.smallest_part) // SYRINGE_ML)
                answers.append((1, rest + syringes))
    return min(answers, default=None)


def _parts(item):
    if item.is_liquid:
        return ()
    return [
        part for part in (Fraction(1), Fraction(1, 2), Fraction(1, 4)) if part >= item.smallest_part
    ]


def count(pieces):
    liquids = sum(piece.product.is_liquid for piece in pieces)
    handled = 0
    for piece in pieces:
        if piece.product.is_liquid:
            handled += -(-Fraction(piece.quantity) // SYRINGE_ML)
            continue
        whole, rest = divmod(Fraction(piece.quantity), 1)
        handled += whole + {Fraction(0): 0, Fraction(3, 4): 2}.get(rest, 1)
    return liquids, handled


@pytest.mark.parametrize("name", STOCKS)
def test_every_dose_gets_the_fewest_pieces_that_brute_force_can_find(name):
    stock = formulary(STOCKS[name])
    for units in range(int(Decimal(25) / stock.unit_mg) + 1):
        best = brute_force(STOCKS[name], Fraction(stock.mg(units)))
        if best is None:
            assert slot_costs(stock, units)[units] is None
            with pytest.raises(NotDispensableError, match="cannot be made"):
                solve_slot(stock, units)
            continue
        pieces = solve_slot(stock, units)
        assert count(pieces) == best, f"{stock.mg(units)} mg"
        assert sum(piece.mg for piece in pieces) == stock.mg(units)


@st.composite
def odd_stocks(draw):
    strengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True))
    parts = [draw(st.sampled_from(["1", "0.5", "0.25"])) for _ in strengths]
    # Chlordiazepoxide-sized numbers are irrelevant here: any drug with a small unit will do.
    products = []
    for strength, part in zip(strengths, parts, strict=True):
        try:
            products.append(tablet(str(strength), part, drug="bromazepam"))
        except ProductError:
            products.append(tablet(str(strength), "1", drug="bromazepam"))
    if draw(st.booleans()):
        products.append(liquid(draw(st.sampled_from(["0.5", "1", "3"])), "0.5", "bromazepam"))
    return tuple(products)


@settings(max_examples=60)
@given(products=odd_stocks(), data=st.data())
def test_any_stock_gets_the_fewest_pieces(products, data):
    stock = formulary(products)
    units = data.draw(st.integers(0, int(Decimal(30) / stock.unit_mg)))
    best = brute_force(products, Fraction(stock.mg(units)))
    cost = slot_costs(stock, units)[units]
    assert (cost is None) == (best is None)
    if best is not None:
        pieces = solve_slot(stock, units)
        assert count(pieces) == best
        assert sum(piece.mg for piece in pieces) == stock.mg(units)


def test_a_greedy_choice_is_not_taken():
    pieces = solve_slot(
        formulary(STOCKS["greedy trap"]), formulary(STOCKS["greedy trap"]).units(Decimal(12))
    )
    assert [(str(piece.product.strength_mg), piece.quantity) for piece in pieces] == [("6", 2)]


def test_a_plain_tablet_goes_before_an_equal_disintegrating_one():
    stock = formulary((odt("0.5"), tablet("0.5", "0.5", "clonazepam")))
    assert solve_slot(stock, stock.units(Decimal("0.5")))[0].product.form is Form.TABLET


def test_a_whole_tablet_goes_before_two_halves_and_before_a_half_of_a_larger():
    stock = formulary((tablet("5", "0.5"), tablet("10", "0.5")))
    pieces = solve_slot(stock, stock.units(Decimal(5)))
    assert [(str(piece.product.strength_mg), piece.quantity) for piece in pieces] == [("5", 1)]


def test_a_liquid_is_used_only_where_tablets_cannot_make_the_dose():
    stock = formulary(marketed_products("diazepam"))
    assert not any(
        piece.product.is_liquid for piece in solve_slot(stock, stock.units(Decimal("9.5")))
    )
    pieces = solve_slot(stock, stock.units(Decimal("0.3")))
    assert [(piece.product.name, str(piece.quantity)) for piece in pieces] == [
        ("diazepam 1 mg/mL oral liquid", "0.3")
    ]


def test_among_equals_more_is_in_tablets_and_less_in_the_syringe():
    stock = formulary(marketed_products("diazepam"))
    pieces = solve_slot(stock, stock.units(Decimal("8.3")))
    assert [(piece.product.unit, str(piece.quantity)) for piece in pieces] == [
        ("tablet", "1"),
        ("mL", "3.3"),
    ]


def test_the_nearest_doses_below_and_above_are_named():
    stock = formulary(marketed_products("clonazepam"))
    assert nearest_doses(stock, Decimal("0.3")) == (Decimal("0.25"), Decimal("0.375"))
    assert nearest_doses(stock, Decimal("0.25")) == (Decimal("0.25"), Decimal("0.25"))
    assert nearest_doses(stock, Decimal("0.1")) == (Decimal(0), Decimal("0.125"))
    large = formulary((tablet("15", drug="flurazepam"),))
    assert nearest_doses(large, Decimal(1)) == (0, 15)


def test_no_dose_is_rounded_to_a_unit():
    with pytest.raises(NotDispensableError, match=r"0\.3 mg cannot be made"):
        formulary(marketed_products("clonazepam")).units(Decimal("0.3"))


def test_no_products_at_all_are_refused():
    with pytest.raises(ProductError, match="at least one product"):
        formulary(())


def test_strengths_that_share_no_sensible_unit_are_refused_rather_than_searched_for_ever():
    stock = formulary((tablet("0.0001", drug="bromazepam"), tablet("7", drug="bromazepam")))
    with pytest.raises(ProductError, match="share no unit"):
        solve_slot(stock, stock.units(Decimal(20)))


def test_nothing_needs_no_pieces():
    stock = formulary(marketed_products("diazepam"))
    assert solve_slot(stock, 0) == ()
    assert slot_costs(stock, 0)[0] == 0


def test_equal_stock_is_one_object_and_the_order_of_products_does_not_matter_for_the_answer():
    forward = formulary(marketed_products("diazepam"))
    assert forward is formulary(marketed_products("diazepam"))
    backward = formulary(tuple(reversed(marketed_products("diazepam"))))
    for units in range(0, 400, 7):
        assert solve_slot(forward, units) == solve_slot(backward, units)


def test_stock_of_one_strength_with_two_marks_is_taken_in_the_same_order_every_time():
    fine, coarse = (
        product_of("diazepam", "1", "liquid", "0.2"),
        product_of("diazepam", "1", "liquid", "0.5"),
    )
    for stock in ((fine, coarse), (coarse, fine)):
        assert [item.part for item in formulary(stock).liquids] == [
            fine.smallest_part,
            coarse.smallest_part,
        ]
