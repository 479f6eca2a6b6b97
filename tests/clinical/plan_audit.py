"""Check a finished plan against the promises, without the engine's own arithmetic.

Used by the property tests and by ``generate_plans``. Every number is worked out
again from the printed pieces, the drug list and the guideline's limits.
"""

import csv
from collections import Counter
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

from apps.clinical.methods import Switch
from apps.clinical.plan import Plan, PlanRequest, Step

DATA = Path(__file__).parents[2] / "apps" / "clinical" / "data"
EQ10_COLUMNS = {
    "vadod": "eq10_vadod2021_mg",
    "ashton": "eq10_ashton_low_mg",
    # Fewer milligrams mean more diazepam, so the ends of Ashton's range change places.
    "ashton_low": "eq10_ashton_high_mg",
    "ashton_high": "eq10_ashton_low_mg",
}
WHOLE_ONLY = {"odt", "film", "sublingual", "capsule", "xr_tablet", "xr_capsule"}
RULE_OF = {"warn": "ASAM-08", "block": "ASAM-09", "low_dose_exception": "C-01"}


def _drug_rows() -> dict[str, dict[str, str]]:
    with (DATA / "drugs.csv").open(encoding="utf-8") as file:
        return {row["drug_id"]: row for row in csv.DictReader(file)}


DRUGS = _drug_rows()


def wrong_sums(plan: Plan) -> list[str]:
    """Return a line for every step whose pieces are impossible or do not sum to its dose."""
    found = []
    for step in plan.steps:
        total = Fraction(0)
        for pieces in step.slots.values():
            for piece in pieces:
                product = piece.product
                total += Fraction(product.strength_mg) * Fraction(piece.quantity)
                if Fraction(piece.mg) != Fraction(product.strength_mg) * Fraction(piece.quantity):
                    found.append(f"step {step.number}: {product.name} shows {piece.mg} mg")
                parts = Fraction(piece.quantity) / Fraction(product.smallest_part)
                if parts.denominator != 1 or parts <= 0:
                    found.append(f"step {step.number}: {piece.quantity} of {product.name}")
                if product.form.value in WHOLE_ONLY and product.smallest_part != 1:
                    found.append(f"step {step.number}: {product.name} is split")
        if total != Fraction(step.daily_mg) or total != sum(map(Fraction, step.by_drug.values())):
            found.append(f"step {step.number}: pieces make {total}, printed {step.daily_mg}")
    return found


def broken_promises(plan: Plan) -> list[str]:
    """Return a line for every rise, gap in the dates, missing end and unflagged breach."""
    doses = [_equivalent(plan.request, step) for step in plan.steps]
    # Only doses typed for a switch and confirmed by a person may lie above the source.
    asked = {
        item.step
        for item in plan.findings
        if item.rule == "ASH-02" and item.level == "confirm" and plan.request.confirmed
    }
    found = [
        f"step {step.number} rises from {before} to {after}"
        for step, before, after in zip(plan.steps[1:], doses, doses[1:], strict=False)
        if after > before and not step.reason and step.number not in asked
    ]
    found += _date_trouble(plan)
    found += _unheld(plan, doses)
    found += _wrong_totals(plan)
    found += _unflagged(plan, doses)
    rules = {item.rule for item in plan.findings}
    last = plan.steps[-1]
    at_goal = last.daily_mg == plan.request.goal_mg and len(last.by_drug) <= 1
    if not at_goal and "GOAL" not in rules and not plan.held:
        found.append(f"ends at {last.daily_mg}, not {plan.request.goal_mg}, and does not say why")
    return found


def _unheld(plan: Plan, doses: list[Fraction]) -> list[str]:
    """Return a line for every swap that changes the equivalent total without a word."""
    named = {item.step for item in plan.findings if item.rule in ("ASH-02", "C-09")}
    pairs = zip(plan.steps, plan.steps[1:], doses, doses[1:], strict=False)
    return [
        f"step {after.number} of the switch makes {now}, not {held}, and does not say so"
        for before, after, held, now in pairs
        if isinstance(plan.request.method, Switch)
        and before.by_drug.get(plan.request.drug_id, 0) > after.by_drug.get(plan.request.drug_id, 0)
        and now != held
        and after.number > plan.method_from
        and after.number not in named
    ]


