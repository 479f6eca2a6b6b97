"""Advice texts: verbatim English, complete Spanish, plain words, real numbers."""

import re

import pytest

from apps.clinical.data_symptoms import rows_by
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.clinical.texts import (
    AFTER_LAST_DOSE,
    LANGUAGES,
    LOCALE_NUMBERS,
    NOTHING_FIRED,
    PLACEHOLDERS,
    TextError,
    base_language,
    key_for,
    needed_placeholders,
    patient_text,
    text_keys,
)
from apps.clinical.triage import RULES
from apps.clinical.triage.rule import RULE_TABLE

NUMBERS = {
    "emergency": "911",
    "crisis": "988",
    "clinic_phone": "555-0100",
    "after_hours": "555-0199",
}
# What the texts must never hold: a text reaches people who are not the patient.
DOSE = re.compile(r"\b\d+([.,]\d+)?\s*(mg|ml)\b", re.IGNORECASE)


def template(key, language):
    return patient_text(key, language, **{name: f"{{{name}}}" for name in PLACEHOLDERS})


@pytest.mark.parametrize("row", rows_by(RULE_TABLE, "rule_id").values(), ids=lambda r: r["rule_id"])
def test_english_text_is_the_reviewed_one_word_for_word(row):
    assert template(row["patient_text_key"], "en") == row["patient_text_en_us"]


def test_every_rule_has_a_text_and_every_text_a_rule():
    of_rules = {rule.text_key for rule in RULES} | {NOTHING_FIRED}
    assert of_rules == {key.removesuffix(AFTER_LAST_DOSE) for key in text_keys()}
    assert {key for key in text_keys() if not key.endswith(AFTER_LAST_DOSE)} == of_rules


