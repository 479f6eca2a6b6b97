"""How doses of different drugs compare, by every source side by side.

The sources disagree up to two-fold, so nothing here picks one: a person names
the source, or types the dose. Two rules need one number and say which: the
highest value decides risk (guideline C-06) and the low-dose floor (C-01).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from apps.clinical.drugs import Drug, get_drug
from apps.clinical.errors import ConversionError, shown
from apps.clinical.other_sources import OtherValue

REFERENCE_MG = 10  # All columns say how many milligrams equal 10 mg diazepam.
SOURCES = MappingProxyType(
    {
        "vadod": "VA/DoD 2021, as printed in ASAM pocket guide 2025, table 7",
        "ashton_low": "Ashton Manual 2002, revised 2007: the lower diazepam value of its range",
        "ashton_high": "Ashton Manual 2002, revised 2007: the higher diazepam value of its range",
    }
)
SHORT_NAMES = MappingProxyType(
    {
        "vadod": "VA/DoD",
        "ashton": "Ashton",
        "ashton_low": "Ashton (lower value)",
        "ashton_high": "Ashton (higher value)",
    }
)


@dataclass(frozen=True, slots=True)
class OtherEquivalent:
    """A daily dose as milligrams of diazepam by a source that is only shown.

    ``low`` and ``high`` are the ends of its range, equal to ``mg`` where it has none.
    """

    source: str
    mg: Fraction
    low: Fraction
    high: Fraction


@dataclass(frozen=True, slots=True)
class Equivalents:
    """A daily dose as milligrams of diazepam, per source.

    ``by_source`` holds exact fractions of the sources a switch may name; one
    without a value is absent. ``highest`` and ``lowest`` are of these.
    ``others`` are further printed sources, and ``remarks`` what is said of this
    drug's value without a number that can be used; both are for showing.
    """

    by_source: Mapping[str, Fraction]
    highest: Fraction
    lowest: Fraction
    others: tuple[OtherEquivalent, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def disagree(self) -> bool:
        """Say whether any sources, those only shown included, give different numbers (C-05)."""
        ends = {end for other in self.others for end in (other.mg, other.low, other.high)}
        return len({self.highest, self.lowest} | ends) > 1


def diazepam_equivalents(drug_id: str, daily_mg: Decimal) -> Equivalents:
    """Return what a daily dose is in diazepam by every source, side by side.

    Milligrams in, milligrams of diazepam out (data/drugs.csv, columns eq10_*;
    ``others`` and ``remarks`` from eq10_other).
    For showing and for risk: eszopiclone is answered too, since leaving it out
    of a risk total would understate it. Raises UnknownDrugError.
    """
    drug = get_drug(drug_id)
    dose = Fraction(daily_mg)
    values = {source: dose * REFERENCE_MG / Fraction(mg) for source, mg in _eq10(drug).items()}
    return Equivalents(
        MappingProxyType(values),
        highest=max(values.values()),
        lowest=min(values.values()),
        others=tuple(_other(dose, value) for value in drug.eq10_other),
        remarks=drug.eq10_remarks,
    )


def eq10_for(drug_id: str, source: str) -> Decimal:
    """Return the milligrams equal to 10 mg diazepam under one named source.

    ``source`` is ``vadod``, ``ashton_low``, ``ashton_high``, or ``ashton`` where
    Ashton gives one value. Raises ConversionError for another name, a source
    without a value for this drug, a range that must be decided by a person, and
    a drug the list says not to convert.
    """
    drug = get_drug(drug_id)
    if drug.conversion_refused:
        raise ConversionError(
            f"source: {drug.name} must not be converted; its published value is uncertain "
            "by more than two-fold."
        )
    values = _eq10(drug)
    if source == "ashton":
        if values["ashton_low"] != values["ashton_high"]:
            raise ConversionError(
                f"source: Ashton gives a range for {drug.name}; write ashton_low or ashton_high."
            )
        source = "ashton_low"
    if source not in SOURCES:
        raise ConversionError(
            f"source: takes vadod, ashton, ashton_low or ashton_high, not {shown(source)}."
        )
    if source not in values:
        raise ConversionError(f"source: {source} gives no value for {drug.name}.")
    return values[source]


def convert_mg(daily_mg: Decimal, from_drug: str, to_drug: str, source: str) -> Fraction:
    """Return the dose of ``to_drug`` that one source calls equal, exact and unrounded.

    A proposal for a person to decide on, never a dose to print: sources differ
    and single patients differ more (ASAM-13, C-05). Raises ConversionError.
    """
    ratio = Fraction(eq10_for(to_drug, source)) / Fraction(eq10_for(from_drug, source))
    return Fraction(daily_mg) * ratio


def floor_dze_per_mg(drug_id: str) -> Fraction | None:
    """Return the most diazepam milligrams that any source gives for 1 mg of a drug.

    The low-dose floor uses the larger equivalent (test vectors, section 4; C-06).
    None for a drug the list says not to convert: its value is no ground for an
    exception to a safety limit.
    """
    drug = get_drug(drug_id)
    if drug.conversion_refused:
        return None
    return max(REFERENCE_MG / Fraction(mg) for mg in _eq10(drug).values())


def _other(dose: Fraction, value: OtherValue) -> OtherEquivalent:
    # Fewer milligrams for the same effect means more diazepam: the ends change places.
    mg, low, high = (
        dose * REFERENCE_MG / Fraction(each) for each in (value.mg, value.high, value.low)
    )
    return OtherEquivalent(value.source, mg, low, high)


def _eq10(drug: Drug) -> Mapping[str, Decimal]:
    """Give Ashton's range the names of its ends in diazepam, not in milligrams.

    Fewer milligrams for the same effect means more diazepam, so the low end in
    milligrams is the high end in diazepam.
    """
    values = dict(drug.eq10_mg)
    values["ashton_low"], values["ashton_high"] = values["ashton_high"], values["ashton_low"]
    return values
