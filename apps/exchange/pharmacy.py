"""What a pharmacy hands out for a plan: one line per step and product. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

from apps.exchange.words import sig
from apps.tapers.schedule import Schedule, ScheduleStep
from apps.tapers.tablets import Portion

# [proposal] A dose without an end is handed out for four weeks, the longest interval (C-03).
OPEN_DAYS: Final = 28


@dataclass(frozen=True, slots=True)
class SupplyLine:
    """One product for the days of one step. `used` counts pieces or millilitres."""

    step: int
    first: date
    last: date
    goes_on: bool
    product: str
    sig: str
    unit: str
    per_day: Decimal
    used: Decimal

    @property
    def days(self) -> int:
        """The days it is for."""
        return (self.last - self.first).days + 1

    @property
    def to_dispense(self) -> Decimal:
        """The same in whole pieces: nobody can hand out half a tablet. Millilitres stay."""
        if self.unit == "mL":
            return self.used
        return self.used.to_integral_value(rounding=ROUND_CEILING)


def supply_lines(schedule: Schedule) -> list[SupplyLine]:
    """Return the lines from today on; the step of today counts from today."""
    return [line for step in schedule.from_today for line in lines_of(step, schedule.day)]


def lines_of(step: ScheduleStep, today: date) -> Iterable[SupplyLine]:
    """Yield one line per product of a step, in the order of the day."""
    by_product: dict[str, list[tuple[str, Portion]]] = defaultdict(list)
    for slot in step.slots:
        for part in slot.portions:
            by_product[part.product].append((slot.slot, part))
    first = max(step.start_on, today)
    last = step.end_on or first + timedelta(days=OPEN_DAYS - 1)
    for product, doses in by_product.items():
        per_day = sum((part.quantity for _, part in doses), Decimal(0))
        yield SupplyLine(
            step=step.number,
            first=first,
            last=last,
            goes_on=step.end_on is None,
            product=product,
            sig=sig(doses),
            unit="mL" if "mg/mL" in product else "",
            per_day=per_day,
            used=per_day * ((last - first).days + 1),
        )


def totals(lines: Iterable[SupplyLine]) -> dict[str, Decimal]:
    """Return how much of each product the lines use together."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.product] += line.used
    return dict(sums)