# What has no sense for somebody who takes none any more.
OF_A_DOSE = re.compile(
    r"\bdose|medicine|a benzo|\brefill|dosis|medicina|benzodiacepina", re.IGNORECASE
)
# Only what a person says of a dose shows these; without one their rules have nothing to fire on.
ONLY_WITH_A_DOSE = {
    "T_STOP_EMERG", "T_STOP_URG", "T_MISSED_DOSE", "T_TOOKLESS", "T_TOOKEXTRA", "T_SUPPLY",
    "T_MISSED_CHECKIN",
}  # fmt: skip
OTHER_MEDICINES = {"T_NEWMED", "T_FEVERNEURO"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_takes_none_is_told_of_no_dose(language):
    for key in {key_for(rule.text_key, takes_none=True) for rule in RULES} | {"T_NONE_OFF"}:
        if key not in ONLY_WITH_A_DOSE | OTHER_MEDICINES:
            assert not OF_A_DOSE.search(template(key, language)), key


@pytest.mark.parametrize("key", [key for key in text_keys() if key.endswith(AFTER_LAST_DOSE)])
def test_the_wording_without_a_dose_names_the_same_numbers(key):
    before = key.removesuffix(AFTER_LAST_DOSE)
    assert needed_placeholders(key, "en") == needed_placeholders(before, "en")
    assert key_for(before, takes_none=False) == before


@pytest.mark.parametrize("key", text_keys())
def test_every_text_exists_in_every_language_with_the_same_numbers(key):
    texts = {language: template(key, language) for language in LANGUAGES}
    assert texts["en"] != texts["es"]
    assert len({needed_placeholders(key, language) for language in LANGUAGES}) == 1
    assert needed_placeholders(key, "en") <= set(PLACEHOLDERS)
    assert not any(DOSE.search(text) for text in texts.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", text_keys())
def test_numbers_are_filled_in(key, language):
    text = patient_text(key, language, **NUMBERS)
    assert "{" not in text
    for name in needed_placeholders(key, language):
        assert NUMBERS[name] in text


@pytest.mark.parametrize("missing", [None, "", "  "])
def test_a_missing_or_blank_number_is_refused(missing):
    with pytest.raises(TextError, match="clinic_phone"):
        patient_text("T_STOP_URG", "en", **{**NUMBERS, "clinic_phone": missing})
    with pytest.raises(TextError, match="emergency"):
        patient_text("T_CHEST", "es")


def test_a_number_may_hold_braces_without_being_filled_in_again():
    assert "{crisis}" in patient_text("T_CHEST", "en", emergency="{crisis}")


def test_an_unknown_text_is_refused():
    with pytest.raises(TextError, match="T_NOWHERE"):
        patient_text("T_NOWHERE", "en", **NUMBERS)


@pytest.mark.parametrize(
    ("tag", "base"),
    [("en", "en"), ("es", "es"), ("es-MX", "es"), ("ES_es", "es"), ("fr", "en"), ("", "en")],
)
def test_a_language_tag_falls_back_to_its_base_or_to_english(tag, base):
    assert base_language(tag) == base
    assert patient_text("T_CHEST", tag, **NUMBERS) == patient_text("T_CHEST", base, **NUMBERS)


def test_emergency_texts_name_the_emergency_or_crisis_number():
    for rule in RULES:
        if rule.level.value == "emergency":
            assert needed_placeholders(rule.text_key, "es") & {"emergency", "crisis"}


def test_no_text_tells_a_patient_to_take_more():
    for key in text_keys():
        text = template(key, "en").lower()
        assert not re.search(r"(?<!not )\btake (more|extra|another)\b", text), key


def test_locale_numbers_are_those_of_the_reviewed_list():
    assert {place: each.emergency for place, each in LOCALE_NUMBERS.items()} == {
        "US": "911",
        "CA": "911",
        "UK": "999",
        "EU": "112",
        "AU": "000",
        "NZ": "111",
    }
    assert LOCALE_NUMBERS["US"].crisis == LOCALE_NUMBERS["CA"].crisis == "988"
    assert LOCALE_NUMBERS["EU"].crisis is None


# --- reading level -------------------------------------------------------------


def syllables(word):
    """Count vowel groups, leaving out a silent final e or ed."""
    word = re.sub(r"[^a-z]", "", word.lower())
    groups = len(re.findall(r"[aeiouy]+", word))
    silent_e = word.endswith("e") and not word.endswith(("le", "ee"))
    silent_ed = re.search(r"[^aeioutd]ed$", word) is not None
    return max(groups - (silent_e or silent_ed), 1)


def grade(text):
    """Return the Flesch-Kincaid grade of an English text."""
    sentences = max(len(re.findall(r"[.!?]+(?=\s|$)", text)), 1)
    words = re.findall(r"[A-Za-z']+", text)
    per_sentence = len(words) / sentences
    per_word = sum(syllables(word) for word in words) / len(words)
    return 0.39 * per_sentence + 11.8 * per_word - 15.59


def test_the_reading_check_knows_hard_from_easy():
    assert grade("The cat sat on the mat.") < 1
    assert [syllables(word) for word in ("scared", "wanted", "take", "able")] == [1, 2, 1, 2]
    assert grade("Pharmacological discontinuation necessitates interdisciplinary evaluation.") > 12


@pytest.mark.parametrize("key", text_keys())
def test_patient_text_reads_at_grade_6_or_less(key):
    # Numbers stand for words a reader says aloud; they are left out of the count.
    assert grade(re.sub(r"\{\w+\}", "us", template(key, "en"))) <= 6


@pytest.mark.parametrize("kind", ["daily", "weekly"])
def test_our_own_questions_read_at_grade_6_or_less(kind):
    form = get_questionnaire(kind, LATEST[kind])
    for item in form.items:
        if item.section in ("phq9", "gad7", "asq"):
            continue  # published instruments, unchanged
        said = [item.wording["en"], *(option.label["en"] for option in item.options)]
        for text in (*said, *item.hint.get("en", "").split(". ")):
            if len(re.findall(r"[A-Za-z']+", text)) >= 4:
                assert grade(text) <= 6, text
