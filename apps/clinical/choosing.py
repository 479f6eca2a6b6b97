"""Choose the dose of the next step among those the products can make.

A method asks for an exact dose; this picks the one to print. Exact where it can
be made, else the nearest lower one that keeps the pace legal, never above the
step before, and never silently when nothing fits.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from apps.clinical.allocation import Units, allocate, totals_down_from
from apps.clinical.pace import Amount, is_legal
from apps.clinical.solver import Formulary

# [proposal] Tablets are kept until rounding down to one would cut more than one
# and a half times what was asked; from then on a measured liquid is used
# ("liquid late phase"). Measuring every dose from the first day would be exact
# and would not be done.
TABLETS_WHILE_CUT_AT_MOST = Fraction(3, 2)


class Fit(StrEnum):
    """How the chosen dose relates to the one asked for."""

    EXACT = "exact"
    BELOW = "below"
    ABOVE = "above"
    COARSE = "coarse"


@dataclass(frozen=True, slots=True)
class Choice:
    """The units for each time of day, and how they fit what was asked."""

    slots: Units
    fit: Fit


@dataclass(frozen=True, slots=True)
class Wish:
    """What the next step starts from and what is asked of it, in units of the stock.

    ``previous`` are the slots now and ``start`` those the method began with,
    ``asked`` the exact total wanted, ``goal`` the least total allowed,
    ``reference`` the highest total in force in the 14 days before.
    ``typed`` says a person chose the milligrams, so an exact dose goes before
    an easy one; ``own`` that a person typed this very dose; ``liquid_begun``
    that the patient measures already.
    """

    stock: Formulary
    previous: Units
    start: Units
    asked: Fraction
    goal: int
    reference: Amount
    dze_per_unit: Fraction | None
    low_dose_floor_mg: Fraction
    typed: bool
    own: bool
    liquid_begun: bool


def choose(wish: Wish) -> Choice | None:
    """Return the dose to print, or None when none lies between the goal and now.

    ``Fit.COARSE`` says the products ran out of resolution: the dose is the next
    lower one there is, and it breaks the pace limit though the one asked for
    would not have.
    """
    whole = sum(wish.previous)
    if wish.own:
        return _as_typed(wish, whole)
    if not _legal(wish, wish.asked):
        return _asked_too_fast(wish, whole)
    top = min(math.floor(wish.asked), whole - 1)
    return (
        _tablets(wish, top, whole)
        or _first(wish, _down(wish, top, wish.goal), legal=True)
        or _first(wish, _up(wish, top + 1, whole), legal=True)
        or _coarse(wish, whole)
    )


def _as_typed(wish: Wish, whole: int) -> Choice:
    """Return the dose a person typed, or the nearest lower one that is handed out.

    A dose typed above zero never becomes none: where nothing lies below it, it is the
    smallest dose there is above it, or the dose before goes on.
    """
    top = min(math.floor(wish.asked), whole - 1)
    least = 1 if wish.asked else 0
    solid = totals_down_from(wish.stock, top, top, with_liquid=False)
    below = totals_down_from(wish.stock, top, least, with_liquid=True)
    choice = _first(wish, solid, legal=False, with_liquid=False)
    if choice is None or choice.fit is not Fit.EXACT:
        choice = _first(wish, below, legal=False)
    if choice is None:
        above = reversed(list(totals_down_from(wish.stock, whole - 1, top + 1, with_liquid=True)))
        return _first(wish, above, legal=False) or Choice(wish.previous, Fit.ABOVE)
    if _legal(wish, wish.asked) and not _legal(wish, sum(choice.slots)):
        return Choice(choice.slots, Fit.COARSE)
    return choice


def nearest_total_above(wish: Wish) -> int:
    """Return the lowest total above the one asked for that can be made; at most the present one."""
    above = _first(wish, _up(wish, math.floor(wish.asked) + 1, sum(wish.previous)), legal=False)
    return sum(above.slots) if above else sum(wish.previous)


def _tablets(wish: Wish, top: int, whole: int) -> Choice | None:
    """Return the nearest lower dose of solids alone, where it is near enough."""
    if wish.liquid_begun:
        return None
    downward = totals_down_from(wish.stock, top, wish.goal, with_liquid=False)
    choice = _first(wish, downward, legal=True, with_liquid=False)
    if choice is None or choice.fit is Fit.EXACT or not wish.stock.liquids:
        return choice
    # The cut, over the cut asked for, in whole numbers.
    asked_cut = whole * wish.asked.denominator - wish.asked.numerator
    cut = (whole - sum(choice.slots)) * wish.asked.denominator
    near = cut * TABLETS_WHILE_CUT_AT_MOST.denominator <= (
        asked_cut * TABLETS_WHILE_CUT_AT_MOST.numerator
    )
    return choice if near and not wish.typed else None


def _asked_too_fast(wish: Wish, whole: int) -> Choice | None:
    """Do what was asked, or a little less: the pace check will stop it, not the tablets."""
    upward = _up(wish, math.ceil(wish.asked), whole)
    return _first(wish, upward, legal=False) or _first(
        wish, _down(wish, math.floor(wish.asked), wish.goal), legal=False
    )


def _coarse(wish: Wish, whole: int) -> Choice | None:
    choice = _first(wish, _down(wish, whole - 1, wish.goal), legal=False)
    return choice and Choice(choice.slots, Fit.COARSE)


def _down(wish: Wish, top: int, end: int) -> Iterator[int]:
    return totals_down_from(wish.stock, top, max(end, wish.goal), with_liquid=True)


def _up(wish: Wish, start: int, whole: int) -> Iterator[int]:
    return reversed(list(_down(wish, whole - 1, start)))


def _first(
    wish: Wish, totals: Iterable[int], *, legal: bool, with_liquid: bool = True
) -> Choice | None:
    """Return the first total that can be shared out over the times of day."""
    for total in totals:
        if legal and not _legal(wish, total):
            return None  # Totals further on are no slower, and the wish itself was legal.
        slots = allocate(wish.stock, wish.previous, total, wish.start, with_liquid=with_liquid)
        if slots is not None:
            return Choice(slots, _fit(wish, total))
    return None


def _legal(wish: Wish, total: Amount) -> bool:
    return is_legal(
        total, sum(wish.previous), wish.reference, wish.dze_per_unit, wish.low_dose_floor_mg
    )


def _fit(wish: Wish, total: int) -> Fit:
    if total == wish.asked:
        return Fit.EXACT
    return Fit.BELOW if total < wish.asked else Fit.ABOVE
