"""What a taper is made of: what is asked for, the steps, and the totals.

Only shapes live here. How a plan is built is in ``taper.py``, how it is changed
later in ``replan.py``, how it is written as JSON in ``requests.py``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from apps.clinical.doses import plain
from apps.clinical.errors import RequestError, shown
from apps.clinical.findings import Finding
from apps.clinical.methods import Custom, Method, Switch, Taper
from apps.clinical.pace import LOW_DOSE_FLOOR_MG, Verdict
from apps.clinical.products import Product, marketed_products
from apps.clinical.solver import Formulary, Piece, formulary

# The times of day a dose may have, in the order of the day; up to four of them.
SLOT_ORDER = ("morning", "noon", "midday", "afternoon", "evening", "bedtime", "night")
MAX_SLOTS = 4
DEFAULT_INTERVAL_DAYS = 14  # C-03, ASAM-08.
MIN_INTERVAL_DAYS, MAX_INTERVAL_DAYS = 7, 28  # C-03.

SlotPieces = tuple[tuple[str, tuple[Piece, ...]], ...]


@dataclass(frozen=True, slots=True)
class TakenBefore:
    """A day's milligrams by drug that were taken before a plan, up to and with ``last_on``."""

    doses: tuple[tuple[str, Decimal], ...]
    last_on: date


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Everything a plan follows from; the same request always gives the same plan.

    ``slots`` are the present milligrams at each time of day, ``goal_mg`` the
    daily milligrams to end at, of the drug the plan ends on. ``products`` is
    the stock, for both drugs of a switch; a drug without any there is taken
    from the marketed list. ``confirmed`` lets a dose ten times the usual pass,
    ``short_use`` says the drug was taken for under 3 months (ASAM-10), and
    ``low_dose_floor_mg`` is the clinic's setting for C-01, which may only be
    stricter than the rule's own 5 mg. ``earlier_drugs`` is filled in when a plan
    changes course after a switch: for each drug taken before, the milligrams of
    ``drug_id`` that count as 1 mg of it. ``before`` is what was taken in the days before the
    plan, by another plan or by the intake: the pace looks back at it.
    """

    drug_id: str
    slots: tuple[tuple[str, Decimal], ...]
    method: Method
    start_on: date
    interval_days: int = DEFAULT_INTERVAL_DAYS
    goal_mg: Decimal = Decimal(0)
    products: tuple[Product, ...] = ()
    confirmed: bool = False
    short_use: bool = False
    low_dose_floor_mg: Decimal = Decimal(int(LOW_DOSE_FLOOR_MG))
    earlier_drugs: tuple[tuple[str, Fraction], ...] = ()
    before: tuple[TakenBefore, ...] = ()

    def __post_init__(self) -> None:
        """Refuse, with RequestError, what no plan can be made of, wherever it was typed."""
        names = [name for name, _ in self.slots]
        if not 1 <= len(names) <= MAX_SLOTS or len(set(names)) != len(names):
            raise RequestError(f"slots: takes 1 to {MAX_SLOTS} times of day with their doses.")
        if any(mg < 0 for _, mg in self.slots) or not self.daily_mg:
            raise RequestError("slots: takes a dose above zero.")
        check_whole("interval_days", self.interval_days, MIN_INTERVAL_DAYS, MAX_INTERVAL_DAYS)
        if self.goal_mg < 0:
            raise RequestError("goal_mg: takes zero or more milligrams.")
        if not 0 <= self.low_dose_floor_mg <= LOW_DOSE_FLOOR_MG:
            raise RequestError(
                f"low_dose_floor_mg: takes 0 to {LOW_DOSE_FLOOR_MG} mg diazepam-equivalent (C-01), "
                f"not {plain(self.low_dose_floor_mg)} mg."
            )
        taper = self.taper
        if isinstance(taper, Custom) and taper.daily_mg[-1] < self.goal_mg:
            raise RequestError(
                f"goal_mg: takes no more than the last typed dose, {plain(taper.daily_mg[-1])} mg; "
                "for another goal type another list."
            )
        if isinstance(self.method, Switch):
            self._check_switch(self.method)

    def _check_switch(self, method: Switch) -> None:
        if method.to_drug == self.drug_id:
            raise RequestError(
                f"method.to_drug: takes another drug than the present {self.drug_id}."
            )
        if not method.to_slots:
            return
        # Half a list would leave the rest to the source, and nobody typed their sum.
        wanted = [name for name, mg in self.slots if mg]
        typed = [name for name, _ in method.to_slots]
        for name in typed:
            if name not in wanted:
                raise RequestError(
                    f"method.to_slots.{name}: is no time of day of this plan; "
                    f"it takes {', '.join(wanted)}."
                )
        for name in wanted:
            if name not in typed:
                raise RequestError(
                    f"method.to_slots.{name}: is missing; type the dose for every time of day, "
                    "or none."
                )

    @property
    def daily_mg(self) -> Decimal:
        """Return the present milligrams a day."""
        return sum((mg for _, mg in self.slots), Decimal(0))

    @property
    def final_drug_id(self) -> str:
        """Return the drug the plan ends on."""
        return self.method.to_drug if isinstance(self.method, Switch) else self.drug_id

    @property
    def taper(self) -> Taper:
        """Return the method that lowers the dose, after the switch where there is one."""
        return self.method.then if isinstance(self.method, Switch) else self.method

    @property
    def taper_field(self) -> str:
        """Return where that method was typed, to name it in a sentence."""
        return "method.then" if isinstance(self.method, Switch) else "method"

    def stock(self, drug_id: str) -> Formulary:
        """Return what can be handed out of a drug, ready to solve with."""
        own = tuple(product for product in self.products if product.drug_id == drug_id)
        return formulary(own or marketed_products(drug_id))


@dataclass(frozen=True, slots=True)
class Draft:
    """A step before it is checked: from when, what, and what the method asked for.

    ``by_drug`` follows from ``slots``; it is kept because every check needs it.
    """

    start_on: date
    slots: SlotPieces
    target_mg: Fraction | None = None
    reason: str = ""
    by_drug: Mapping[str, Decimal] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_drug", milligrams_by_drug(self.slots))


@dataclass(frozen=True, slots=True)
class Step:
    """A dose for some days, as it is printed.

    ``daily_mg`` is the sum of the milligrams of every piece in ``slots``. While
    a switch runs it adds milligrams of two drugs, so compare steps by
    ``cut_pct``, which uses the diazepam equivalent; ``by_drug`` has each drug's
    own milligrams. ``end_on`` is the last day, None for the last step. ``cut_pct`` is
    against the step before, ``fall_14d_pct`` against the highest dose in force
    in the 14 days before. ``target_mg`` is what the method asked for, before
    rounding to what can be made, to four decimals; ``reason`` is what a
    prescriber wrote for a step back.
    """

    number: int
    start_on: date
    end_on: date | None
    daily_mg: Decimal
    slots: Mapping[str, tuple[Piece, ...]]
    cut_pct: Decimal
    fall_14d_pct: Decimal
    verdict: Verdict
    by_drug: Mapping[str, Decimal]
    target_mg: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Total:
    """How much of one product a plan uses, over all steps with an end.

    ``quantity`` counts pieces, or millilitres of a liquid.
    """

    product: Product
    quantity: Decimal
    mg: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule with everything a reader must know about it.

    ``method_from`` is the number of the step whose dose the method counts as
    its start; ``held`` says that no further step is planned until it is resumed,
    ``stopped`` that somebody ended the taper at its last dose.
    """

    request: PlanRequest
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    totals: tuple[Total, ...]
    method_from: int = 1
    held: bool = False
    stopped: bool = False

    def step_on(self, day: date) -> Step | None:
        """Return the step in force on a day, None before the plan begins."""
        started = [step for step in self.steps if step.start_on <= day]
        return started[-1] if started else None


