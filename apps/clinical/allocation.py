"""Share a day's dose out over the times of day.

No time of day ever rises. Among the ways left, the best is the one with the
fewest measured liquids, then pieces, then changed times of day, then the split
closest to the one the patient began with.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter

from apps.clinical.solver import CHANGED_SLOT_COST, Formulary, slot_costs

Units = tuple[int, ...]
# Leaves room below the cost of pieces for how uneven the split is, as a square.
UNEVEN_LIMIT = 2**40

# What one slot may become: the cut, and what that costs.
_Options = Sequence[tuple[int, int]]


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
    for lows in (_even_lows(previous, total, start), [0] * len(previous)):
        found = _Split(stock, previous, total, start, lows, with_liquid).best()
        if found is not None:
            return found
    return None


def totals_down_from(stock: Formulary, start: int, end: int, *, with_liquid: bool) -> Iterator[int]:
    """Yield the totals worth trying from ``start`` down to ``end``, both included.

    Solid doses only ever sum to multiples of their common part.
    """
    grid = 1 if with_liquid and stock.liquids else stock.solid_grid
    if grid:
        yield from range(start - start % grid, end - 1, -grid)
    elif end <= 0 <= start:
        yield 0


def _even_lows(previous: Units, total: int, start: Units) -> list[int]:
    whole, cut = sum(start), sum(previous) - total
    return [
        min(before, max(0, -(-share * total // whole) - cut))
        for before, share in zip(previous, start, strict=True)
    ]


class _Split:
    """One search: the options of every slot, first without liquids, then with."""

    def __init__(
        self,
        stock: Formulary,
        previous: Units,
        total: int,
        start: Units,
        lows: Sequence[int],
        with_liquid: bool,
    ) -> None:
        self.stock = stock
        self.previous = previous
        self.room = sum(previous) - total
        self.with_liquid = with_liquid and bool(stock.liquids)
        self.lows = lows
        whole = sum(start)
        self.shares = [units * total // whole for units in start]

    def best(self) -> Units | None:
        """Return the best split, trying no liquid, one, then any number of them.

        A liquid costs more than all else together, so the first that succeeds
        is the best of all; and with few liquids there is little to search.
        """
        solid = self._options(with_liquid=False)
        found = _combine(solid, self.room)
        if found is None and self.with_liquid:
            mixed = self._options(with_liquid=True)
            slots = range(len(self.previous))
            one_liquid = (
                [mixed[slot] if slot == liquid else solid[slot] for slot in slots]
                for liquid in slots
            )
            answers = [answer for options in one_liquid if (answer := _combine(options, self.room))]
            found = min(answers, key=itemgetter(0), default=None) or _combine(mixed, self.room)
        if found is None:
            return None
        return tuple(before - cut for before, cut in zip(self.previous, found[1], strict=True))

    def _options(self, *, with_liquid: bool) -> list[_Options]:
        """Return, per slot, every cut that can be made and its cost, smallest cut first."""
        costs = slot_costs(self.stock, max(self.previous), with_liquid=with_liquid)
        # Solid doses are multiples of their grid; without solids only nothing is left.
        grid = 1 if with_liquid else self.stock.solid_grid or max(self.previous) + 1
        every: list[_Options] = []
        for before, low, share in zip(self.previous, self.lows, self.shares, strict=True):
            options = []
            for units in range(before - before % grid, max(low, before - self.room) - 1, -grid):
                cost = costs[units]
                if cost is not None:
                    changed = CHANGED_SLOT_COST if units != before else 0
                    # MAX_UNITS keeps the sum of these squares far below UNEVEN_LIMIT.
                    uneven = (units - share) ** 2
                    options.append((before - units, (cost + changed) * UNEVEN_LIMIT + uneven))
            every.append(options)
        return every


def _combine(every: Sequence[_Options], room: int) -> tuple[int, Units] | None:
    """Return the cheapest cuts, one per slot, that sum to ``room``, with their cost.

    Slots are joined from the last to the first, so that among equals the
    earlier times of day give way and the night dose stays longest (SC01).
    """
    rest = dict(every[-1])
    chosen: list[dict[int, int]] = []
    for options in reversed(every[1:-1]):
        rest, cuts = _join(options, rest, room)
        chosen.append(cuts)
    if len(every) == 1:
        return (rest[room], (room,)) if room in rest else None
    # The first slot takes exactly what the others leave.
    closing = [(cost + rest[room - cut], -cut) for cut, cost in every[0] if room - cut in rest]
    if not closing:
        return None
    cost, negative = min(closing)
    answer, left = [-negative], room + negative
    for cuts in reversed(chosen):
        answer.append(cuts[left])
        left -= cuts[left]
    return cost, (*answer, left)


def _join(
    options: _Options, rest: dict[int, int], room: int
) -> tuple[dict[int, int], dict[int, int]]:
    """Return the cheapest way to reach each sum with one slot more, and that slot's cut."""
    best: dict[int, int] = {}
    cuts: dict[int, int] = {}
    others = sorted(rest.items())
    for cut, cost in options:
        for done, more in others:
            reached = done + cut
            if reached > room:
                break
            known = best.get(reached)
            if known is None or cost + more <= known:
                best[reached] = cost + more
                cuts[reached] = cut
    return best, cuts
