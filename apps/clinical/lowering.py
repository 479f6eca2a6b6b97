"""Lower one drug step by step until the goal, from wherever the patient stands.

Nothing here remembers a plan: every step follows from the doses now, the doses
of the last days and the method, so a plan can be taken up again from any day.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from apps.clinical.allocation import Units
from apps.clinical.choosing import Choice, Fit, Wish, choose, nearest_total_above
from apps.clinical.doses import MAX_DECIMALS, plain
from apps.clinical.drugs import Drug, get_drug, other_formulations
from apps.clinical.equivalence import floor_dze_per_mg
from apps.clinical.errors import NotDispensableError, RequestError
from apps.clinical.findings import Finding, Level, finding
from apps.clinical.methods import Custom, FixedMg, Position, points_of
from apps.clinical.pace import WINDOW_DAYS, Amount, percentage
from apps.clinical.plan import Draft, PlanRequest, SlotPieces
from apps.clinical.products import marketed_products
from apps.clinical.solver import Formulary, Piece, nearest_doses, solve_slot

# [proposal] Ten years of weekly steps; a method that needs more has a slip in it.
MAX_STEPS = 522
# How the drug list ends the id of an immediate-release formulation.
IMMEDIATE = "_ir"


@dataclass(frozen=True, slots=True)
class History:
    """The days on which doses began, and those doses in units of the final drug's stock.

    An earlier drug of a switch counts by its equivalent, so it may be a fraction.
    """

    days: tuple[date, ...]
    amounts: tuple[Amount, ...]

    def highest_before(self, day: date) -> Amount:
        """Return the highest dose in force during the 14 days before a day (ASAM-09)."""
        earliest = day - timedelta(days=WINDOW_DAYS)
        highest: Amount = 0
        end = day
        for start, amount in zip(reversed(self.days), reversed(self.amounts), strict=True):
            if end <= earliest:
                break
            highest, end = max(highest, amount), start
        return highest

    def then(self, day: date, amount: Amount) -> "History":
        """Return the history with one more dose."""
        return History((*self.days, day), (*self.amounts, amount))


@dataclass(frozen=True, slots=True)
class Leg:
    """One stretch of lowering: the stock, the doses it began with, where it goes.

    Milligrams and their diazepam equivalents are kept as fractions, made once.
    ``typed`` says a person chose the milligrams of each cut, ``own`` of each dose.
    """

    request: PlanRequest
    stock: Formulary
    names: tuple[str, ...]
    start: Units
    unit_mg: Fraction
    start_mg: Fraction
    goal_mg: Fraction
    goal_units: int
    dze_per_mg: Fraction | None
    dze_per_unit: Fraction | None
    low_dose_floor_mg: Fraction
    typed: bool
    own: bool


def begin_leg(request: PlanRequest, slots: SlotPieces) -> Leg:
    """Return the leg that starts from these doses of the final drug."""
    stock = request.stock(request.final_drug_id)
    unit = Fraction(stock.unit_mg)
    start = units_of(stock, slots)
    per_mg = floor_dze_per_mg(request.final_drug_id)
    goal = Fraction(request.goal_mg)
    return Leg(
        request=request,
        stock=stock,
        names=tuple(name for name, _ in slots),
        start=start,
        unit_mg=unit,
        start_mg=sum(start) * unit,
        goal_mg=goal,
        goal_units=math.ceil(goal / unit),  # Never below the goal.
        dze_per_mg=per_mg,
        dze_per_unit=None if per_mg is None else per_mg * unit,
        low_dose_floor_mg=Fraction(request.low_dose_floor_mg),
        typed=isinstance(request.taper, Custom | FixedMg),
        own=isinstance(request.taper, Custom),
    )


def units_of(stock: Formulary, slots: SlotPieces) -> Units:
    """Return each slot's dose in units of the stock."""
    return tuple(
        stock.units(sum((piece.mg for piece in pieces), Decimal(0))) for _, pieces in slots
    )


def at_times(names: Iterable[str], slots: SlotPieces) -> SlotPieces:
    """Return the pieces at each of these times of day: none where nothing is taken any more.

    A step that was stored and read again tells only the times at which something is taken.
    """
    taken = dict(slots)
    return tuple((name, taken.get(name, ())) for name in names)


def present_slots(request: PlanRequest) -> SlotPieces:
    """Return step 1: the present doses in pieces of the stock.

    Raises NotDispensableError, naming the nearest doses below and above, where
    a dose cannot be made exactly.
    """
    stock = request.stock(request.drug_id)
    return tuple((name, _pieces_for(stock, name, mg)) for name, mg in request.slots)


