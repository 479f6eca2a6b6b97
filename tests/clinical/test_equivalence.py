"""Equivalents: every source side by side, none chosen in silence."""

from decimal import Decimal
from fractions import Fraction

import pytest

from apps.clinical.equivalence import (
    convert_mg,
    diazepam_equivalents,
    eq10_for,
    floor_dze_per_mg,
)
from apps.clinical.errors import ConversionError, UnknownDrugError


@pytest.mark.parametrize(
    ("drug_id", "mg", "vadod", "low", "high"),
    [
        ("alprazolam_ir", "6", 60, 120, 120),
        ("temazepam", "30", 20, 15, 15),
        ("flurazepam", "30", 20, 10, 20),
        ("estazolam", "2", 20, 10, 20),
        ("quazepam", "15", 15, Fraction(15, 2), Fraction(15, 2)),
        ("diazepam", "5", 5, 5, 5),
    ],
)
def test_every_source_is_given_side_by_side(drug_id, mg, vadod, low, high):
    found = diazepam_equivalents(drug_id, Decimal(mg))
    assert found.by_source == {"vadod": vadod, "ashton_low": low, "ashton_high": high}
    assert found.highest == max(vadod, low, high)
    assert found.lowest == min(vadod, low, high)
    assert found.disagree == (len({vadod, low, high}) > 1)


def test_a_source_without_a_value_is_absent_rather_than_guessed():
    assert "vadod" not in diazepam_equivalents("clobazam", Decimal(20)).by_source
    with pytest.raises(ConversionError, match="gives no value for clobazam"):
        eq10_for("clobazam", "vadod")


def test_ashton_alone_is_enough_where_it_gives_one_value_and_asks_where_it_gives_a_range():
    assert eq10_for("clonazepam", "ashton") == Decimal("0.5")
    with pytest.raises(ConversionError, match="write ashton_low or ashton_high"):
        eq10_for("flurazepam", "ashton")
    assert eq10_for("flurazepam", "ashton_low") == 30
    assert eq10_for("flurazepam", "ashton_high") == 15


def test_an_unknown_source_is_refused():
    with pytest.raises(ConversionError, match="takes vadod, ashton"):
        eq10_for("clonazepam", "clincalc")


def test_a_drug_marked_do_not_convert_is_refused_and_gets_no_low_dose_exception():
    with pytest.raises(ConversionError, match="must not be converted"):
        convert_mg(Decimal(3), "eszopiclone", "diazepam", "ashton")
    assert floor_dze_per_mg("eszopiclone") is None
    assert diazepam_equivalents("eszopiclone", Decimal(3)).highest == 10


def test_a_conversion_is_exact_and_unrounded():
    assert convert_mg(Decimal(1), "oxazepam", "diazepam", "vadod") == Fraction(1, 3)
    assert convert_mg(Decimal(2), "lorazepam_ir", "clonazepam", "ashton") == 1


def test_the_low_dose_floor_uses_the_source_that_gives_most():
    assert floor_dze_per_mg("clonazepam") == 20
    assert floor_dze_per_mg("temazepam") == Fraction(2, 3)


def test_an_unknown_drug_is_refused():
    with pytest.raises(UnknownDrugError):
        diazepam_equivalents("aspirin", Decimal(1))