def _wrong_totals(plan: Plan) -> list[str]:
    """Return a line where what is to be dispensed is not what the steps use."""
    used: Counter[tuple[str, str]] = Counter()
    for step in plan.steps:
        days = (step.end_on - step.start_on).days + 1 if step.end_on else 0
        for pieces in step.slots.values():
            for piece in pieces:
                used[piece.product.name, str(piece.product.smallest_part)] += (
                    Fraction(piece.quantity) * days
                )
    told = {
        (total.product.name, str(total.product.smallest_part)): Fraction(total.quantity)
        for total in plan.totals
    }
    wrong = any(
        Fraction(total.mg) != Fraction(total.product.strength_mg) * Fraction(total.quantity)
        for total in plan.totals
    )
    return ["totals differ from the steps"] if wrong or told != +used else []


def _date_trouble(plan: Plan) -> list[str]:
    pairs = zip(plan.steps, plan.steps[1:], strict=False)
    found = [
        f"step {after.number} does not follow on step {before.number}"
        for before, after in pairs
        if before.end_on is None or after.start_on != before.end_on + timedelta(days=1)
    ]
    if plan.steps[-1].end_on is not None:
        found.append("the last step has an end")
    return found


def _unflagged(plan: Plan, doses: list[Fraction]) -> list[str]:
    flagged = {(item.step, item.rule) for item in plan.findings}
    found = []
    for index in range(1, len(plan.steps)):
        step = plan.steps[index]
        wanted = _verdict(plan, doses, index)
        if step.verdict.value != wanted:
            found.append(f"step {step.number} says {step.verdict.value}, is {wanted}")
        if wanted in RULE_OF and (step.number, RULE_OF[wanted]) not in flagged:
            found.append(f"step {step.number} is {wanted} without a finding")
    return found


def _verdict(plan: Plan, doses: list[Fraction], index: int) -> str:
    """Work the pace rule out again from the words of the guideline."""
    steps = plan.steps
    window = steps[index].start_on - timedelta(days=14)
    in_force = [
        number
        for number in range(index)
        if steps[number + 1].start_on > window  # its last day lies in the 14 days before
    ]
    reference = max(in_force, key=lambda number: doses[number])
    before, now, high = doses[index - 1], doses[index], doses[reference]
    if now >= before:
        return "ok"
    fall = (high - now) / high
    if fall > Fraction(25, 100):
        highest = [_highest_dze(steps[number]) for number in (reference, index - 1, index)]
        if None not in highest:
            ref_dze, before_dze, now_dze = (value or Fraction(0) for value in highest)
            floor = Fraction(plan.request.low_dose_floor_mg)
            if ref_dze <= floor and before_dze - now_dze <= 1:
                return "low_dose_exception"
        return "block"
    cut = (before - now) / before
    if plan.request.short_use:
        return "ok"  # ASAM-10 lifts the warning, never the block.
    return "warn" if max(cut, fall) > Fraction(10, 100) else "ok"


def _equivalent(request: PlanRequest, step: Step) -> Fraction:
    """Return a day's dose in diazepam by the plan's own source, or plain milligrams."""
    if not isinstance(request.method, Switch):
        return Fraction(step.daily_mg)
    column = EQ10_COLUMNS[request.method.source]
    return sum(
        (Fraction(mg) * 10 / Fraction(DRUGS[drug][column]) for drug, mg in step.by_drug.items()),
        Fraction(0),
    )


def _highest_dze(step: Step) -> Fraction | None:
    total = Fraction(0)
    for drug, mg in step.by_drug.items():
        row = DRUGS[drug]
        if "DO NOT convert" in row["notes"]:
            return None
        values = [Fraction(row[column]) for column in set(EQ10_COLUMNS.values()) if row[column]]
        total += Fraction(mg) * 10 / min(values)
    return total
