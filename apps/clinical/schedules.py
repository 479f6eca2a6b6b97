"""Published schedules, kept to check the engine against, not to prescribe from.

They are recalled from the Ashton Manual (2002) and checked for arithmetic only;
schedules 3 and the clonazepam one stop where recall ended. Re-read the manual
before showing one to a patient.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from apps.clinical.data import SCHEDULE_ROWS
from apps.clinical.equivalence import convert_mg
from apps.clinical.products import marketed_products
from apps.clinical.solver import Piece, formulary, solve_slot


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of a published schedule: pieces by time of day and drug, and its weeks."""

    number: int
    pieces: Mapping[tuple[str, str], tuple[Piece, ...]]
    weeks: str

    def mg(self, slot: str, drug_id: str) -> Decimal:
        """Return the milligrams of one drug at one time of day, summed from the pieces."""
        return sum((piece.mg for piece in self.pieces[slot, drug_id]), Decimal(0))

    @property
    def diazepam_mg(self) -> Fraction:
        """Return the day's dose as milligrams of diazepam, by Ashton's equivalents."""
        return sum(
            (
                convert_mg(self.mg(slot, drug), drug, "diazepam", "ashton")
                for slot, drug in self.pieces
            ),
            Fraction(0),
        )


def published_schedule(name: str) -> tuple[Stage, ...]:
    """Return the stages of ``SC01`` to ``SC04`` with every dose solved into pieces.

    Sources: Ashton Manual 2002, schedules 2, 1, 3 and clonazepam, in that order.
    """
    rows: dict[int, dict[tuple[str, str], tuple[Piece, ...]]] = {}
    weeks: dict[int, str] = {}
    for row in SCHEDULE_ROWS:
        if row["schedule"] == name:
            number = int(row["stage"])
            stock = formulary(marketed_products(row["drug_id"]))
            pieces = solve_slot(stock, stock.units(Decimal(row["mg"])))
            rows.setdefault(number, {})[row["slot"], row["drug_id"]] = pieces
            weeks[number] = row["weeks"]
    return tuple(
        Stage(number, MappingProxyType(pieces), weeks[number]) for number, pieces in rows.items()
    )
