"""Turn a dose into tablets, parts and millilitres that sum to it exactly.

All arithmetic is in whole units of the finest amount the products share, so no
rounding can enter. The answer is the best one, not the first: fewest measured
liquids, then fewest pieces, then fewest slots changed from the step before.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import islice

from apps.clinical.doses import plain
from apps.clinical.errors import NotDispensableError, ProductError
from apps.clinical.products import HALF, QUARTER, WHOLE, Form, Product

# [proposal] One piece of work for the patient: a tablet, a part of one, or one
# filling of a 5 mL oral syringe, the usual size.
SYRINGE_ML = 5
# Costs add up, so the order of wishes is kept in one whole number: each weight
# is larger than everything below it can reach in one day.
LIQUID_COST = 10**12
PIECE_COST = 10**6
CHANGED_SLOT_COST = 10**5
SPLIT_COST = {WHOLE: 0, HALF: 10, QUARTER: 20}
ODT_COST = 1  # Between equals a plain tablet is cheaper and easier to get.
# [proposal] Guards against products whose strengths share no sensible unit.
MAX_UNITS = 20_000


Costs = Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Piece:
    """So much of one product at one time of day: ``quantity`` pieces, or mL of a liquid."""

    product: Product
    quantity: Decimal
    mg: Decimal


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing that can be picked up: a product, or a part of it, in units."""

    product: Product
    part: Decimal
    units: int
    cost: int


@dataclass(frozen=True, slots=True, eq=False)
class Formulary:
    """The products a dose may be made of, brought to one common unit.

    ``unit_mg`` is the largest amount that every product's smallest part is a
    whole number of; all doses below are counted in it. ``solid_grid`` is the
    units every solid dose is a multiple of, 0 without solids. Made only by
    ``formulary``, so equal stock is the same object and a quick key for caches.
    """

    products: tuple[Product, ...]
    unit_mg: Decimal
    solids: tuple[_Item, ...]
    liquids: tuple[_Item, ...]
    solid_grid: int

    def units(self, mg: Decimal) -> int:
        """Return the whole units in ``mg``; raises NotDispensableError for a part unit."""
        count = mg / self.unit_mg
        if count != count.to_integral_value():
            raise NotDispensableError(f"{plain(mg)} mg cannot be made from these products.")
        return int(count)

    def mg(self, units: int) -> Decimal:
        """Return the milligrams of a number of units."""
        return self.unit_mg * units


@lru_cache(maxsize=512)
def formulary(products: tuple[Product, ...]) -> Formulary:
    """Return the products brought to their common unit, ready to solve with.

    Raises ProductError when there is none or when their strengths are so odd
    that no sensible common unit exists.
    """
    if not products:
        raise ProductError("products: takes at least one product.")
    smallest = [Fraction(product.smallest_mg) for product in products]
    unit = _common_unit(smallest)
    unit_mg = Decimal(unit.numerator) / Decimal(unit.denominator)
    solids: list[_Item] = []
    liquids: list[_Item] = []
    for product in sorted(set(products), key=_by_preference):
        if product.is_liquid:
            liquids.append(_item(product, product.smallest_part, unit_mg))
        else:
            parts = [part for part in (WHOLE, HALF, QUARTER) if part >= product.smallest_part]
            solids.extend(_item(product, part, unit_mg) for part in parts)
    solids.sort(key=lambda item: (-item.units, item.cost))
    grid = math.gcd(*(item.units for item in solids)) if solids else 0
    return Formulary(products, unit_mg, tuple(solids), tuple(liquids), grid)


