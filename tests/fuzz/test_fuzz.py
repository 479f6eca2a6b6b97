"""The short form of `make fuzz`: every URL a few times, always with the same questions."""

from typing import Any

import pytest

from tests.fuzz.fuzz_urls import foreign, fuzz

__all__ = ["foreign"]
pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_a_few_bad_questions_of_every_url(patient, prescriber, foreign: dict[str, Any]) -> None:
    tally = fuzz(patient, prescriber, foreign, 3, "short")
    assert tally[200] > tally.total() / 10, "it gets past the doors"
