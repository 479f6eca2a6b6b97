"""Check-in forms: the reviewed questions, when they show, and clean answers."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from apps.clinical.questionnaires import (
    LATEST,
    Condition,
    QuestionnaireError,
    clean_answers,
    get_questionnaire,
    is_shown,
    missing_mandatory,
)
from apps.clinical.questionnaires.model import KINDS, PUBLISHED
from apps.clinical.triage import assess

DAILY = get_questionnaire("daily", LATEST["daily"])
WEEKLY = get_questionnaire("weekly", LATEST["weekly"])
FORMS = (DAILY, WEEKLY)
OLD_DAILY = get_questionnaire("daily", 1)
with (Path(__file__).parent / "data" / "checkin_items.csv").open(encoding="utf-8") as file:
    REVIEWED = {row["key"]: row for row in csv.DictReader(file)}
# Asked question by question here; the reviewed list names the instrument once.
INSTRUMENTS = {"phq9": 9, "gad7": 7, "asq": 5}


def clean(form, **raw):
    return clean_answers(form, raw)


def words_of(form):
    yield form.title
    yield from form.credits
    for section in form.sections:
        yield section.heading
    for item in form.items:
        yield item.wording
        if item.unit:
            yield item.unit
        if item.hint:
            yield item.hint
        for option in (*item.options, *item.units):
            yield option.label


# --- the forms are the reviewed ones ------------------------------------------


@pytest.mark.parametrize("key", REVIEWED)
def test_question_has_the_reviewed_wording(key):
    if key in INSTRUMENTS:
        found = [item for item in WEEKLY.items if item.section == key]
        assert len(found) == INSTRUMENTS[key]
        return
    form = DAILY if REVIEWED[key]["form"] == "daily" else WEEKLY
    assert form.item(key).wording["en"] == REVIEWED[key]["wording_en_us"]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.kind)
def test_questions_come_in_the_reviewed_order(form):
    reviewed = [key for key, row in REVIEWED.items() if row["form"] == form.kind]
    asked = [item.key for item in form.items if item.key in reviewed]
    assert asked == [key for key in reviewed if key not in INSTRUMENTS]


@pytest.mark.parametrize(
    "key", [key for key in REVIEWED if " | " in REVIEWED[key]["response_scale"]]
)
def test_options_are_the_reviewed_ones(key):
    if REVIEWED[key]["data_type"] in ("5 x bool", "list"):
        assert INSTRUMENTS.get(key) == 5 or WEEKLY.item(key).kind == "yes_no"
        return
    row = REVIEWED[key]
    options = (DAILY if row["form"] == "daily" else WEEKLY).item(key).options
    reviewed = [each.strip() for each in row["response_scale"].split(" | ")]
    assert len(options) == len(reviewed)
    for option, words in zip(options, reviewed, strict=True):
        # A reviewed option reads "key: words", "number words" or "words".
        spellings = {
            f"{option.value}: {option.label['en']}",
            f"{option.value} {option.label['en']}",
        }
        plain = option.label["en"].removesuffix(" minutes")
        assert words in spellings | {option.label["en"], plain}


def test_an_amount_is_asked_in_the_reviewed_units():
    """In every language the same two, none of them chosen beforehand; the old form said mg."""
    (key,) = [key for key, row in REVIEWED.items() if row["response_scale"].endswith("mg or mL")]
    item = DAILY.item(key)
    assert [unit.value for unit in item.units] == ["mg", "mL"]
    assert (
        "number, in " + " or ".join(u.value for u in item.units)
        == (REVIEWED[key]["response_scale"])
    )
    assert not item.unit
    assert OLD_DAILY.item(key).unit == {"en": "mg", "es": "mg"}
    assert not OLD_DAILY.item(key).units


def test_versions_of_the_daily_form_differ_in_the_amount_alone():
    """A phone may send the old one for days: whatever else it asks is asked in the same words."""
    assert [item.key for item in OLD_DAILY.items] == [item.key for item in DAILY.items]
    changed = [new.key for old, new in zip(OLD_DAILY.items, DAILY.items, strict=True) if old != new]
    assert changed == ["dose_taken_mg"]


def test_the_daily_score_is_the_ten_reviewed_items():
    reviewed = [key for key, row in REVIEWED.items() if row["in_daily_score"] == "yes"]
    assert list(DAILY.score_keys) == reviewed
    assert WEEKLY.score_keys == ()


def test_mandatory_questions_are_the_four_reviewed_ones():
    mandatory = [item.key for form in FORMS for item in form.items if item.mandatory]
    assert mandatory == ["dose_taken", "seizure", "red_flags", "si"]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.kind)
def test_every_word_is_in_english_and_spanish(form):
    for wording in words_of(form):
        assert set(wording) == {"en", "es"}
        assert all(text.strip() == text and text for text in wording.values())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.kind)
def test_every_form_is_well_made(form):
    keys = [item.key for item in form.items]
    assert len(set(keys)) == len(keys)
    assert {item.section for item in form.items} == {section.key for section in form.sections}
    assert {item.kind for item in form.items} <= KINDS
    for item in form.items:
        has_options = item.kind in ("single", "multi", "scale", "yes_no")
        assert bool(item.options) == has_options
        values = [str(option.value) for option in item.options]
        assert len(set(values)) == len(values)
    assert sum(len(form.items_of(section.key)) for section in form.sections) == len(keys)


def test_phq9_and_gad7_carry_their_credit_line():
    credits = " ".join(each["en"] for each in WEEKLY.credits)
    assert "Spitzer" in credits
    assert "Pfizer" in credits
    assert "NIMH" in credits


def test_old_versions_stay_published_and_unknown_ones_are_refused():
    assert {(kind, version) for kind, version in LATEST.items()} <= PUBLISHED
    for kind, version in PUBLISHED:
        form = get_questionnaire(kind, version)
        assert (form.kind, form.version) == (kind, version)
    for wrong in (("daily", 99), ("hourly", 1)):
        with pytest.raises(QuestionnaireError):
            get_questionnaire(*wrong)
    with pytest.raises(QuestionnaireError, match="shoe_size"):
        DAILY.item("shoe_size")


# --- when a question is shown -----------------------------------------------------

SHOWN = [
    (DAILY, "seizure", {}, {}, True),
    (DAILY, "hours_since_last_dose", {"dose_taken": "yes_all"}, {}, False),
    (DAILY, "hours_since_last_dose", {"dose_taken": "missed_some"}, {}, True),
    (DAILY, "hours_since_last_dose", {}, {}, False),
    (DAILY, "dose_taken_mg", {"dose_taken": "took_less"}, {}, True),
    (DAILY, "dose_taken_mg", {"dose_taken": "took_extra"}, {}, True),
    (DAILY, "dose_taken_mg", {"dose_taken": "stopped"}, {}, False),
    (DAILY, "supply_days", {}, {"last_supply_days": 8, "days_since_supply": 6}, False),
    (DAILY, "supply_days", {}, {"last_supply_days": 7, "days_since_supply": 1}, True),
    (DAILY, "supply_days", {}, {"last_supply_days": 30, "days_since_supply": 7}, True),
    (DAILY, "supply_days", {}, {}, True),
    (DAILY, "temp_c", {"red_flags": ("rf_fever", "fall")}, {}, True),
    (DAILY, "temp_c", {"red_flags": ("fall",)}, {}, False),
    (DAILY, "temp_c", {}, {}, False),
    (DAILY, "si_now", {"si": "passive"}, {}, True),
    (DAILY, "si_now", {"si": "active_no_plan"}, {}, True),
    (DAILY, "si_now", {"si": "plan_or_intent"}, {}, True),
    (DAILY, "si_now", {"si": "declined"}, {}, False),
    (DAILY, "si_now", {"si": "no"}, {}, False),
    (WEEKLY, "asq_1", {"phq9_9": 0}, {"last_si": "no", "days_since_asq": 29}, False),
    (WEEKLY, "asq_1", {"phq9_9": 1}, {"last_si": "no", "days_since_asq": 29}, True),
    (WEEKLY, "asq_1", {"phq9_9": 0}, {"last_si": "declined", "days_since_asq": 29}, True),
    (WEEKLY, "asq_1", {"phq9_9": 0}, {"last_si": "no", "days_since_asq": 30}, True),
    (WEEKLY, "asq_1", {}, {}, True),
    (WEEKLY, "asq_5", {"asq_1": False, "asq_4": True}, {}, True),
    (WEEKLY, "asq_5", {"asq_1": False}, {}, False),
    (WEEKLY, "pregnancy", {}, {"age": 12}, True),
    (WEEKLY, "pregnancy", {}, {"age": 55}, True),
    (WEEKLY, "pregnancy", {}, {"age": 11}, False),
    (WEEKLY, "pregnancy", {}, {"age": 56}, False),
    (WEEKLY, "pregnancy", {}, {"age": 30, "cannot_be_pregnant": True}, False),
    (WEEKLY, "pregnancy", {}, {"age": 30, "cannot_be_pregnant": False}, True),
    (WEEKLY, "pregnancy", {}, {}, True),
    (WEEKLY, "new_meds_list", {"new_meds": True}, {}, True),
    (WEEKLY, "new_meds_list", {"new_meds": False}, {}, False),
]


@pytest.mark.parametrize(("form", "key", "answers", "context", "expected"), SHOWN)
def test_a_follow_up_is_shown_when_its_condition_holds(form, key, answers, context, expected):
    assert is_shown(form.item(key), answers, context) is expected


def test_conditions_only_name_questions_of_the_form_and_documented_facts():
    documented = {
        "last_supply_days",
        "days_since_supply",
        "last_si",
        "days_since_asq",
        "age",
        "cannot_be_pregnant",
    }

    def leaves(condition):
        return [leaf for part in condition.parts for leaf in leaves(part)] or [condition]

    for form in FORMS:
        keys = {item.key for item in form.items}
        for item in form.items:
            for leaf in leaves(item.shown_when) if item.shown_when else []:
                assert leaf.key in (keys if leaf.source == "answer" else documented)


def test_a_condition_can_be_handed_to_a_page_as_data():
    either = Condition("any", parts=(Condition("in", "answer", "si", ("no",)),))
    assert either.as_dict() == {
        "op": "any",
        "parts": [{"op": "in", "source": "answer", "key": "si", "values": ["no"]}],
    }


# --- cleaning -------------------------------------------------------------------

READ = [
    (DAILY, "seizure", "not_sure", "not_sure"),
    (DAILY, "s_anx", "3", 3),
    (DAILY, "s_anx", 3, 3),
    (DAILY, "si_now", "True", True),
    (DAILY, "si_now", "no", False),
    (DAILY, "si_now", True, True),
    (DAILY, "si_now", 1, True),
    (DAILY, "alcohol_drinks", " 5 ", 5),
    (DAILY, "hours_since_last_dose", "24", 24),
    (DAILY, "hours_since_last_dose", "24.0", 24),
    (DAILY, "hours_since_last_dose", "0", 0),
    (DAILY, "hours_since_last_dose", "240", 240),
    (DAILY, "dose_taken_mg", "0,5", Decimal("0.5")),
    (DAILY, "dose_taken_mg", ".25", Decimal("0.25")),
    (DAILY, "dose_taken_mg", 1.5, Decimal("1.5")),
    (DAILY, "dose_taken_mg", Decimal("0.125"), Decimal("0.125")),
    (DAILY, "dose_taken_mg", "0.6 mL", "0.6 mL"),
    (DAILY, "dose_taken_mg", " ,6ml ", "0.6 mL"),
    (DAILY, "dose_taken_mg", "0,60 ml mL", "0.60 mL"),
    (DAILY, "dose_taken_mg", "2mg", "2 mg"),
    (DAILY, "dose_taken_mg", "0.000001 MG", "0.000001 mg"),
    (DAILY, "dose_taken_mg", "1", Decimal(1)),
    (OLD_DAILY, "dose_taken_mg", "0,5", Decimal("0.5")),
    (WEEKLY, "sleep_hours", "6.5", Decimal("6.5")),
    (DAILY, "red_flags", ["fall", "rf_chest"], ("rf_chest", "fall")),
    (DAILY, "red_flags", "none", ("none",)),
    (DAILY, "red_flags", {"rf_chest"}, ("rf_chest",)),
    (DAILY, "temp_c", "38.2", Decimal("38.2")),
    (DAILY, "temp_c", "38,2 °C", Decimal("38.2")),
    (DAILY, "temp_c", "100.4", Decimal("38.00")),
    (DAILY, "temp_c", "100.4 F", Decimal("38.00")),
    (DAILY, "temp_c", "100.3", Decimal("37.94")),
    (DAILY, "temp_c", Decimal("37.5"), Decimal("37.5")),
    (WEEKLY, "note", "  I feel ok ", "I feel ok"),
    (WEEKLY, "note", "x" * 500, "x" * 500),
]


@pytest.mark.parametrize(("form", "key", "raw", "expected"), READ)
def test_an_answer_is_read_as_typed(form, key, raw, expected):
    cleaned = clean_answers(form, {key: raw})
    assert cleaned.errors == {}
    assert cleaned.answers == {key: expected}
    assert type(cleaned.answers[key]) is type(expected)


REFUSED = [
    (DAILY, "seizure", "maybe"),
    (DAILY, "seizure", 1),
    (DAILY, "seizure", ["no"]),
    (DAILY, "s_anx", "5"),
    (DAILY, "s_anx", True),
    (DAILY, "s_anx", 3.0),
    (DAILY, "si_now", "perhaps"),
    (DAILY, "hours_since_last_dose", "-1"),
    (DAILY, "hours_since_last_dose", "241"),
    (DAILY, "hours_since_last_dose", "12.5"),
    (DAILY, "hours_since_last_dose", "1e2"),
    (DAILY, "hours_since_last_dose", True),
    (DAILY, "dose_taken_mg", "two"),
    (DAILY, "dose_taken_mg", "1,000"),
    (DAILY, "dose_taken_mg", "5e-1"),
    (DAILY, "dose_taken_mg", "NaN"),
    (DAILY, "dose_taken_mg", "-1"),
    (DAILY, "dose_taken_mg", -1),
    (DAILY, "dose_taken_mg", "0.6 mL mg"),
    (DAILY, "dose_taken_mg", "2 kg"),
    (DAILY, "dose_taken_mg", "mL"),
    (DAILY, "dose_taken_mg", "1,000 mL"),
    (DAILY, "dose_taken_mg", "2 mL" + " " * 100_000 + "mL"),
    (OLD_DAILY, "dose_taken_mg", "0.6 mL"),
    (WEEKLY, "sleep_hours", "6.3"),
    (WEEKLY, "sleep_hours", "14.5"),
    (DAILY, "red_flags", ["rf_nothing"]),
    (DAILY, "red_flags", 7),
    (DAILY, "temp_c", "60"),
    (DAILY, "temp_c", "29.9"),
    (DAILY, "temp_c", "38.2 F"),
    (DAILY, "temp_c", "100.4 C"),
    (DAILY, "temp_c", "hot"),
    (WEEKLY, "note", "x" * 501),
]


@pytest.mark.parametrize(("form", "key", "raw"), REFUSED)
def test_a_wrong_answer_gets_a_sentence_in_both_languages(form, key, raw):
    cleaned = clean_answers(form, {key: raw})
    assert key not in cleaned.answers
    sentences = cleaned.errors[key]
    assert set(sentences) == {"en", "es"}
    assert all(text.endswith(".") for text in sentences.values())


def test_a_minimum_without_a_maximum_is_named_alone():
    from dataclasses import replace

    form = replace(DAILY, items=(replace(DAILY.item("dose_taken_mg"), minimum=Decimal(1)),))
    sentence = clean_answers(form, {"dose_taken_mg": "0.5"}).errors["dose_taken_mg"]["en"]
    assert sentence == "Enter a number of 1 or more."


@pytest.mark.parametrize("blank", [None, "", "  ", [], ()])
def test_blank_is_unanswered_not_wrong(blank):
    cleaned = clean_answers(DAILY, {"red_flags": blank, "si": blank, "s_anx": blank})
    assert (cleaned.answers, cleaned.errors) == ({}, {})


def test_a_ticked_symptom_wins_over_none_of_these_and_says_so():
    cleaned = clean(DAILY, red_flags=["rf_chest", "none"])
    assert cleaned.answers["red_flags"] == ("rf_chest",)
    assert cleaned.errors == {}
    assert set(cleaned.notes["red_flags"]) == {"en", "es"}


def test_a_wrong_answer_never_takes_a_red_flag_down_with_it():
    cleaned = clean(DAILY, temp_c="ninety", seizure="yes", s_anx="9")
    assert set(cleaned.errors) == {"temp_c", "s_anx"}
    assert assess(cleaned.answers).level.value == "emergency"


def test_an_answer_to_a_question_not_shown_is_kept():
    cleaned = clean(DAILY, si="no", si_now="yes")
    assert cleaned.answers["si_now"] is True


def test_keys_the_form_does_not_have_are_listed_not_swallowed():
    cleaned = clean(DAILY, seizure="no", shoe_size="42")
    assert cleaned.unknown == ("shoe_size",)


def test_missing_mandatory_names_what_keeps_a_check_in_incomplete():
    assert missing_mandatory(DAILY, {}) == ("dose_taken", "seizure", "red_flags", "si")
    full = {"dose_taken": "yes_all", "seizure": "no", "red_flags": ("none",), "si": "no"}
    assert missing_mandatory(DAILY, full) == ()
    assert missing_mandatory(DAILY, {**full, "red_flags": ()}) == ("red_flags",)
    assert missing_mandatory(WEEKLY, {}) == ()


def test_cleaned_answers_of_a_whole_form_can_be_triaged():
    raw = {item.key: str(item.options[-1].value) for item in DAILY.items if item.options}
    raw["red_flags"] = [str(option.value) for option in DAILY.item("red_flags").options]
    cleaned = clean_answers(DAILY, raw)
    assert cleaned.errors == {}
    assert assess(cleaned.answers).dws == 40
