"""The drug list: every entry is whole, and an unknown name helps to the right one."""

import pytest

from apps.clinical.drugs import Divisible, HalfLife, all_drugs, get_drug
from apps.clinical.errors import UnknownDrugError


def test_all_drugs_of_the_list_are_known():
    assert len(all_drugs()) == 23
    assert get_drug("clonazepam").name == "clonazepam"


@pytest.mark.parametrize("drug", all_drugs(), ids=lambda drug: drug.id)
def test_every_drug_has_the_facts_a_taper_needs(drug):
    assert drug.half_life_class in HalfLife
    assert drug.half_life_hours[0] <= drug.half_life_hours[1]
    assert drug.divisible in Divisible
    assert drug.eq10_mg["ashton_low"] <= drug.eq10_mg["ashton_high"]
    assert drug.brands
    assert not drug.auto_convert_allowed, "nothing converts silently"


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("alprazolam", "alprazolam_ir or alprazolam_xr"),
        ("Klonopin", "write clonazepam"),
        ("Lexotan", "write bromazepam"),
        ("lorazepam_er", "lorazepam_ir or lorazepam_xr"),
        ("aspirin", "an id such as clonazepam"),
        ("", "an id such as clonazepam"),
    ],
)
def test_an_unknown_drug_is_refused_with_the_ids_that_look_alike(wanted, hint):
    with pytest.raises(UnknownDrugError, match=hint):
        get_drug(wanted)


def test_only_the_drug_marked_so_must_not_be_converted():
    assert [drug.id for drug in all_drugs() if drug.conversion_refused] == ["eszopiclone"]
