"""Medicines on the seizure-threshold list are recognised as patients write them."""

import pytest

from apps.clinical.threshold_drugs import THRESHOLD_DRUGS, plain_text, threshold_drugs_in

# triage.md section 4, name by name.
REVIEWED = [
    "bupropion",
    "tramadol",
    "tapentadol",
    "meperidine",
    "clozapine",
    "chlorpromazine",
    "tricyclics",
    "venlafaxine",
    "theophylline",
    "isoniazid",
    "fluoroquinolones",
    "imipenem",
    "cefepime",
    "penicillin",
    "mefloquine",
    "dalfampridine",
    "cyclosporine",
    "lithium",
    "baclofen",
    "stimulants",
    "diphenhydramine",
    "flumazenil",
]


def names(text):
    return [drug.name for drug in threshold_drugs_in(text)]


def test_the_list_is_the_reviewed_one():
    assert [drug.name for drug in THRESHOLD_DRUGS] == REVIEWED


@pytest.mark.parametrize("name", REVIEWED)
def test_each_listed_name_is_recognised(name):
    assert names(f"started {name.upper()} 50 mg") == [name]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Wellbutrin XL", "bupropion"),
        ("empecé bupropión", "bupropion"),
        ("clomipramine", "tricyclics"),
        ("Anafranil", "tricyclics"),
        ("maprotilina", "tricyclics"),
        ("amitriptilina 25", "tricyclics"),
        ("ciprofloxacin", "fluoroquinolones"),
        ("ciprofloxacino", "fluoroquinolones"),
        ("levofloxacin", "fluoroquinolones"),
        ("moxifloxacino", "fluoroquinolones"),
        ("litio", "lithium"),
        ("teofilina", "theophylline"),
        ("clozapina", "clozapine"),
        ("cocaína", "stimulants"),
        ("Adderall", "stimulants"),
        ("Benadryl", "diphenhydramine"),
        ("I stopped tramadol", "tramadol"),
        ("TRAMADOL/paracetamol", "tramadol"),
    ],
)
def test_brands_class_members_and_spanish_names_are_recognised(written, name):
    assert names(written) == [name]


@pytest.mark.parametrize(
    "written", ["", "ibuprofen", "vitamin D", "sertraline", "clonazepam", "metformina", "penicilo"]
)
def test_other_medicines_are_not_listed(written):
    assert names(written) == []


def test_two_listed_medicines_are_both_named():
    assert names("tramadol y litio") == ["tramadol", "lithium"]


def test_the_condition_the_source_names_is_kept():
    qualified = {drug.name: drug.qualifier for drug in THRESHOLD_DRUGS if drug.qualifier}
    assert qualified == {
        "venlafaxine": "overdose",
        "penicillin": "high dose",
        "lithium": "toxicity",
        "baclofen": "withdrawal",
        "diphenhydramine": "overdose",
        "flumazenil": "never",
    }


def test_case_and_accents_do_not_matter():
    assert plain_text("Bupropión ÑANDÚ") == "bupropion nandu"
