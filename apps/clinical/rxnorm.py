"""RxNorm concept numbers of drugs and products, only where the drug list has verified them.

A number it calls unverified is not given: a missing code is asked about, a wrong one is believed.
"""

from functools import cache

from apps.clinical.data import DRUG_ROWS, PRODUCT_ROWS
from apps.clinical.drugs import get_drug
from apps.clinical.products import FORM_NAMES, Form


@cache
def ingredient_rxcui(drug_id: str) -> str:
    """Return the RxNorm number of the ingredient, empty where it is not verified."""
    get_drug(drug_id)
    return next(row["rxcui_ingredient"] for row in DRUG_ROWS if row["drug_id"] == drug_id)


@cache
def product_rxcui(name: str) -> str:
    """Return the RxNorm number of the product that `Product.name` calls so, empty if unknown."""
    return _by_name().get(name, "")


@cache
def _by_name() -> dict[str, str]:
    found = {}
    for row in PRODUCT_ROWS:
        form = Form(row["form"])
        per = "mg/mL" if form is Form.LIQUID else "mg"
        drug = get_drug(row["drug_id"]).name
        found[f"{drug} {row['strength_mg']} {per} {FORM_NAMES[form]}"] = row["rxcui"]
    return found
