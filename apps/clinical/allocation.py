"""Share a day's dose out over the times of day.

No time of day ever rises. Among the ways left, the best is the one with the
fewest measured liquids, then pieces, then changed times of day, then the split
closest to the one the patient began with.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from apps.clinical.solver import CHANGED_SLOT_COST, Costs, Formulary, slot_costs

Units = tuple[int, ...]
_Best = dict[int, tuple[int, int, Units]]


@lru_cache(maxsize=65536)
def allocate(
    stock: Formulary, previous: Units, total: int, start: Units, *, with_liquid: bool = True
) -> Units | None:
    """Return the units for each time of day that sum to ``total``, or None if none do.

    ``previous`` are the units of the step before, which no slot exceeds, and
    ``start`` those the taper began with. Slots stay within one cut of their
    share of ``start`` where that is possible, so that no time of day is emptied
    while another keeps its whole dose [proposal]; ASAM-31 warns of gaps.
    """
    costs = slot_costs(stock, max(previous), with_liquid=with_liquid)
    cut = sum(previous) - total
    even = _choose(costs, previous, total, start, _even_lows(previous, total, start, cut))
    return even or _choose(costs, previous, total, start, [0] * len(previous))


def totals_down_from(stock: Formulary, start: int, end: int, *, with_liquid: bool) -> Iterator[int]:
    """Yield the totals worth trying from ``start`` down to ``end``, both included.

    Solid doses only ever sum to multiples of their common part.
    """
    grid = 1 if with_liquid and stock.liquids else stock.solid_grid
    if grid:
        yield from range(start - start % grid, end - 1, -grid)
    elif end <= 0 <= start:
        yield 0


def _even_lows(previous: Units, total: int, start: Units, cut: int) -> list[int]:
    whole = sum(start)
    return [
        min(before, max(0, -(-share * total // whole) - cut))
        for before, share in zip(previous, start, strict=True)
    ]


def _choose(
    costs: Costs, previous: Units, total: int, start: Units, lows: Sequence[int]
) -> Units | None:
    """Combine the slots one by one, keeping the best way to reach each partial sum."""
    whole = sum(start)
    room = sum(previous) - total
    best: _Best = {0: (0, 0, ())}
    last = len(previous) - 1
    for slot, before in enumerate(previous):
        share = start[slot] * total
        options = []
        for units in range(max(lows[slot], before - room), before + 1):
            cost = costs[units]
            if cost is not None:
                changed = CHANGED_SLOT_COST if units != before else 0
                options.append((before - units, cost + changed, (units * whole - share) ** 2))
        best = _extend(best, options, room, only_full=slot == last)
    found = best.get(room)
    if found is None:
        return None
    return tuple(before + change for before, change in zip(previous, found[2], strict=True))


def _extend(
    best: _Best, options: Sequence[tuple[int, int, int]], room: int, *, only_full: bool
) -> _Best:
    longer: _Best = {}
    for done, (cost, uneven, changes) in best.items():
        for cut, more_cost, more_uneven in options:
            reached = done + cut
            if reached > room or (only_full and reached != room):
                continue
            # Earlier times of day give way first: the night dose goes last (SC01).
            offer = (cost + more_cost, uneven + more_uneven, (*changes, -cut))
            known = longer.get(reached)
            if known is None or offer < known:
                longer[reached] = offer
    return longer
