"""Switch to another drug, one time of day at a time, holding the equivalent total.

The prescriber names the source, and may type the doses. Each swap rounds down
to what can be made, so the total never rises; what rounding takes is made up by
no later swap, since that would be a rise (ASH-02).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from apps.clinical.doses import plain
from apps.clinical.drugs import get_drug
from apps.clinical.equivalence import diazepam_equivalents, eq10_for
from apps.clinical.errors import ConversionError, NotDispensableError
from apps.clinical.findings import Finding, Level, finding
from apps.clinical.lowering import shown_mg
from apps.clinical.methods import Switch
from apps.clinical.pace import USUAL_PCT
from apps.clinical.plan import Draft, PlanRequest, SlotPieces, milligrams_by_drug
from apps.clinical.solver import Costs, Formulary, Piece, nearest_doses, slot_costs, solve_slot

SHORTEST_SWITCH_DAYS = 7  # ASAM-13: one to two weeks.


def final_mg_per_mg(request: PlanRequest) -> Fraction:
    """Return the milligrams of the final drug that count as 1 mg of the first.

    1 without a switch. Raises ConversionError, naming the field, where the
    source gives no value or the drug must not be converted.
    """
    method = request.method
    if not isinstance(method, Switch):
        return Fraction(1)
    try:
        to_mg = eq10_for(method.to_drug, method.source)
        from_mg = eq10_for(request.drug_id, method.source)
    except ConversionError as error:
        raise ConversionError(f"method.{error}") from None
    return Fraction(to_mg) / Fraction(from_mg)


def weights(request: PlanRequest) -> Mapping[str, Fraction]:
    """Return, for every drug of a plan, the final drug's milligrams that count as 1 mg of it.

    The source named for a switch decides, also later for the steps before it,
    so that the pace looks back over a change of drug. Raises ConversionError.
    """
    ratio = final_mg_per_mg(request)
    found = {drug_id: ratio * own for drug_id, own in request.earlier_drugs}
    found[request.drug_id] = ratio
    found[request.final_drug_id] = Fraction(1)
    return MappingProxyType(found)


def final_mg(request: PlanRequest, slots: SlotPieces) -> Fraction:
    """Return a day's dose as milligrams of the final drug, under the source named."""
    weight = weights(request)
    amounts = milligrams_by_drug(slots).items()
    return sum((Fraction(mg) * weight[drug_id] for drug_id, mg in amounts), Fraction(0))


def swap(request: PlanRequest, method: Switch, last: Draft, next_on: date) -> list[Draft]:
    """Return one step per time of day still on the old drug, from ``next_on``.

    The last time of day goes first, usually the night dose, then the others in
    order (ASH-02, SC02 to SC04). Raises NotDispensableError where a typed dose
    cannot be made.
    """
    stock = request.stock(method.to_drug)
    slots = last.slots
    drafts = []
    for name in _order(request, slots):
        target = _equal_mg(request, dict(slots)[name])
        typed = dict(method.to_slots).get(name)
        pieces = _swapped(stock, target) if typed is None else _typed(stock, name, typed)
        slots = tuple((slot, pieces if slot == name else ps) for slot, ps in slots)
        drafts.append(Draft(next_on, slots))
        next_on += timedelta(days=method.swap_days)
    return drafts


def switch_findings(request: PlanRequest, method: Switch) -> list[Finding]:
    """Return what a reader must know about the conversion itself (C-05, ASAM-13)."""
    sources = diazepam_equivalents(request.drug_id, request.daily_mg)
    listed = ", ".join(
        f"{source} {shown_mg(mg)} mg" for source, mg in sorted(sources.by_source.items())
    )
    name = get_drug(request.drug_id).name
    text = (
        f"{plain(request.daily_mg)} mg {name} is, as diazepam: {listed}. "
        f"This plan uses {method.source}, as typed."
    )
    findings = [finding("C-05", Level.WARN if sources.disagree else Level.NOTE, text)]
    findings += _typed_findings(request, method)
    days = method.swap_days * len(request.slots)
    if days < SHORTEST_SWITCH_DAYS:
        text = f"The switch takes {days} days; one to two weeks works better than one to two days."
        findings.append(finding("ASAM-13", Level.WARN, text, days=days))
    return findings


def _order(request: PlanRequest, slots: SlotPieces) -> list[str]:
    waiting = [
        name
        for name, pieces in slots
        if any(piece.product.drug_id == request.drug_id for piece in pieces)
    ]
    return waiting[-1:] + waiting[:-1] if _untouched(request, slots) else waiting


def _untouched(request: PlanRequest, slots: SlotPieces) -> bool:
    return set(milligrams_by_drug(slots)) == {request.drug_id}


def _equal_mg(request: PlanRequest, pieces: tuple[Piece, ...]) -> Fraction:
    mg = sum((piece.mg for piece in pieces), Decimal(0))
    return Fraction(mg) * final_mg_per_mg(request)


def _swapped(stock: Formulary, target: Fraction) -> tuple[Piece, ...]:
    """Return the nearest dose at or below the target.

    Of solids alone while they lose no more than a tenth of it, the usual size
    of a cut (ASAM-08); with a measured liquid where that is nearer.
    """
    top = int(target / Fraction(stock.unit_mg))
    solid = _highest(slot_costs(stock, top, with_liquid=False), top)
    near = Fraction(solid * stock.unit_mg) * 100 >= target * (100 - USUAL_PCT)
    return solve_slot(stock, solid if near else _highest(slot_costs(stock, top), top))


def _highest(costs: Costs, top: int) -> int:
    return next(units for units in range(top, -1, -1) if costs[units] is not None)


def _typed(stock: Formulary, name: str, mg: Decimal) -> tuple[Piece, ...]:
    try:
        return solve_slot(stock, stock.units(mg))
    except NotDispensableError:
        below, above = nearest_doses(stock, mg)
        raise NotDispensableError(
            f"method.to_slots.{name}: {plain(mg)} mg cannot be made from these products; "
            f"the nearest they give are {plain(below)} mg and {plain(above)} mg."
        ) from None


def _typed_findings(request: PlanRequest, method: Switch) -> list[Finding]:
    """Ask for a second look where a typed total lies outside what the sources give (C-05)."""
    if not method.to_slots:
        return []
    typed = sum((mg for _, mg in method.to_slots), Decimal(0))
    sources = diazepam_equivalents(request.drug_id, request.daily_mg)
    chosen = diazepam_equivalents(method.to_drug, typed)
    if chosen.highest >= sources.lowest and chosen.lowest <= sources.highest:
        return []
    text = (
        f"The {plain(typed)} mg {get_drug(method.to_drug).name} typed lies outside the range that "
        f"the sources give ({shown_mg(sources.lowest)} to {shown_mg(sources.highest)} mg "
        "as diazepam); check it a second time."
    )
    return [finding("C-05", Level.CONFIRM, text)]
