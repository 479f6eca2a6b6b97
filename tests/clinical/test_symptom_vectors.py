"""The reviewed test vectors of the symptom half, one test each."""

import json
from pathlib import Path

import pytest

from apps.clinical.conformance import agrees
from apps.clinical.conformance_symptoms import RUNNERS, TRIAGE_DEFAULTS

FILE = json.loads((Path(__file__).parent / "data" / "symptom_vectors.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", FILE["vectors"], ids=lambda vector: vector["id"])
def test_reviewed_vector(vector):
    actual = RUNNERS[vector["kind"]](vector["input"])
    assert agrees(vector["expected"], actual), actual


def test_every_kind_has_vectors():
    assert {vector["kind"] for vector in FILE["vectors"]} == set(RUNNERS)


def test_triage_defaults_are_those_of_the_vector_file():
    ours = {key: value for key, value in TRIAGE_DEFAULTS.items() if key != "red_flags"}
    theirs = FILE["defaults"]
    assert {key: theirs[key] for key in ours} == ours
    # What we leave out stands for "no" or "not known" there.
    left_out = {key: value for key, value in theirs.items() if key not in ours}
    assert all(value in (False, None, 0, []) for value in left_out.values())
