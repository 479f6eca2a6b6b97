"""Equivalents: every source side by side, none chosen in silence."""

from decimal import Decimal
from fractions import Fraction

import pytest

from apps.clinical.data import DRUG_ROWS
from apps.clinical.drugs import all_drugs
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
    assert found.disagree == (drug_id != "diazepam")


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


@pytest.mark.parametrize("drug_id", ["clorazepate", "lorazepam_ir", "bromazepam"])
def test_a_source_that_is_only_shown_is_seen_to_disagree(drug_id):
    assert diazepam_equivalents(drug_id, Decimal(15)).disagree


@pytest.mark.parametrize("drug_id", ["chlordiazepoxide", "clobazam", "zopiclone", "diazepam"])
def test_sources_that_all_say_the_same_do_not_disagree(drug_id):
    assert not diazepam_equivalents(drug_id, Decimal(15)).disagree


def test_every_further_source_is_returned_with_its_range():
    found = diazepam_equivalents("lorazepam_ir", Decimal(2))
    assert [(each.source, each.mg, each.low, each.high) for each in found.others] == [
        ("WHO 2009", 20, 20, 20),
        ("NHS Scotland", 20, 20, 20),
        ("ClinCalc", Fraction(200, 13), 5, 20),
    ]
    (quoted,) = diazepam_equivalents("clonazepam", Decimal(1)).others[1:]
    assert (quoted.source, quoted.mg) == ("ClinCalc", Fraction(40, 3))


def test_what_is_not_plainly_a_number_is_carried_in_its_own_words():
    found = diazepam_equivalents("clorazepate", Decimal(15))
    assert found.remarks == ("benzoreform.org MISQUOTES Ashton as 7.5",)
    assert [each.source for each in found.others] == ["ClinCalc"]
    assert diazepam_equivalents("estazolam", Decimal(1)).remarks == ()
    assert diazepam_equivalents("bromazepam", Decimal(6)).remarks == (
        "benzoreform.org quotes Ashton as 3",
    )


def test_every_word_of_the_further_sources_is_either_a_value_or_a_remark():
    for drug in all_drugs():
        told = len(drug.eq10_other) + len(drug.eq10_remarks)
        cell = next(row["eq10_other"] for row in DRUG_ROWS if row["drug_id"] == drug.id)
        assert told == len([part for part in cell.split(";") if part.strip()])
        for value in drug.eq10_other:
            assert f"{value.source}" in cell
            assert value.low <= value.mg <= value.high


def test_a_source_that_is_only_shown_changes_no_risk_value_and_cannot_be_chosen():
    found = diazepam_equivalents("clorazepate", Decimal(15))
    assert set(found.by_source) == {"vadod", "ashton_low", "ashton_high"}
    assert (found.highest, found.lowest) == (10, 10)
    with pytest.raises(ConversionError, match="takes vadod, ashton"):
        eq10_for("clorazepate", "ClinCalc")
