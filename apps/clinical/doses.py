"""Doses as people type them, and the check that catches a slipped decimal point.

A dose is a Decimal of milligrams from the first moment. Anything that could be
read in two ways is refused rather than read.
"""

import re
from decimal import Decimal

from apps.clinical.drugs import Drug
from apps.clinical.errors import DoseError, shown
from apps.clinical.products import marketed_products

PLAIN_NUMBER = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
# A third or a sixth written out: no tablet part and no syringe mark gives one.
REPEATING = re.compile(r"\.[0-9]*(?:333|666|667|1666|1667|8333)$", re.ASCII)
# The finest amount on sale or compounded here is 0.0125 mg (0.05 mL of 0.25 mg/mL).
MAX_DECIMALS = 4
# [proposal] No daily dose in the drug list comes near this; it only stops a
# nonsense number before it reaches arithmetic.
MAX_MG = Decimal(10_000)
TENFOLD = 10


def parse_dose_mg(
    text: object, *, field: str = "dose", allow_zero: bool = False, what: str = "milligrams"
) -> Decimal:
    """Return the milligrams written in ``text``, such as ``"0.5"``.

    Reads as ``parse_number`` does, and refuses thirds written out (0.333) as
    well, which no unit gives. Raises DoseError, naming ``field``.
    """
    if isinstance(text, str) and PLAIN_NUMBER.fullmatch(text) and REPEATING.search(text):
        raise DoseError(
            f"{field}: {shown(text)} is a repeating fraction that no tablet or mark gives."
        )
    dose_mg = parse_number(text, field=field, what=what)
    if dose_mg > MAX_MG:
        raise DoseError(f"{field}: takes at most {MAX_MG} {what}, not {shown(text)}.")
    if not dose_mg and not allow_zero:
        raise DoseError(f"{field}: takes {what} above zero.")
    return dose_mg


def parse_number(text: object, *, field: str, what: str) -> Decimal:
    """Return the number written in ``text``, zero or more; ``what`` names its unit.

    Accepts plain digits with at most one decimal point and four decimals.
    Raises DoseError, naming ``field``, for a number that is not text, a comma,
    an exponent, a sign, a blank, and digits of another script.
    """
    if not isinstance(text, str) or not PLAIN_NUMBER.fullmatch(text):
        raise DoseError(
            f'{field}: takes {what} written as text with a point, such as "0.5", not {shown(text)}.'
        )
    if len(text.partition(".")[2]) > MAX_DECIMALS:
        raise DoseError(
            f"{field}: takes {what} with at most {MAX_DECIMALS} decimals, not {shown(text)}."
        )
    return Decimal(text)


def usual_max_mg(drug: Drug) -> Decimal:
    """Return the daily milligrams above which a dose starts to look unusual.

    [proposal] The smaller of the dose equal to 10 mg diazepam (by the source
    that needs the most milligrams, ASAM pocket guide table 7) and the largest
    strength on sale. Both are facts of the drug list; label maxima are not in
    it, so none is used.
    """
    largest = max(
        product.strength_mg for product in marketed_products(drug.id) if not product.is_liquid
    )
    return min(largest, max(drug.eq10_mg.values()))


def looks_like_tenfold_slip(drug: Drug, daily_mg: Decimal) -> bool:
    """Answer whether a daily dose is ten times the usual or more.

    Such a dose is asked about, never refused for good and never corrected.
    """
    return daily_mg >= TENFOLD * usual_max_mg(drug)


def plain(value: Decimal) -> str:
    """Return a Decimal in plain digits without trailing zeros, such as ``"20"``."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
