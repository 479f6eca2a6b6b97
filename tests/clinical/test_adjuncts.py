"""What the guideline warns of beside a taper, by the names and brands of the clinical files."""

import csv
from pathlib import Path

import pytest

from apps.clinical.adjuncts import (
    ADJUNCT_WARNINGS,
    CLONIDINE,
    GABAPENTIN,
    LOWERS_THRESHOLD,
    NAMES_KNOWN,
    NEVER_STOPPED,
    NO_SECOND_DEPENDENCE,
    NO_Z_DRUG,
    NOT_FOR_OLDER,
    PROPRANOLOL,
    WITH_OPIOID,
    adjunct_warnings,
)
from apps.clinical.detox import NEVER_FOR_TAPERING
from apps.clinical.drugs import all_drugs
from apps.clinical.threshold_drugs import THRESHOLD_DRUGS

MEANING = {
    "Z": NO_Z_DRUG, "OLD": NOT_FOR_OLDER, "GABA": GABAPENTIN, "CLON": CLONIDINE,
    "PROP": PROPRANOLOL, "NICE-06": NO_SECOND_DEPENDENCE, "MOUD": NEVER_STOPPED,
    "OPI": WITH_OPIOID, "THR": LOWERS_THRESHOLD, "FLU": NEVER_FOR_TAPERING[0],
    "GEN": NEVER_FOR_TAPERING[1],
}  # fmt: skip
DATA = Path(__file__).parent / "data"


def rows_of(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "vector", rows_of("adjunct_vectors.csv"), ids=lambda vector: vector["typed"]
)
def test_a_medicine_is_warned_of_as_the_guideline_does(vector) -> None:
    """NICE-06, ASAM-21, ASAM-24, ASAM-30, FDA-04 and U20, by the names of our clinical files."""
    found = adjunct_warnings(vector["typed"], int(vector["age"]))
    assert found == tuple(MEANING[name] for name in vector["warnings"].split())


@pytest.mark.parametrize("drug", all_drugs(), ids=lambda drug: drug.id)
def test_every_name_and_brand_of_the_drug_list_is_known(drug) -> None:
    for name in (drug.name, *drug.brands):
        assert NO_SECOND_DEPENDENCE in adjunct_warnings(f"{name.upper()} 5 mg", 40), name
        assert (NO_Z_DRUG in adjunct_warnings(name, 40)) is (drug.drug_class == "z-drug"), name


def test_every_brand_of_the_products_given_is_known() -> None:
    rows = rows_of("rxnorm_brands.csv")
    assert len(rows) == 20
    for row in rows:
        assert NO_SECOND_DEPENDENCE in adjunct_warnings(row["brand"], 40), row


@pytest.mark.parametrize("drug", THRESHOLD_DRUGS, ids=lambda drug: drug.name)
def test_what_lowers_the_seizure_threshold_for_u20_does_so_beside_a_taper(drug) -> None:
    assert LOWERS_THRESHOLD in adjunct_warnings(f"{drug.name.capitalize()} 5 mg", 40)


@pytest.mark.parametrize("typed", ["esketamine", "norpropranolol"])
def test_a_part_of_a_word_is_no_name(typed) -> None:
    assert adjunct_warnings(typed, 40) == ()


def test_every_warning_names_its_source_and_the_form_says_which_names_are_known() -> None:
    assert all(each.source for each in ADJUNCT_WARNINGS)
    assert "its brand brings up no warning" in NAMES_KNOWN
    assert set(MEANING.values()) == set(ADJUNCT_WARNINGS)
