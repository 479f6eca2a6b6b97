"""When a plan last moved a patient from one drug to another, read from its own step rows."""

from datetime import date
from decimal import Decimal

from apps.clinical.products import marketed_products
from apps.tapers.engine import products_of
from apps.tapers.models import PlanVersion, SlotPiece, TaperStep


def converted_on(version: PlanVersion, current: TaperStep | None) -> date | None:
    """Return the day of the last swap that has begun, None for a plan without a switch.

    A swap is a step in which one drug rises while another falls; in a switch slot by
    slot each swap counts anew, because each one brings more of the new drug (U23).
    """
    switches = version.request["method"].get("kind") == "switch"
    if current is None or not (switches or version.course.get("earlier_drugs")):
        return None
    amounts = milligrams_by_step(version, current.number)
    numbers = sorted(amounts)
    for number, before in zip(reversed(numbers[1:]), reversed(numbers[:-1]), strict=True):
        if is_swap(amounts[before], amounts[number]):
            step = version.steps.get(number=number)
            return step.start_on
    return None


def is_swap(before: dict[str, Decimal], after: dict[str, Decimal]) -> bool:
    """Answer whether one drug rises while another falls."""
    drugs = {*before, *after}
    changes = [after.get(drug, Decimal(0)) - before.get(drug, Decimal(0)) for drug in drugs]
    return any(change > 0 for change in changes) and any(change < 0 for change in changes)


def milligrams_by_step(version: PlanVersion, until: int) -> dict[int, dict[str, Decimal]]:
    """Return the milligrams a day of each drug in each step up to number `until`. One query."""
    drug_of = {name: p.drug_id for name, p in products_of(version).items()}
    for drug in version.course.get("earlier_drugs", {}):
        drug_of |= {product.name: drug for product in marketed_products(drug)}
    found: dict[int, dict[str, Decimal]] = {}
    pieces = SlotPiece.objects.filter(step__version=version, step__number__lte=until)
    for number, product, mg in pieces.values_list("step__number", "product", "mg"):
        drug = drug_of.get(product, product)
        step = found.setdefault(number, {})
        step[drug] = step.get(drug, Decimal(0)) + mg
    return found
