"""Nothing on a patient's page says that somebody knows before it is so."""

import pytest

from apps.checkins.claims import without_claims
from apps.clinical.texts import LANGUAGES, patient_text, text_keys

NUMBERS = {"emergency": "911", "crisis": "988", "clinic_phone": "555-0100", "after_hours": "555-1"}
SAYS_SOMEBODY_KNOWS = ("told your", "been told", "telling your", "avisamos", "avisando")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", text_keys())
def test_every_advice_can_be_shown_without_claiming_that_somebody_knows(key, language) -> None:
    text = patient_text(key, language, **NUMBERS)
    short = without_claims(text, language)
    assert not [words for words in SAYS_SOMEBODY_KNOWS if words in short]
    assert set(short.split()) <= set(text.split())
    assert short


def test_nothing_else_is_left_out() -> None:
    text = patient_text("T_CHEST", "en", **NUMBERS)
    assert without_claims(text, "en") + " Your care team has been told." == text
