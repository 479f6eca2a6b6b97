"""Products: what exists, what may be split, and into what."""

from decimal import Decimal

import pytest

from apps.clinical.drugs import all_drugs, get_drug
from apps.clinical.errors import ProductError
from apps.clinical.products import (
    Form,
    Product,
    is_listed,
    is_scored_for,
    marketed_products,
)


def product(drug_id, strength, form, part):
    return Product(drug_id, Decimal(strength), Form(form), Decimal(part))


@pytest.mark.parametrize("drug", all_drugs(), ids=lambda drug: drug.id)
def test_every_drug_has_marketed_products_with_real_parts(drug):
    for item in marketed_products(drug.id):
        assert item.drug_id == drug.id
        assert is_listed(item)
        assert is_scored_for(item)
        if not item.is_liquid and drug.min_solid_unit_mg is not None:
            assert item.smallest_mg >= drug.min_solid_unit_mg


@pytest.mark.parametrize(
    ("drug_id", "strength", "part"),
    [
        ("clonazepam", "0.5", "0.5"),
        ("clonazepam", "1", "1"),
        ("alprazolam_ir", "2", "0.25"),
        ("lorazepam_ir", "0.5", "1"),
        ("lorazepam_ir", "1", "0.5"),
        ("triazolam", "0.25", "0.5"),
        ("triazolam", "0.125", "1"),
        ("nitrazepam", "5", "1"),
    ],
)
def test_marketed_tablets_split_only_where_the_drug_list_calls_them_scored(drug_id, strength, part):
    tablets = [
        item
        for item in marketed_products(drug_id)
        if item.form is Form.TABLET and item.strength_mg == Decimal(strength)
    ]
    assert [item.smallest_part for item in tablets] == [Decimal(part)]


@pytest.mark.parametrize(
    ("drug_id", "strength", "form", "part", "why"),
    [
        ("temazepam", "15", "capsule", "0.5", "never split"),
        ("clonazepam", "0.25", "odt", "0.5", "never split"),
        ("clobazam", "10", "film", "0.5", "never split"),
        ("alprazolam_xr", "1", "xr_tablet", "0.5", "never split"),
        ("lorazepam_xr", "1", "xr_capsule", "0.5", "never split"),
        ("zolpidem_sl", "10", "sublingual", "0.5", "never split"),
        ("zolpidem_ir", "10", "tablet", "0.5", "not divisible"),
        ("lorazepam_ir", "0.5", "tablet", "0.5", "below the smallest real unit of 0.5 mg"),
        ("diazepam", "2", "tablet", "0.25", "below the smallest real unit of 1 mg"),
        ("diazepam", "2", "tablet", "0.3", "takes 1, 1/2 or 1/4"),
        ("diazepam", "1", "liquid", "0.3", "syringe mark"),
        ("diazepam", "0", "tablet", "1", "above zero"),
        ("diazepam", "NaN", "tablet", "1", "above zero"),
        ("diazepam", "0.00001", "tablet", "1", "at most 4 decimals"),
    ],
)
def test_a_product_that_cannot_exist_is_refused(drug_id, strength, form, part, why):
    with pytest.raises(ProductError, match=why):
        product(drug_id, strength, form, part)


def test_a_tablet_of_unknown_score_may_be_split_by_a_clinic_that_says_so():
    own = product("nitrazepam", "5", "tablet", "0.5")
    assert not is_scored_for(own)
    assert is_listed(own)


def test_an_unscored_tablet_may_be_cut_but_is_pointed_out():
    assert not is_scored_for(product("clonazepam", "1", "tablet", "0.5"))


def test_a_strength_nobody_lists_is_known_as_such():
    assert not is_listed(product("clonazepam", "0.7", "tablet", "1"))


def test_names_and_units_read_as_on_a_label():
    liquid = product("diazepam", "1", "liquid", "0.1")
    assert (liquid.name, liquid.unit) == ("diazepam 1 mg/mL oral liquid", "mL")
    tablet = product("clonazepam", "0.50", "tablet", "0.5")
    assert (tablet.name, tablet.unit) == ("clonazepam 0.5 mg tablet", "tablet")
    assert tablet.smallest_mg == Decimal("0.25")


def test_a_drug_sold_only_elsewhere_offers_what_is_sold_there():
    assert not get_drug("zopiclone").marketed_in_us
    assert {item.strength_mg for item in marketed_products("zopiclone")} == {
        Decimal("3.75"),
        Decimal("5"),
        Decimal("7.5"),
    }