def lower(
    leg: Leg, last: Draft, history: History, next_on: date, number: int
) -> tuple[list[Draft], list[Finding]]:
    """Return the steps from ``next_on`` until the goal, and what to say about them.

    ``last`` is the dose in force, ``number`` the number of the first new step.
    Where the goal cannot be reached the last finding says why (rule GOAL).
    Raises RequestError for a method that would take longer than ten years.
    """
    units = units_of(leg.stock, at_times(leg.names, last.slots))
    liquid = _has_liquid(last)
    drafts: list[Draft] = []
    findings: list[Finding] = []
    for target in _targets(leg, units, lambda: units):  # noqa: B023
        if len(drafts) >= MAX_STEPS:
            raise RequestError("method: these cuts are so small that the plan takes over 10 years.")
        wish = _wish(leg, units, target, history.highest_before(next_on), liquid)
        choice = Choice(units, Fit.EXACT) if wish.asked >= sum(units) else choose(wish)
        if choice is None:
            break
        findings += _remarks(leg, wish, choice, number + len(drafts))
        units = choice.slots
        drafts.append(Draft(next_on, _in_pieces(leg, units), target))
        liquid = liquid or (bool(leg.stock.liquids) and _has_liquid(drafts[-1]))
        history = history.then(next_on, sum(units))
        next_on += timedelta(days=leg.request.interval_days)
    if leg.stock.mg(sum(units)) != leg.request.goal_mg:
        findings.append(_off_goal(leg, units, number + len(drafts) - 1))
    return drafts, findings


def _has_liquid(draft: Draft) -> bool:
    return any(piece.product.is_liquid for _, pieces in draft.slots for piece in pieces)


def _targets(leg: Leg, first: Units, now: Callable[[], Units]) -> Iterator[Fraction]:
    """Yield what the method asks for next, until the goal is in force.

    A typed list is followed entry by entry, so a repeated dose is a hold; all
    other methods look only at the dose in force.
    """
    method = leg.request.taper
    if isinstance(method, Custom):
        present = sum(first) * leg.unit_mg
        for dose in _typed_targets(method, present, is_fresh=first == leg.start):
            if sum(now()) * leg.unit_mg > leg.goal_mg:
                yield dose
        return
    start = Position(leg.start_mg, leg.start_mg, leg.start_mg, leg.goal_mg, leg.dze_per_mg)
    points = points_of(method, start)
    asked: Fraction | None = None
    while (units := sum(now())) > leg.goal_units:
        current = units * leg.unit_mg
        at = Position(current, asked or current, leg.start_mg, leg.goal_mg, leg.dze_per_mg, points)
        asked = max(method.next_mg(at), leg.goal_mg)
        yield asked


def _typed_targets(method: Custom, current: Fraction, *, is_fresh: bool) -> Iterator[Fraction]:
    doses = [Fraction(mg) for mg in method.daily_mg]
    if not is_fresh or doses[0] > current:  # Taken up on the way down.
        yield from (dose for dose in doses if dose < current)
    elif doses[0] == current:
        yield from doses[1:]  # The list began with step 1 itself.
    else:
        yield from doses


def _wish(leg: Leg, units: Units, target: Fraction, reference: Amount, liquid: bool) -> Wish:
    return Wish(
        stock=leg.stock,
        previous=units,
        start=leg.start,
        asked=target / leg.unit_mg,
        goal=leg.goal_units,
        reference=reference,
        dze_per_unit=leg.dze_per_unit,
        low_dose_floor_mg=leg.low_dose_floor_mg,
        typed=leg.typed,
        own=leg.own,
        liquid_begun=liquid,
    )


def _in_pieces(leg: Leg, units: Units) -> SlotPieces:
    return tuple(
        (name, solve_slot(leg.stock, amount)) for name, amount in zip(leg.names, units, strict=True)
    )


def _pieces_for(stock: Formulary, name: str, mg: Decimal) -> tuple[Piece, ...]:
    try:
        return solve_slot(stock, stock.units(mg))
    except NotDispensableError:
        below, above = nearest_doses(stock, mg)
        near = f"{plain(below)} mg and {plain(above)} mg" if below else f"{plain(above)} mg"
        raise NotDispensableError(
            f"slots.{name}: {plain(mg)} mg cannot be made from these products; "
            f"the nearest they give is {near}."
        ) from None


