"""Doses as people type them: what is read, what is refused, what is asked about."""

from decimal import Decimal

import pytest

from apps.clinical.doses import looks_like_tenfold_slip, parse_dose_mg, plain, usual_max_mg
from apps.clinical.drugs import all_drugs, get_drug
from apps.clinical.errors import DoseError


@pytest.mark.parametrize("text", ["0.5", "20", "1.875", "0.0125", "0.3", "33", "6.66"])
def test_a_dose_in_plain_digits_is_read_exactly(text):
    assert parse_dose_mg(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        *("0,5", "5e-1", "-1", "+1", " 1", "1 ", "1\n", "", " ", ".5", "1.", "00.5", "1 000"),
        *("٠.٥", "½", "1/2", "NaN", "Infinity", "0x1", "one", "1_0"),
        *(0.5, 1, None, True, ["1"], Decimal("0.5")),
    ],
)
def test_a_dose_that_could_be_misread_is_refused_by_name(text):
    with pytest.raises(DoseError, match=r"^slots.night: takes milligrams written as text .*\.$"):
        parse_dose_mg(text, field="slots.night")


@pytest.mark.parametrize(
    "text", ["0.3333", "0.333", "0.667", "0.1666", "0.1667", "0.8333", "1.666"]
)
def test_a_third_written_out_is_refused_since_no_unit_gives_it(text):
    with pytest.raises(DoseError, match="repeating fraction"):
        parse_dose_mg(text)


def test_more_than_four_decimals_are_refused():
    with pytest.raises(DoseError, match="at most 4 decimals"):
        parse_dose_mg("0.00001")


def test_a_number_no_dose_reaches_is_refused():
    with pytest.raises(DoseError, match="at most 10000"):
        parse_dose_mg("10001")


@pytest.mark.parametrize("text", ["0", "0.0"])
def test_zero_is_refused_unless_it_is_a_goal(text):
    with pytest.raises(DoseError, match="above zero"):
        parse_dose_mg(text)
    assert parse_dose_mg(text, allow_zero=True) == 0


@pytest.mark.parametrize(
    ("drug_id", "slip", "plausible"),
    [
        ("clonazepam", "20", "2"),
        ("diazepam", "400", "60"),
        ("lorazepam_ir", "60", "10"),
        ("alprazolam_ir", "20", "6"),
        ("triazolam", "2.5", "0.5"),
        ("zolpidem_ir", "100", "20"),
        ("temazepam", "300", "60"),
    ],
)
def test_a_tenfold_slip_is_seen_and_a_large_real_dose_is_not(drug_id, slip, plausible):
    drug = get_drug(drug_id)
    assert looks_like_tenfold_slip(drug, Decimal(slip))
    assert not looks_like_tenfold_slip(drug, Decimal(plausible))


@pytest.mark.parametrize("drug", all_drugs(), ids=lambda drug: drug.id)
def test_every_drug_has_a_usual_dose_below_which_nothing_is_asked(drug):
    usual = usual_max_mg(drug)
    assert usual > 0
    assert not looks_like_tenfold_slip(drug, usual)


@pytest.mark.parametrize(
    ("value", "text"), [("20", "20"), ("2E+1", "20"), ("0.250", "0.25"), ("0", "0"), ("1.0", "1")]
)
def test_a_dose_is_printed_in_plain_digits(value, text):
    assert plain(Decimal(value)) == text
