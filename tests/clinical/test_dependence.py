"""Dependence table and dose bands of the ASAM guideline."""

from decimal import Decimal
from fractions import Fraction

import pytest

from apps.clinical.dependence import (
    DependenceError,
    DependenceRisk,
    DoseBand,
    asam_dependence,
    dose_band,
    dose_band_of_dze,
)

LOW, MODERATE, HIGH = DoseBand.LOW, DoseBand.MODERATE, DoseBand.HIGH


@pytest.mark.parametrize(
    ("months", "days", "band", "risk"),
    [
        (120, 3, HIGH, DependenceRisk.RARE),
        (Decimal("0.9"), 4, HIGH, DependenceRisk.LOWER),
        (1, 4, LOW, DependenceRisk.LOWER),
        (Decimal("2.9"), 7, LOW, DependenceRisk.LOWER),
        (1, 4, MODERATE, DependenceRisk.YES),
        (1, 4, HIGH, DependenceRisk.YES),
        (3, 4, LOW, DependenceRisk.YES),
        (3, Decimal("3.5"), LOW, DependenceRisk.YES),
        (0, 7, HIGH, DependenceRisk.LOWER),
    ],
)
def test_dependence_table(months, days, band, risk):
    found = asam_dependence(months, days, band)
    assert (found.risk, found.dose_band) == (risk, band)
    assert "ASAM" in found.source


@pytest.mark.parametrize(("months", "days"), [(-1, 4), (1, -1), (1, 8)])
def test_an_impossible_duration_or_frequency_is_refused(months, days):
    with pytest.raises(DependenceError):
        asam_dependence(months, days, LOW)


@pytest.mark.parametrize(
    ("drug", "low", "moderate"),
    [
        ("clonazepam", "0.5", "1.5"),
        ("lorazepam_ir", "2", "3"),
        ("lorazepam_xr", "2", "3"),
        ("alprazolam_ir", "1", "2"),
        ("alprazolam_xr", "1", "2"),
        ("diazepam", "10", "15"),
    ],
)
def test_printed_limits_win_over_arithmetic(drug, low, moderate):
    step = Decimal("0.01")
    assert dose_band(drug, Decimal(low)) is LOW
    assert dose_band(drug, Decimal(low) + step) is MODERATE
    assert dose_band(drug, Decimal(moderate)) is MODERATE
    assert dose_band(drug, Decimal(moderate) + step) is HIGH


def test_other_drugs_use_the_largest_equivalent_of_all_sources():
    # 22.5 mg temazepam: 11.25 mg diazepam by Ashton, 15 by VA/DoD.
    assert dose_band("temazepam", Decimal("22.5")) is MODERATE
    assert dose_band("temazepam", Decimal("22.6")) is HIGH
    assert dose_band("temazepam", Fraction(15)) is LOW


def test_an_exact_equivalent_needs_no_rounding():
    assert dose_band_of_dze(Fraction(30, 2)) is MODERATE
    assert dose_band_of_dze(Fraction(10, 1)) is LOW
    assert dose_band_of_dze(Fraction(31, 2)) is HIGH


def test_nothing_taken_and_every_day_are_the_ends_of_the_scale():
    assert asam_dependence(0, 0, LOW).risk is DependenceRisk.RARE
    assert asam_dependence(3, 7, LOW).risk is DependenceRisk.YES
    assert dose_band("diazepam", 0) is LOW
    assert dose_band_of_dze(0) is LOW


def test_a_negative_dose_is_refused():
    with pytest.raises(DependenceError):
        dose_band("diazepam", Decimal(-1))
    with pytest.raises(DependenceError):
        dose_band_of_dze(-1)