@lru_cache(maxsize=65536)
def solve_slot(stock: Formulary, units: int) -> tuple[Piece, ...]:
    """Return the best pieces for one time of day, summing exactly to ``units``.

    Fewest measured liquids (at most one), then fewest pieces, then fewest parts
    of tablets. Raises NotDispensableError when no combination gives the dose.
    """
    table = _table(stock, _room(units))
    if table.mixed_costs[units] is None:
        raise NotDispensableError(
            f"{plain(stock.mg(units))} mg cannot be made from these products."
        )
    quantities: dict[Product, Decimal] = {}
    solid = units
    if table.solid_costs[units] is None:
        solid, index = table.mixed_from[units]
        liquid = stock.liquids[index]
        quantities[liquid.product] = ((units - solid) // liquid.units) * liquid.part
    while solid:
        item = stock.solids[table.solid_last[solid]]
        quantities[item.product] = quantities.get(item.product, Decimal(0)) + item.part
        solid -= item.units
    order = sorted(quantities, key=lambda product: (product.is_liquid, -product.strength_mg))
    return tuple(
        Piece(product, quantities[product], product.strength_mg * quantities[product])
        for product in order
    )


def slot_costs(stock: Formulary, limit: int, *, with_liquid: bool = True) -> Costs:
    """Return the cost of the best pieces for every dose from 0 to at least ``limit``.

    None stands where a dose cannot be made. Costs compare as the weights at the
    top of the module say, and add up over the slots of a day.
    """
    table = _table(stock, _room(limit))
    return table.mixed_costs if with_liquid else table.solid_costs


def nearest_doses(stock: Formulary, mg: Decimal) -> tuple[Decimal, Decimal]:
    """Return the doses of one slot that can be made at or below and at or above ``mg``.

    Both are ``mg`` itself when it can be made exactly; the lower may be 0.
    """
    exact = Fraction(mg) / Fraction(stock.unit_mg)
    below, above = math.floor(exact), math.ceil(exact)
    coarsest = max(item.units for item in stock.solids + stock.liquids)
    costs = slot_costs(stock, above + coarsest)
    below = next(units for units in range(below, -1, -1) if costs[units] is not None)
    above = next(units for units in range(above, above + coarsest + 1) if costs[units] is not None)
    return stock.mg(below), stock.mg(above)


def _common_unit(amounts: Sequence[Fraction]) -> Fraction:
    denominator = math.lcm(*(amount.denominator for amount in amounts))
    numerators = (int(amount * denominator) for amount in amounts)
    return Fraction(math.gcd(*numerators), denominator)


def _by_preference(product: Product) -> tuple[bool, Decimal, Decimal, str]:
    # A weaker liquid is a larger volume, which is easier to measure. The rest only
    # keeps the order, and with it the answer, the same from run to run.
    return (
        product.form is not Form.TABLET,
        product.strength_mg,
        product.smallest_part,
        product.form.value,
    )


def _item(product: Product, part: Decimal, unit_mg: Decimal) -> _Item:
    units = int(product.strength_mg * part / unit_mg)
    split = 0 if product.is_liquid else SPLIT_COST[part]
    plain_form = product.form in (Form.TABLET, Form.LIQUID)
    return _Item(product, part, units, PIECE_COST + split + (0 if plain_form else ODT_COST))


def _room(units: int) -> int:
    """Round a size up, so that tables are shared between doses and plans."""
    if units > MAX_UNITS:
        raise ProductError("products: these strengths share no unit fine enough for this dose.")
    return 1 << max(6, units.bit_length())


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Best costs for every dose up to a size, and how each is put together."""

    solid_costs: Costs
    solid_last: Sequence[int]
    mixed_costs: Costs
    mixed_from: Mapping[int, tuple[int, int]]


@lru_cache(maxsize=256)
def _table(stock: Formulary, room: int) -> _Table:
    costs, last = _solid_table(stock.solids, stock.solid_grid, room)
    mixed = list(costs)
    mixed_from: dict[int, tuple[int, int]] = {}
    for index, liquid in enumerate(stock.liquids):
        _add_liquid(costs, liquid, index, mixed, mixed_from)
    return _Table(costs, last, mixed, mixed_from)


def _solid_table(items: Sequence[_Item], grid: int, room: int) -> tuple[Costs, Sequence[int]]:
    """Solve every solid dose from the ones below it: the last piece plus the best rest."""
    costs: list[int | None] = [0] + [None] * room
    last = [0] * (room + 1)
    sizes = [(index, item.units, item.cost) for index, item in enumerate(items)]
    # Between the multiples of the grid no solid dose exists.
    for units in range(grid, room + 1, grid) if grid else ():
        best: int | None = None
        for index, size, cost in sizes:
            before = costs[units - size] if size <= units else None
            if before is not None and (best is None or before + cost < best):
                best, last[units] = before + cost, index
        costs[units] = best
    return costs, last


def _add_liquid(
    solid: Costs,
    liquid: _Item,
    index: int,
    mixed: list[int | None],
    mixed_from: dict[int, tuple[int, int]],
) -> None:
    """Improve every dose that solids cannot make with one measured liquid.

    ``poured[units]`` is the cost and (negative, so that among equals more is in
    tablets and less in the syringe) solid part of the best answer that ends in
    this liquid. It either fills the last syringe from a solid dose within reach,
    or adds one full syringe to the answer a syringe earlier.
    """
    step = liquid.units
    syringe = step * int(SYRINGE_ML / liquid.part)
    poured: dict[int, tuple[int, int]] = {}
    windows: list[deque[tuple[int, int]]] = [deque() for _ in range(step)]
    for units in range(len(solid)):
        window = windows[units % step]
        while window and window[0][1] < units - syringe:
            window.popleft()
        options = [(cost + PIECE_COST, -start) for cost, start in islice(window, 1)]
        if units - syringe in poured:
            cost, less = poured[units - syringe]
            options.append((cost + PIECE_COST, less))
        if options:
            poured[units] = min(options)
            _keep_cheapest(mixed, mixed_from, solid, units, poured[units], index)
        here = solid[units]
        if here is not None:
            while window and window[-1][0] >= here + LIQUID_COST:
                window.pop()
            window.append((here + LIQUID_COST, units))


def _keep_cheapest(
    mixed: list[int | None],
    mixed_from: dict[int, tuple[int, int]],
    solid: Costs,
    units: int,
    offer: tuple[int, int],
    index: int,
) -> None:
    known = mixed[units]
    if solid[units] is None and (known is None or offer[0] < known):
        mixed[units] = offer[0]
        mixed_from[units] = (-offer[1], index)
