"""Switch to another drug, one time of day at a time, holding the equivalent total.

The prescriber names the source, and may type the dose of every time of day. A
swap by the source rounds down to what can be made, so it never raises the
total; what rounding takes is made up by no later swap, since that would be a
rise. Typed doses are followed as typed, but above what the source gives only
when confirmed, and never above what every source gives. Wherever the total is
not held, either way, a finding says so (ASH-02).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from apps.clinical.doses import TENFOLD, looks_like_tenfold_slip, plain, usual_max_mg
from apps.clinical.drugs import get_drug
from apps.clinical.equivalence import SHORT_NAMES, OtherEquivalent, diazepam_equivalents
from apps.clinical.errors import ConfirmDoseError, NotDispensableError, RequestError
from apps.clinical.findings import Finding, Level, finding
from apps.clinical.lowering import liquid_way, shown_mg
from apps.clinical.methods import Switch
from apps.clinical.pace import USUAL_PCT, WINDOW_DAYS, Verdict, percentage
from apps.clinical.plan import Draft, PlanRequest, SlotPieces, Step, milligrams_by_drug
from apps.clinical.solver import Costs, Formulary, Piece, nearest_doses, slot_costs, solve_slot
from apps.clinical.weighing import final_mg, final_mg_per_mg

SHORTEST_SWITCH_DAYS = 7  # ASAM-13: one to two weeks.


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
    by_source = dict(sources.by_source)
    if by_source.get("ashton_low") == by_source.get("ashton_high"):
        # One value of Ashton's is no range, and is not to look like two sources.
        by_source = {"ashton": by_source.pop("ashton_low"), **by_source}
        del by_source["ashton_high"]
    values = [f"{SHORT_NAMES[key]} {shown_mg(mg)} mg" for key, mg in sorted(by_source.items())]
    listed = ", ".join([*values, *map(_other_words, sources.others)])
    name = get_drug(request.drug_id).name
    text = (
        f"{plain(request.daily_mg)} mg {name} is, as diazepam: {listed}. "
        f"This plan uses {SHORT_NAMES[method.source]}, as typed."
    )
    findings = [finding("C-05", Level.WARN if sources.disagree else Level.NOTE, text)]
    findings += _typed_findings(request, method)
    findings += _target_findings(request, method)
    days = method.swap_days * len(request.slots)
    if days < SHORTEST_SWITCH_DAYS:
        text = f"The switch takes {days} days; one to two weeks works better than one to two days."
        findings.append(finding("ASAM-13", Level.WARN, text, days=days))
    return findings


def _other_words(other: OtherEquivalent) -> str:
    words = f"{other.source} {shown_mg(other.mg)} mg"
    if other.low == other.high:
        return words
    return f"{words} ({shown_mg(other.low)} to {shown_mg(other.high)} mg)"


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


def total_mg(request: PlanRequest) -> Fraction:
    """Return the milligrams a day of the final drug that the plan lowers from.

    The doses typed for a switch, else the present ones by the source named.
    """
    method = request.method
    if isinstance(method, Switch) and method.to_slots:
        return Fraction(_typed_mg(method))
    return Fraction(request.daily_mg) * final_mg_per_mg(request)


def check_typed_doses(request: PlanRequest) -> None:
    """Raise for doses typed for a switch that nobody may have meant.

    RequestError, always, where a swap brings the day above the present dose by
    every source: a switch never raises the dose. ConfirmDoseError, unless
    confirmed, for ten times the usual dose and for a rise by the source named.
    """
    method = request.method
    if not isinstance(method, Switch) or not method.to_slots:
        return
    named = final_mg_per_mg(request)
    _check_below_a_source(request, method)
    drug, typed = get_drug(method.to_drug), _typed_mg(method)
    if request.confirmed:
        return
    if looks_like_tenfold_slip(drug, typed):
        raise ConfirmDoseError(
            f"method.to_slots: {plain(typed)} mg {drug.name} a day is at least ten times the "
            f"usual {plain(usual_max_mg(drug))} mg; check the decimal point, and if it is right "
            'send "confirmed": true.'
        )
    totals = _totals_under(request, method, named)
    risen = [name for name, before, now in totals if now > before]
    if risen:
        raise ConfirmDoseError(
            f"method.to_slots: the dose typed for {risen[0]} raises the day above what "
            f"{method.source} calls equal; lower it, or if it is right "
            'send "confirmed": true.'
        )


def _check_below_a_source(request: PlanRequest, method: Switch) -> None:
    """Raise RequestError for a swap that lifts the day above the start by every source."""
    held = Fraction(request.daily_mg)
    ratios = _ratios(request.drug_id, method.to_drug)
    under = [_totals_under(request, method, ratio) for ratio in ratios]
    for at_one_swap in zip(*under, strict=True):
        if all(now > held * ratio for (_, _, now), ratio in zip(at_one_swap, ratios, strict=True)):
            raise RequestError(
                f"method.to_slots: the dose typed for {at_one_swap[0][0]} brings the day above "
                f"the {shown_mg(held * max(ratios))} mg {get_drug(method.to_drug).name} that any "
                "source calls equal; a switch never raises the dose, a step back does."
            )


def _ratios(drug_id: str, to_drug: str) -> list[Fraction]:
    """Return, for every source with both values, the new milligrams equal to 1 mg of the old."""
    old = diazepam_equivalents(drug_id, Decimal(1)).by_source
    new = diazepam_equivalents(to_drug, Decimal(1)).by_source
    return [old[source] / new[source] for source in old if source in new]


def _totals_under(
    request: PlanRequest, method: Switch, ratio: Fraction
) -> list[tuple[str, Fraction, Fraction]]:
    """Return for each swap its time of day and the day's total before and after it."""
    present = [(name, Fraction(mg) * ratio) for name, mg in request.slots if mg]
    typed = dict(method.to_slots)
    total = sum((mg for _, mg in present), Fraction(0))
    found = []
    for name, mg in present[-1:] + present[:-1]:
        found.append((name, total, total - mg + Fraction(typed[name])))
        total = found[-1][2]
    return found


