"""All benzodiazepines and Z-drugs a patient takes, judged together at intake.

One drug is judged by the limits printed for it; several are added up as diazepam,
under each source. Sources: ASAM-04, ASAM-04b, C-06, C-07 (guideline.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from apps.clinical.dependence import (
    PRINTED_LIMITS,
    Dependence,
    DoseBand,
    asam_dependence,
    dose_band,
    dose_band_of_dze,
)
from apps.clinical.equivalence import SOURCES, diazepam_equivalents

PRINTED = "printed"
PRINTED_LABEL = "ASAM 2025, table 2 notes d-f: milligrams printed for this drug"
HIGHEST = "highest"
HIGHEST_LABEL = "Highest of all sources, which decides the risk (C-06)"
BAND_ORDER = (DoseBand.LOW, DoseBand.MODERATE, DoseBand.HIGH)


@dataclass(frozen=True, slots=True)
class Taken:
    """One drug as it is really taken: mg a day, months of use, days a week (0-7)."""

    drug_id: str
    daily_mg: Decimal
    months: Decimal | int
    days_per_week: Decimal | int


@dataclass(frozen=True, slots=True)
class SourceBand:
    """The dose band one source gives. ``dze_mg`` is None for the printed limits."""

    source: str
    label: str
    dze_mg: Fraction | None
    band: DoseBand


def risk_value_mg(taken: Sequence[Taken]) -> Fraction:
    """Return the diazepam milligrams a day that decide risk: each drug's largest (C-06)."""
    return sum((diazepam_equivalents(t.drug_id, t.daily_mg).highest for t in taken), Fraction(0))


def source_bands(taken: Sequence[Taken]) -> tuple[SourceBand, ...]:
    """Return the dose band under each source, side by side, the deciding one first.

    The printed limits decide for one drug that has them (C-07); everything else is
    decided by the highest equivalent of all sources (C-06). A source that gives no
    value for one of the drugs is left out. Milligrams of diazepam a day.
    """
    rows = [
        SourceBand(source, label, total, dose_band_of_dze(total))
        for source, label in SOURCES.items()
        if (total := _total_under(source, taken)) is not None
    ]
    if len(taken) == 1 and taken[0].drug_id in PRINTED_LIMITS:
        band = dose_band(taken[0].drug_id, taken[0].daily_mg)
        return (SourceBand(PRINTED, PRINTED_LABEL, None, band), *rows)
    highest = risk_value_mg(taken)
    return (SourceBand(HIGHEST, HIGHEST_LABEL, highest, dose_band_of_dze(highest)), *rows)


def regimen_dependence(taken: Sequence[Taken]) -> Dependence:
    """Return the likelihood of physical dependence on everything taken together.

    The table is read with the longest use and the highest dose band of all drugs;
    two drugs that are each taken rarely may still cover the
    week, so their days are added up [proposal]. Source: ASAM-04 (ASAM 2025 table 2).
    """
    band = max(
        (source_bands(taken)[0].band, *(dose_band(t.drug_id, t.daily_mg) for t in taken)),
        key=BAND_ORDER.index,
    )
    days = min(7, sum(t.days_per_week for t in taken))
    months = max(t.months for t in taken)
    return asam_dependence(months, days, band)


def whole_months(start: date, end: date) -> int:
    """Return the whole months from one day to another, 0 where the other is not later."""
    months = (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)
    return max(0, months)


def _total_under(source: str, taken: Sequence[Taken]) -> Fraction | None:
    total = Fraction(0)
    for each in taken:
        value = diazepam_equivalents(each.drug_id, each.daily_mg).by_source.get(source)
        if value is None:
            return None
        total += value
    return total
