"""Red-flag phrases in free text: negation, and how many are found.

The labelled sentences are ours. The phrases were widened twice on the "tune"
part only; "held_out" was written before the second widening, when the list
found 14 of its 38 English and 15 of its 33 Spanish red flags, and was not used
in it. "held_out_2" was written before a review of missed sentences was answered with
new rules (unable to, ending things, denials taken back, "asked ... I said no"): before
them the list found 3 of its 22 English and 6 of its 18 Spanish red flags, with 6 false
marks; the rules for them were written without looking at which it missed (16 of 22 and
18 of 18 at first; "it isn't that I'm not" was mended later by a test below, and "not
being around" and "haven't been able to" after a second review, so that part is no longer
unseen). "held_out_3" was written before the rules of that second review, when the list
found 0 of its 12 English and 1 of its 9 Spanish red flags, and was not used in them: 8 of
12 and 7 of 9, no false mark. One author wrote all, so real notes will score lower than
shown here; "I took all my pills" is marked though it may mean "as planned".
"""

import csv
import re
from pathlib import Path

import pytest

from apps.clinical.freetext import flag_free_text
from apps.clinical.freetext_phrases import PHRASES

with (Path(__file__).parent / "data" / "free_text.csv").open(encoding="utf-8") as file:
    SENTENCES = list(csv.DictReader(file))

AFFIRMED = [
    "I had a seizure",
    "Tuve una convulsión",
    "NO SLEEP AND CHEST PAIN",
    "no sleep, chest pain all night",
    "not sleeping chest pain all night",
    "No, I had a seizure",
    "No seizures. But I want to die.",
    "no seizures but chest pain",
    "never felt so suicidal",
    "nunca había estado tan confundida",
    "no reason not to kill myself",
    "why not kill myself",
    "not a day goes by without thoughts of suicide",
    "I can't stop the suicidal thoughts",
    "haven't stopped vomiting",
    "no paro de vomitar",
    "not sure if it was a seizure",
    "no sé si fue una convulsión",
    "not only seizures",
    "I can’t breathe",
    "no puedo respirar",
    "I don't want to live",
    "ya no quiero vivir",
    "haven't slept since the seizure",
]
DENIED = [
    "no seizures",
    "No seizures, confusion or chest pain",
    "denies seizures and hallucinations",
    "niega convulsiones y alucinaciones",
    "sin convulsiones",
    "sin convulsiones ni dolor de pecho",
    "no he tenido convulsiones, desmayos ni dolor de pecho",
    "no tuve ni una convulsión",
    "I don’t have seizures",
    "I do not have seizures",
    "never had a seizure",
    "no longer hearing voices",
    "seizures: none",
    "convulsiones: ninguna",
    "chest pain - no",
    "I don't want to die",
    "I am fine",
    "",
    "   ",
]


@pytest.mark.parametrize("text", AFFIRMED)
def test_an_affirmed_red_flag_is_marked(text):
    assert flag_free_text(text)


@pytest.mark.parametrize("text", DENIED)
def test_a_denied_or_absent_red_flag_is_not_marked(text):
    assert flag_free_text(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "no seizures, but last night I had one",
        "no seizures at work though I had two at home",
        "hoy no tuve convulsiones, anoche sí",
        "never fainted until this morning",
        "no había tenido convulsiones hasta hoy",
        "they asked about seizures and I said no, but yesterday I had one",
        "no seizure yesterday, seizure today",
        "ayer no tuve convulsiones, hoy sí",
    ],
)
def test_a_denial_that_the_same_sentence_takes_back_denies_nothing(text):
    assert flag_free_text(text)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Did not have a seizure. Actually I did.", True),
        ("No seizure. Sorry, yes.", True),
        ("No chest pain! Wait, there was.", True),
        ("No tuve convulsiones. La verdad sí tuve.", True),
        ("No seizures. Actually I did sleep well.", False),
        ("No tuve convulsiones. La verdad es que estoy bien.", False),
    ],
)
def test_the_next_sentence_can_take_a_denial_back(text, marked):
    assert bool(flag_free_text(text)) is marked


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("I took all my pills", True),
        ("I took all my pills on time", False),
        ("me tomé todas mis pastillas", True),
        ("tomé todas mis pastillas como siempre", False),
    ],
)
def test_all_the_pills_is_an_overdose_unless_it_says_as_planned(text, marked):
    assert bool(flag_free_text(text)) is marked