def held_findings(request: PlanRequest, steps: Sequence[Step]) -> list[Finding]:
    """Return a finding for every swap after which the equivalent total is not held.

    ``steps`` are the step before the first swap and those that swap. A rise or
    fall counts by the source named for the switch (ASH-02; invariant 5 of the
    rule list).
    """
    if len(steps) < 2:
        return []
    totals = [final_mg(request, tuple(step.slots.items())) for step in steps]
    found = []
    for step, before, now in zip(steps[1:], totals, totals[1:], strict=False):
        if now > before:
            found.append(_risen(request, step, totals[0], now))
        elif now < before:
            found.append(_lost(request, step, totals[0], now))
    return found


def _risen(request: PlanRequest, step: Step, held: Fraction, now: Fraction) -> Finding:
    name = get_drug(request.final_drug_id).name
    text = (
        f"Step {step.number} makes the equivalent of {shown_mg(now)} mg {name}, where "
        f"{shown_mg(held)} mg were taken before the switch: the doses typed are higher than the "
        "source gives; check them a second time."
    )
    return finding("ASH-02", Level.CONFIRM, text, step=step.number)


def _lost(request: PlanRequest, step: Step, held: Fraction, now: Fraction) -> Finding:
    method = request.method
    typed = isinstance(method, Switch) and bool(method.to_slots)
    drug = get_drug(request.final_drug_id)
    part = percentage(held - now, held)
    why = (
        "the doses typed are lower than the source gives"
        if typed
        else "these products make nothing nearer"
    )
    text = (
        f"Step {step.number} holds the equivalent of {shown_mg(now)} mg {drug.name} of the "
        f"{shown_mg(held)} mg taken before the switch, {part} % less: {why}"
    )
    if step.verdict is Verdict.BLOCK and not typed:
        text += (
            f". Ways on: {liquid_way(drug, request.stock(drug.id))}, smaller tablets, or doses "
            "a person types for the switch; otherwise a prescriber overrides with a reason."
        )
        days = WINDOW_DAYS
        return finding(
            "C-09", Level.BLOCK, text, step=step.number, days=days, percentage=step.fall_14d_pct
        )
    usual = (held - now) * 100 <= held * USUAL_PCT
    level = Level.NOTE if usual else Level.WARN
    return finding("ASH-02", level, f"{text}.", step=step.number, percentage=part)


def _typed_mg(method: Switch) -> Decimal:
    return sum((mg for _, mg in method.to_slots), Decimal(0))


def _typed_findings(request: PlanRequest, method: Switch) -> list[Finding]:
    """Ask for a second look where a typed total lies outside what the sources give (C-05)."""
    if not method.to_slots:
        return []
    typed = _typed_mg(method)
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


def _target_findings(request: PlanRequest, method: Switch) -> list[Finding]:
    """Ask for a second look at a dose of the new drug ten times the usual."""
    drug, total = get_drug(method.to_drug), total_mg(request)
    usual = usual_max_mg(drug)
    if total < TENFOLD * usual:
        return []
    text = (
        f"The switch comes to {shown_mg(total)} mg {drug.name} a day, at least {TENFOLD} times "
        f"the usual {plain(usual)} mg; check the present dose and the source a second time."
    )
    return [finding("TENFOLD", Level.CONFIRM, text)]
