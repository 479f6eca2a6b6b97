"""Doses that are shown back before they are stored."""

from decimal import Decimal

import pytest

from apps.clinical.dose_check import dose_questions
from apps.clinical.errors import UnknownDrugError


def asked(drug_id, **slots):
    return dose_questions(drug_id, {slot: Decimal(mg) for slot, mg in slots.items()})


@pytest.mark.parametrize(
    ("drug_id", "slots"),
    [
        ("clonazepam", {"morning": "1", "night": "1.5"}),
        ("clonazepam", {"night": "0.125"}),
        ("diazepam", {"morning": "10", "noon": "0", "night": "10"}),
        ("lorazepam_ir", {"night": "0.5"}),
        ("alprazolam_ir", {"morning": "0.3"}),  # the concentrate gives it
    ],
)
def test_a_usual_dose_is_not_asked_about(drug_id, slots):
    assert asked(drug_id, **slots) == ()


@pytest.mark.parametrize(
    ("drug_id", "slots", "words"),
    [
        ("clonazepam", {"morning": "20"}, "ten times the usual"),
        ("clonazepam", {"morning": "0.0001"}, "less than the last dose of a taper"),
        ("clonazepam", {"morning": "0.0001"}, "no clonazepam on sale"),
        ("clonazepam", {"morning": "1.1"}, "no clonazepam on sale"),
        ("temazepam", {"night": "10"}, "no temazepam on sale"),
        ("diazepam", {"night": "0.5"}, "less than the last dose of a taper"),
    ],
)
def test_an_unusual_dose_is_asked_about_in_words(drug_id, slots, words):
    assert any(words in sentence for sentence in asked(drug_id, **slots))


def test_a_drug_nobody_knows_is_refused():
    with pytest.raises(UnknownDrugError):
        asked("aspirin", night="1")