@pytest.mark.parametrize(
    "text",
    [
        "no seizures. My sister had one.",
        "no he tenido convulsiones hasta ahora",
        "hoy no tuve convulsiones, ayer tampoco",
        "no seizures today or yesterday",
        "they asked about seizures and fainting and I answered no",
        "me preguntaron por convulsiones y dije que no",
    ],
)
def test_a_denial_that_stands_is_left_out(text):
    assert not flag_free_text(text)


@pytest.mark.parametrize("text", ["it's not that I'm not suicidal", "no es que no sea suicida"])
def test_a_not_that_denies_the_not_within_it(text):
    assert flag_free_text(text)


def test_no_pattern_holds_a_repeat_count_in_the_wrong_brackets():
    wrong = re.compile(r"\(\d+, ?\d+\)|\{\w*[a-z]")
    assert [each.pattern for each in PHRASES if wrong.search(each.pattern.pattern)] == []


def test_a_denial_reaches_over_four_words_and_no_further():
    assert not flag_free_text("no history at all of seizures")
    assert flag_free_text("no history at all of any seizures")


def test_a_denied_list_reaches_ten_words_back_and_no_further():
    denied = (
        "no seizures, fainting, confusion, vomiting, fever, pain, chills, sweats or convulsions"
    )
    assert not flag_free_text(denied)
    longer = denied.replace("sweats", "sweats, shakes")
    assert [hit.text for hit in flag_free_text(longer)] == ["convulsions"]


def test_a_hit_shows_the_patients_own_words_and_their_place():
    text = "Ayer me DESMAYÉ, ¡otra vez!"
    (hit,) = flag_free_text(text)
    assert (hit.category, hit.language, hit.text) == ("fainting", "es", "DESMAYÉ")
    assert text[hit.start : hit.end] == hit.text


def test_several_categories_come_in_the_order_of_the_text():
    hits = flag_free_text("chest pain, then I passed out and hit my head")
    assert [hit.category for hit in hits] == ["chest_pain", "fainting", "head_injury"]


def test_one_place_is_named_once_per_category():
    hits = flag_free_text("I want to kill myself, suicidal all day")
    assert [hit.category for hit in hits] == ["suicide", "suicide"]
    assert len({(hit.start, hit.end) for hit in hits}) == 2
    assert len(flag_free_text("stabbing pain in my chest")) == 1


def test_a_language_can_be_asked_for_alone():
    assert flag_free_text("me desmayé", "es")
    assert not flag_free_text("me desmayé", "en")


def test_letters_that_grow_when_folded_keep_their_place():
    text = "ﬁne, then a seizure"
    (hit,) = flag_free_text(text)
    assert text[hit.start : hit.end] == "seizure"


def test_every_phrase_belongs_to_a_category_both_languages_have():
    english = {phrase.category for phrase in PHRASES if phrase.language == "en"}
    spanish = {phrase.category for phrase in PHRASES if phrase.language == "es"}
    assert english == spanish
    assert len(english) == 18


def measured(split, language):
    """Return (recall, precision) of one part of the labelled sentences."""
    part = [row for row in SENTENCES if (row["split"], row["language"]) == (split, language)]
    found = [(row["flag"] == "1", bool(flag_free_text(row["text"]))) for row in part]
    true = sum(wanted and marked for wanted, marked in found)
    return true / sum(wanted for wanted, _ in found), true / sum(marked for _, marked in found)


def test_the_labelled_set_is_large_enough_in_both_languages():
    assert len(SENTENCES) >= 150
    assert len({row["text"] for row in SENTENCES}) == len(SENTENCES)
    for language in ("en", "es"):
        assert sum(row["language"] == language for row in SENTENCES) >= 150


@pytest.mark.parametrize(
    ("split", "language", "least_recall", "least_precision"),
    [
        ("tune", "en", 1.0, 0.97),
        ("tune", "es", 1.0, 0.97),
        ("held_out", "en", 0.94, 1.0),
        ("held_out", "es", 1.0, 1.0),
        ("held_out_2", "en", 0.9, 1.0),
        ("held_out_2", "es", 1.0, 1.0),
        ("held_out_3", "en", 0.66, 1.0),
        ("held_out_3", "es", 0.77, 1.0),
    ],
)
def test_recall_and_precision_do_not_fall(split, language, least_recall, least_precision):
    recall, precision = measured(split, language)
    assert recall >= least_recall
    assert precision >= least_precision
