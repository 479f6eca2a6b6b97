"""Stored rows to the engine's plan and back, so that a live plan can go on from its rows.

Nothing is computed again: past steps are read as they were signed, so a newer engine
never rewrites what a patient has taken.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from apps.clinical.doses import plain
from apps.clinical.errors import RequestError
from apps.clinical.findings import Finding, Level
from apps.clinical.pace import Verdict
from apps.clinical.plan import Plan, PlanRequest, Step, milligrams_by_drug, totals_of
from apps.clinical.products import Product, marketed_products
from apps.clinical.requests import parse_request
from apps.clinical.solver import Piece
from apps.tapers.formulary_actions import as_json, product_of
from apps.tapers.models import PlanVersion, TaperStep


def plan_of(version: PlanVersion) -> Plan:
    """Return the engine's plan that a stored version is, steps and findings included."""
    request = request_of(version)
    course = version.course
    known = products_of(version)
    targets, reasons = course.get("targets", {}), course.get("reasons", {})
    rows = version.steps.prefetch_related("pieces")
    steps = tuple(
        _step(row, known, targets.get(str(row.number)), reasons.get(str(row.number), ""))
        for row in rows
    )
    return Plan(
        request=request,
        steps=steps,
        findings=tuple(_finding(item) for item in version.findings),
        totals=totals_of(steps),
        method_from=course.get("method_from", 1),
        held=course.get("held", False),
        stopped=course.get("stopped", False),
    )


def request_of(version: PlanVersion) -> PlanRequest:
    """Return the request as the engine takes it, with the drugs taken before a switch."""
    request = parse_request(version.request)
    earlier = version.course.get("earlier_drugs", {})
    weights = tuple((drug, Fraction(weight)) for drug, weight in earlier.items())
    return PlanRequest(
        drug_id=request.drug_id,
        slots=request.slots,
        method=request.method,
        start_on=request.start_on,
        interval_days=request.interval_days,
        goal_mg=request.goal_mg,
        products=request.products,
        confirmed=request.confirmed,
        short_use=request.short_use,
        low_dose_floor_mg=request.low_dose_floor_mg,
        earlier_drugs=weights,
        before=request.before,
    )


def course_of(plan: Plan) -> dict[str, Any]:
    """Return what the rows of steps do not hold and the engine needs to go on."""
    return {
        "held": plan.held,
        "stopped": plan.stopped,
        "method_from": plan.method_from,
        "earlier_drugs": {drug: str(weight) for drug, weight in plan.request.earlier_drugs},
        "targets": {
            str(step.number): str(step.target_mg)
            for step in plan.steps
            if step.target_mg is not None
        },
        "reasons": {str(step.number): step.reason for step in plan.steps if step.reason},
        "earlier_products": [as_json(product) for product in _left_behind(plan)],
    }


def request_json(
    before: dict[str, Any], plan: Plan, method: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the request of a changed plan as JSON; `method` is the one newly typed.

    While a switch is half done, a new method is what follows it.
    """
    request = plan.request
    now = before["method"] if method is None else method
    if method is not None and before["method"].get("kind") == "switch":
        under_way = request.drug_id == before["drug"] and request.final_drug_id != request.drug_id
        if under_way and method.get("kind") != "switch":
            now = {**before["method"], "then": method}
    stock = {"products": [as_json(each) for each in request.products]} if request.products else {}
    return {
        **{name: value for name, value in before.items() if name != "products"},
        **stock,
        "drug": request.drug_id,
        "slots": {slot: plain(mg) for slot, mg in request.slots},
        "method": now,
        "interval_days": request.interval_days,
        "goal_mg": plain(request.goal_mg),
        "confirmed": True,
    }


def products_of(version: PlanVersion) -> dict[str, Product]:
    """Return every product a version may use or has used, by the name its rows carry."""
    request = request_of(version)
    drugs = [request.drug_id, request.final_drug_id, *(drug for drug, _ in request.earlier_drugs)]
    listed = [product for drug in dict.fromkeys(drugs) for product in marketed_products(drug)]
    earlier = map(product_of, version.course.get("earlier_products", ()))
    return {product.name: product for product in (*listed, *earlier, *request.products)}


def restocked(plan: Plan, stock: Iterable[Product]) -> Plan:
    """Return the plan with steps to come made of what is in stock now.

    A drug of which nothing is stocked keeps the products that the plan was made of.
    """
    stock = tuple(stock)
    said = {product.drug_id for product in stock}
    kept = tuple(product for product in plan.request.products if product.drug_id not in said)
    return replace(plan, request=replace(plan.request, products=(*kept, *stock)))


def _step(row: TaperStep, known: dict[str, Product], target: str | None, reason: str) -> Step:
    slots = {
        slot: tuple(_piece(part.product, part.quantity, part.mg, known) for part in parts)
        for slot, parts in row.by_slot.items()
    }
    return Step(
        number=row.number,
        start_on=row.start_on,
        end_on=row.end_on,
        daily_mg=row.daily_mg.normalize() if row.daily_mg else Decimal(0),
        slots=MappingProxyType(slots),
        cut_pct=row.cut_pct,
        fall_14d_pct=row.fall_14d_pct,
        verdict=Verdict(row.verdict),
        by_drug=milligrams_by_drug(slots.items()),
        target_mg=None if target is None else Decimal(target),
        reason=reason,
    )


def _left_behind(plan: Plan) -> list[Product]:
    """Return the products of steps taken that the plan is no longer made of."""
    used = {
        piece.product.name: piece.product
        for step in plan.steps
        for pieces in step.slots.values()
        for piece in pieces
    }
    return [product for product in used.values() if product not in plan.request.products]


def _piece(name: str, quantity: Decimal, mg: Decimal, known: dict[str, Product]) -> Piece:
    if name not in known:
        raise RequestError(f"products: {name} is in the plan and no longer on the product list.")
    return Piece(known[name], quantity.normalize(), mg.normalize())


def _finding(item: dict[str, Any]) -> Finding:
    return Finding(
        rule=item["rule"],
        level=Level(item["level"]),
        step=item["step"],
        message=item["message"],
        source=item["source"],
        days=item.get("days"),
        percentage=None if item.get("percentage") is None else Decimal(item["percentage"]),
    )