def _remarks(leg: Leg, wish: Wish, choice: Choice, number: int) -> list[Finding]:
    """Say where the dose printed is not the one asked for, when a reader must know."""
    if choice.fit is Fit.COARSE:
        return [_out_of_resolution(leg, wish, choice, number)]
    if choice.fit is Fit.EXACT or (choice.fit is Fit.BELOW and not wish.typed):
        return []
    mg = plain(leg.stock.mg(sum(choice.slots)))
    asked = asked_mg(wish.asked * leg.unit_mg)
    if wish.own and choice.fit is Fit.ABOVE:
        return [_nothing_below(leg, mg, asked, number)]
    if choice.fit is Fit.ABOVE:
        text = (
            f"Step {number} is {mg} mg, above the {asked} mg asked: these products give no lower "
            "dose within the limits."
        )
        return [finding("ROUNDED", Level.NOTE, text, step=number)]
    above = plain(leg.stock.mg(nearest_total_above(wish)))
    text = (
        f"Step {number}: {asked} mg cannot be made from these products; the nearest are "
        f"{mg} mg, which it gives, and {above} mg."
    )
    return [finding("ROUNDED", Level.NOTE, text, step=number)]


def _nothing_below(leg: Leg, mg: str, asked: str, number: int) -> Finding:
    text = (
        f"Your tablets run out of resolution here: step {number} was typed as {asked} mg, and "
        f"these products give nothing so small. It is {mg} mg. Ways on: {_ways_on(leg)}."
    )
    return finding("C-09", Level.WARN, text, step=number)


def _out_of_resolution(leg: Leg, wish: Wish, choice: Choice, number: int) -> Finding:
    fall = percentage(wish.reference - sum(choice.slots), wish.reference)
    before, after = (plain(leg.stock.mg(sum(slots))) for slots in (wish.previous, choice.slots))
    text = (
        f"Your tablets run out of resolution here: below {before} mg the next dose these "
        f"products give is {after} mg, which makes {fall} % in 14 days. Ways on: "
        f"{_ways_on(leg)}; otherwise a prescriber overrides with a reason."
    )
    return finding("C-09", Level.BLOCK, text, step=number, days=WINDOW_DAYS, percentage=fall)


def _ways_on(leg: Leg) -> str:
    """Name the ways past a step that is too coarse; a block is never a dead end (C-09)."""
    drug = get_drug(leg.request.final_drug_id)
    ways = [
        liquid_way(drug, leg.stock),
        *immediate_way(drug),
        "a longer hold before this step",
        "or a switch to a longer-acting drug",
    ]
    return ", ".join(ways)


def liquid_way(drug: Drug, stock: Formulary) -> str:
    """Name the liquid that makes smaller steps, of the same drug in any formulation."""
    if stock.liquids:
        return "a finer syringe mark or a weaker liquid"
    alike = (drug, *other_formulations(drug))
    liquids = [item for each in alike for item in marketed_products(each.id) if item.is_liquid]
    if liquids:
        return f"a liquid ({liquids[0].name})"
    return f"a liquid made up by a pharmacy (no {drug.name} liquid is on the product list)"


def immediate_way(drug: Drug) -> list[str]:
    """Offer the immediate-release form where this formulation has one, else nothing.

    Source: drug list, notes of the extended-release rows ("late taper steps need
    a change to IR").
    """
    released = [each for each in other_formulations(drug) if each.id.endswith(IMMEDIATE)]
    return [f"a change to immediate-release {each.name}" for each in released]


def _off_goal(leg: Leg, units: Units, number: int) -> Finding:
    goal = leg.request.goal_mg
    reached = plain(leg.stock.mg(sum(units)))
    if leg.stock.mg(sum(units)) < goal and isinstance(leg.request.taper, Custom):
        text = (
            f"The plan ends at {reached} mg, the nearest dose these products give below the "
            f"{plain(goal)} mg typed."
        )
    elif leg.stock.mg(sum(units)) < goal:
        text = (
            f"The plan ends at {reached} mg, below the goal of {plain(goal)} mg: the switch "
            "rounds down to it, since these products make nothing nearer."
        )
    elif isinstance(leg.request.taper, Custom):
        text = f"The doses typed end at {reached} mg, above the goal of {plain(goal)} mg."
    else:
        text = (
            f"The plan ends at {reached} mg: these products cannot make the goal of "
            f"{plain(goal)} mg or anything between."
        )
    return finding("GOAL", Level.WARN, text, step=number)


def asked_mg(mg: Fraction) -> str:
    """Return milligrams as a person typed them, or as `shown_mg` where they were worked out."""
    units = mg * 10**MAX_DECIMALS
    return plain(Decimal(int(units)).scaleb(-MAX_DECIMALS)) if units == int(units) else shown_mg(mg)


def shown_mg(mg: Fraction) -> str:
    """Return exact milligrams for reading, rounded down to a thousandth."""
    return plain(Decimal(mg.numerator * 1000 // mg.denominator) / 1000)
