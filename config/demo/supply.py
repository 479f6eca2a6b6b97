"""What the invented clinics stock and handed out, through the real actions."""

from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from apps.accounts.models import User
from apps.clinical.products import Form, marketed_products
from apps.clinical.supply import used_on
from apps.patients.models import Clinic, Patient
from apps.tapers.formulary_actions import save_formulary
from apps.tapers.supply_actions import store_dispensing, uses_of
from apps.tapers.today import plan_today

STOCKED: Final = ("clonazepam", "diazepam", "lorazepam_ir", "alprazolam_ir")
FORMS: Final = (Form.TABLET, Form.LIQUID, Form.ODT)
LASTS_DAYS: Final = 28
SPARE_DAYS: Final = 7  # guideline.md invariant 7: a week more than the step


def stock_clinic(clinic: Clinic, by: User, now: datetime) -> None:
    """Mark what the pharmacy has: tablets, melting ones too, and liquids of the common drugs."""
    products = [
        product
        for drug_id in STOCKED
        for product in marketed_products(drug_id)
        if product.form in FORMS
    ]
    save_formulary(clinic=clinic, stocked=products, based_on=0, by=by, now=now)


def hand_out(patient: Patient, by: User, now: datetime) -> None:
    """Hand out what the plan needs for four weeks and a spare one; the clock does the rest."""
    state = plan_today(patient, now, pieces=True)
    if state is None:
        return
    days = [state.day + timedelta(days=ahead) for ahead in range(LASTS_DAYS + SPARE_DAYS)]
    for product, uses in uses_of(state).items():
        needed = sum((used_on(uses, day) for day in days), Decimal(0))
        if not needed:
            continue
        store_dispensing(
            patient=patient,
            submission_id=uuid5(NAMESPACE_OID, f"{patient.full_name} {product}"),
            product=product, quantity=needed.to_integral_value(rounding=ROUND_UP),
            dispensed_on=state.day, days=LASTS_DAYS, next_pickup_on=None, note="", corrects=None,
            by=by, now=now,
        )  # fmt: skip
