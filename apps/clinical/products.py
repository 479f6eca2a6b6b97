"""What a pharmacy can hand out: strengths, forms and the parts they really split into.

Marketed products come from ``data/products.csv``, taken from the drug list and
RxNorm. A clinic may name its own stock; ``Product`` refuses what cannot exist.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache

from apps.clinical.data import PRODUCT_ROWS
from apps.clinical.drugs import Divisible, get_drug
from apps.clinical.errors import ProductError

WHOLE = Decimal(1)
HALF = Decimal("0.5")
QUARTER = Decimal("0.25")
PART_NAMES = {WHOLE: "whole", HALF: "half", QUARTER: "quarter"}
# [proposal] Oral syringes in use carry marks from 0.01 to 1 mL; the usual is 0.1 mL.
SYRINGE_MARKS_ML = tuple(map(Decimal, ("0.01", "0.02", "0.05", "0.1", "0.2", "0.25", "0.5", "1")))
MAX_STRENGTH_DECIMALS = 4


class Form(StrEnum):
    """The form of a product, as it decides whether it may be split."""

    TABLET = "tablet"
    ODT = "odt"
    FILM = "film"
    SUBLINGUAL = "sublingual"
    CAPSULE = "capsule"
    XR_TABLET = "xr_tablet"
    XR_CAPSULE = "xr_capsule"
    LIQUID = "liquid"


FORM_NAMES = {
    Form.TABLET: "tablet",
    Form.ODT: "orally disintegrating tablet",
    Form.FILM: "oral film",
    Form.SUBLINGUAL: "sublingual tablet",
    Form.CAPSULE: "capsule",
    Form.XR_TABLET: "extended-release tablet",
    Form.XR_CAPSULE: "extended-release capsule",
    Form.LIQUID: "oral liquid",
}


@dataclass(frozen=True, slots=True)
class Product:
    """One strength of one drug in one form.

    ``strength_mg`` is per piece, or per millilitre for a liquid.
    ``smallest_part`` is 1, 0.5 or 0.25 of a piece, or for a liquid the syringe
    mark in millilitres. Raises ProductError for a form that may not be split
    (design, section 4), a drug whose tablets are not divisible, and a part
    below the drug's ``min_solid_unit_mg``.
    """

    drug_id: str
    strength_mg: Decimal
    form: Form
    smallest_part: Decimal

    def __post_init__(self) -> None:
        _check_strength(self)
        if self.is_liquid:
            _check_mark(self)
        else:
            _check_part(self)

    @property
    def is_liquid(self) -> bool:
        """Say whether the product is measured in millilitres."""
        return self.form is Form.LIQUID

    @property
    def smallest_mg(self) -> Decimal:
        """Return the milligrams in the smallest part or mark."""
        return self.strength_mg * self.smallest_part

    @property
    def unit(self) -> str:
        """Return what a quantity counts: ``mL`` or the name of the form."""
        return "mL" if self.is_liquid else FORM_NAMES[self.form]

    @property
    def name(self) -> str:
        """Return the name to print, such as ``clonazepam 0.5 mg tablet``."""
        per = "mg/mL" if self.is_liquid else "mg"
        strength = format(self.strength_mg.normalize(), "f")
        return f"{get_drug(self.drug_id).name} {strength} {per} {FORM_NAMES[self.form]}"


@cache
def marketed_products(drug_id: str) -> tuple[Product, ...]:
    """Return the products of a drug on sale, plain tablets first.

    US products where the drug is sold in the US, else those sold elsewhere.
    Parts are those the drug list calls scored; everything else is whole.
    Raises UnknownDrugError.
    """
    market = "us" if get_drug(drug_id).marketed_in_us else "non_us"
    return _listed(drug_id, market)


def is_listed(product: Product) -> bool:
    """Answer whether this strength and form is in the product list of any market."""
    known = _listed(product.drug_id, "us") + _listed(product.drug_id, "non_us")
    return any(
        (item.strength_mg, item.form) == (product.strength_mg, product.form) for item in known
    )


def is_scored_for(product: Product) -> bool:
    """Answer whether the drug list says the product is scored into such parts.

    A plain tablet it does not call scored may still be cut, but a pharmacist
    should say whether the parts come out even.
    """
    known = _listed(product.drug_id, "us") + _listed(product.drug_id, "non_us")
    return product.is_liquid or any(
        item.smallest_part <= product.smallest_part
        for item in known
        if (item.strength_mg, item.form) == (product.strength_mg, product.form)
    )


@cache
def _listed(drug_id: str, market: str) -> tuple[Product, ...]:
    return tuple(
        Product(
            drug_id=drug_id,
            strength_mg=Decimal(row["strength_mg"]),
            form=Form(row["form"]),
            smallest_part=Decimal(row["smallest_part"]),
        )
        for row in PRODUCT_ROWS
        if (row["drug_id"], row["market"]) == (drug_id, market)
    )


def _check_strength(product: Product) -> None:
    strength = product.strength_mg
    get_drug(product.drug_id)
    if not strength.is_finite() or strength <= 0:
        raise ProductError("strength_mg: takes milligrams above zero.")
    if -int(strength.normalize().as_tuple().exponent) > MAX_STRENGTH_DECIMALS:
        raise ProductError(f"strength_mg: takes at most {MAX_STRENGTH_DECIMALS} decimals.")


def _check_mark(product: Product) -> None:
    if product.smallest_part not in SYRINGE_MARKS_ML:
        marks = ", ".join(map(str, SYRINGE_MARKS_ML))
        raise ProductError(f"smallest_part: a liquid takes its syringe mark in mL, one of {marks}.")


def _check_part(product: Product) -> None:
    part = product.smallest_part
    if part not in PART_NAMES:
        raise ProductError("smallest_part: takes 1, 1/2 or 1/4 of a tablet.")
    if part == WHOLE:
        return
    drug = get_drug(product.drug_id)
    if product.form is not Form.TABLET:
        raise ProductError(f"smallest_part: {product.name} is never split; it takes 1.")
    if drug.divisible is Divisible.NO:
        raise ProductError(
            f"smallest_part: {drug.name} ({drug.formulation}) is not divisible; it takes 1."
        )
    if drug.min_solid_unit_mg is not None and product.smallest_mg < drug.min_solid_unit_mg:
        name = PART_NAMES[part]
        raise ProductError(
            f"smallest_part: a {name} of {product.name} is below the smallest real unit of "
            f"{drug.min_solid_unit_mg} mg."
        )