def check_whole(field: str, value: object, low: int, high: int) -> int:
    """Return a whole number from ``low`` to ``high``; raises RequestError, naming ``field``."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RequestError(
            f"{field}: takes a whole number from {low} to {high}, not {shown(value)}."
        )
    return value


def milligrams_by_drug(slots: Iterable[tuple[str, tuple[Piece, ...]]]) -> Mapping[str, Decimal]:
    """Return the milligrams of each drug in a day's pieces."""
    sums: dict[str, Decimal] = {}
    for _, pieces in slots:
        for piece in pieces:
            drug_id = piece.product.drug_id
            sums[drug_id] = sums.get(drug_id, Decimal(0)) + piece.mg
    return MappingProxyType(sums)


def totals_of(steps: Iterable[Step]) -> tuple[Total, ...]:
    """Return what the steps use of each product, in the order first needed.

    A step without an end counts for nothing: nobody knows its days.
    """
    # Slots share their pieces between steps, so days are counted before anything is added up.
    days_of: dict[int, int] = {}
    pieces_of: dict[int, tuple[Piece, ...]] = {}
    for step in steps:
        if step.end_on is not None:
            days = (step.end_on - step.start_on).days + 1
            for pieces in step.slots.values():
                pieces_of[id(pieces)] = pieces
                days_of[id(pieces)] = days_of.get(id(pieces), 0) + days
    quantities: dict[Product, Decimal] = {}
    for key, pieces in pieces_of.items():
        for piece in pieces:
            before = quantities.get(piece.product, Decimal(0))
            quantities[piece.product] = before + piece.quantity * days_of[key]
    return tuple(
        Total(product, quantity, product.strength_mg * quantity)
        for product, quantity in quantities.items()
    )
