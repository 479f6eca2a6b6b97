"""Doses that are shown back before they are stored: a slip of the decimal point, or crumbs.

Such a dose is asked about, never refused for good and never corrected.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from apps.clinical.doses import looks_like_tenfold_slip, plain, usual_max_mg
from apps.clinical.drugs import get_drug
from apps.clinical.equivalence import diazepam_equivalents
from apps.clinical.products import marketed_products

# [proposal] A whole day below the last dose of the published plans (guideline C-01:
# the final jump to nothing is made from 1 mg of diazepam or less) is asked about.
SMALLEST_DAY_DZE_MG = 1


def dose_questions(drug_id: str, slots: Mapping[str, Decimal]) -> tuple[str, ...]:
    """Return what a person has to confirm about a dose, in sentences; usually nothing.

    ``slots`` are milligrams per time of day. Asked about: a day ten times the usual, a
    day that equals less than 1 mg of diazepam by every source, and a slot that no
    product on sale can give, because it is smaller than its smallest part or no
    multiple of any part. Raises UnknownDrugError.
    """
    drug, daily_mg = get_drug(drug_id), sum(slots.values(), Decimal(0))
    found = []
    if looks_like_tenfold_slip(drug, daily_mg):
        found.append(
            f"{plain(daily_mg)} mg a day is at least ten times the usual "
            f"{plain(usual_max_mg(drug))} mg of {drug.name}."
        )
    if 0 < diazepam_equivalents(drug_id, daily_mg).highest < SMALLEST_DAY_DZE_MG:
        found.append(
            f"{plain(daily_mg)} mg of {drug.name} a day is less than the last dose of a taper."
        )
    for slot, mg in slots.items():
        if mg and not _can_be_given(drug_id, mg):
            found.append(f"{plain(mg)} mg {slot}: no {drug.name} on sale, whole or split, is that.")
    return tuple(found)


def _can_be_given(drug_id: str, mg: Decimal) -> bool:
    """Answer whether parts of products on sale add up to this, each product's part a unit.

    Whole parts add up to any multiple of their greatest common measure that is not
    smaller than the smallest of them; the solver says exactly which.
    """
    units = [Fraction(product.smallest_mg) for product in marketed_products(drug_id)]
    if Fraction(mg) < min(units):
        return False
    measure = units[0]
    for unit in units[1:]:
        measure = _common_measure(measure, unit)
    return (Fraction(mg) / measure).denominator == 1


def _common_measure(one: Fraction, other: Fraction) -> Fraction:
    while other:
        one, other = other, one % other
    return one
