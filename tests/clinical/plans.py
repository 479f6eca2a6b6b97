"""Short ways to ask for a plan in a test."""

from datetime import date
from decimal import Decimal

from apps.clinical.methods import PercentOfCurrent
from apps.clinical.plan import PlanRequest
from apps.clinical.products import Form, Product
from apps.clinical.taper import build_plan

START = date(2026, 12, 1)
TEN_PERCENT = PercentOfCurrent(Decimal(10))


def request_for(drug_id, slots, method=TEN_PERCENT, **fields):
    doses = tuple((name, Decimal(mg)) for name, mg in slots.items())
    if "goal_mg" in fields:
        fields["goal_mg"] = Decimal(fields["goal_mg"])
    return PlanRequest(drug_id, doses, method, START, **fields)


def plan_for(drug_id, slots, method=TEN_PERCENT, **fields):
    return build_plan(request_for(drug_id, slots, method, **fields))


def product(drug_id, strength, form="tablet", part="1"):
    return Product(drug_id, Decimal(strength), Form(form), Decimal(part))


def doses(plan):
    """Return the daily milligrams of every step as text."""
    return [format(step.daily_mg.normalize(), "f") for step in plan.steps]


def rules(plan, step=None):
    """Return the rules of the findings, of one step where it is named."""
    return [item.rule for item in plan.findings if step is None or item.step == step]
