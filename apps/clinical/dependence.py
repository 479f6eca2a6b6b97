"""Likelihood of physical dependence and dose bands of the ASAM guideline 2025.

General guidance, not a diagnosis: the guideline names many other factors. The
printed milligram limits of three drugs win over any arithmetic (C-07).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from apps.clinical.equivalence import diazepam_equivalents
from apps.clinical.errors import ClinicalError

Milligrams = Decimal | Fraction | int
Months = Decimal | Fraction | int

SOURCE = "ASAM 2025, Table 2 and its notes d-f (ASAM-04, ASAM-04b)"
RARE_DAYS_PER_WEEK = 3
SHORT_MONTHS = 1
LONG_MONTHS = 3

# Upper limits in mg a day of the low and of the moderate band, as printed.
DZE_LIMITS = (Decimal(10), Decimal(15))
PRINTED_LIMITS = {
    "clonazepam": (Decimal("0.5"), Decimal("1.5")),
    "lorazepam_ir": (Decimal(2), Decimal(3)),
    "lorazepam_xr": (Decimal(2), Decimal(3)),
    "alprazolam_ir": (Decimal(1), Decimal(2)),
    "alprazolam_xr": (Decimal(1), Decimal(2)),
    "diazepam": DZE_LIMITS,
}


class DependenceError(ClinicalError):
    """A duration, frequency or dose no patient can have."""


class DoseBand(StrEnum):
    """Low, moderate or high daily dose."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


class DependenceRisk(StrEnum):
    """Risk for clinically significant withdrawal, as the table words it."""

    RARE = "rare"
    LOWER = "lower_risk_but_possible"
    YES = "yes_increasing_with_dose_and_duration"


@dataclass(frozen=True, slots=True)
class Dependence:
    """A row of the table: the risk, the dose band it used, and its source."""

    risk: DependenceRisk
    dose_band: DoseBand
    source: str


def asam_dependence(
    duration_months: Months, days_per_week: Decimal | int, band: DoseBand
) -> Dependence:
    """Return the risk for clinically significant withdrawal.

    ``duration_months`` of use, ``days_per_week`` 0 to 7, and the dose band of
    the daily dose. Three days a week or fewer is rare at any dose and duration;
    between three and four counts as four [proposal]. A negative duration or an
    impossible frequency raises ``DependenceError``. Source: ASAM 2025 Table 2.
    """
    if duration_months < 0:
        raise DependenceError("The duration in months must be 0 or more.")
    if not 0 <= days_per_week <= 7:
        raise DependenceError("The days per week must be from 0 to 7.")
    return Dependence(_risk(duration_months, days_per_week, band), band, SOURCE)


def dose_band(drug_id: str, daily_mg: Milligrams) -> DoseBand:
    """Return the dose band of a daily dose in mg of ``drug_id``.

    Clonazepam, lorazepam, alprazolam and diazepam have printed limits. For any
    other drug the largest diazepam equivalent of all sources decides (C-06). A
    negative dose raises ``DependenceError``, an unknown drug its own error.
    """
    if daily_mg < 0:
        raise DependenceError("The daily dose in mg must be 0 or more.")
    limits = PRINTED_LIMITS.get(drug_id)
    if limits is None:
        highest = diazepam_equivalents(drug_id, _as_decimal(daily_mg)).highest
        return dose_band_of_dze(highest)
    return _band(daily_mg, limits)


def dose_band_of_dze(dze_mg: Milligrams) -> DoseBand:
    """Return the dose band of a daily dose in mg of diazepam equivalent."""
    if dze_mg < 0:
        raise DependenceError("The diazepam equivalent in mg must be 0 or more.")
    return _band(dze_mg, DZE_LIMITS)


def _risk(months: Months, days_per_week: Decimal | int, band: DoseBand) -> DependenceRisk:
    if days_per_week <= RARE_DAYS_PER_WEEK:
        return DependenceRisk.RARE
    if months < SHORT_MONTHS or (months < LONG_MONTHS and band is DoseBand.LOW):
        return DependenceRisk.LOWER
    return DependenceRisk.YES


def _band(value: Milligrams, limits: tuple[Decimal, Decimal]) -> DoseBand:
    # Fractions, because an exact equivalent need not be a finite decimal.
    low, moderate = limits
    if Fraction(value) <= Fraction(low):
        return DoseBand.LOW
    return DoseBand.MODERATE if Fraction(value) <= Fraction(moderate) else DoseBand.HIGH


def _as_decimal(value: Milligrams) -> Decimal:
    if isinstance(value, Fraction):
        return Decimal(value.numerator) / Decimal(value.denominator)
    return Decimal(value)
