"""Every word a patient or a trusted person reads: translated, short, at grade 6 (design 11)."""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

from apps.checkins.forms import MISSING, MISSING_MULTI, REQUESTS
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.clinical.texts import text_keys
from apps.portal import research_consent
from apps.portal.consent import TEXTS, VERSION
from tests.clinical.test_texts import grade, template

ROOT = Path(settings.BASE_DIR)
CALLS = {"_", "gettext", "gettext_lazy", "ngettext"}  # a context marks a format, no sentence
FILLED = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
SHORT = 5  # words; the formulas say nothing about a word or two
PUBLISHED = ("phq9", "gad7", "asq")  # instruments, word for word as published


def words_of(source: str) -> Iterator[str]:
    """Yield the texts that a piece of Python hands to gettext."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CALLS:
            yield ast.literal_eval(node.args[0])  # of two forms the first


def marked() -> set[str]:
    """Return every text of the apps and templates that gettext translates."""
    found: set[str] = set()
    for path in sorted((ROOT / "apps").rglob("*.py")):
        found |= set(words_of(path.read_text("utf-8")))
    for path in sorted((ROOT / "templates").rglob("*.*")):
        marks = templatize(path.read_text("utf-8"), origin=str(path))
        for line in re.findall(r"\b(?:gettext|_|ngettext)\((?:[^()]|\([^()]*\))*\)", marks):
            found |= set(words_of(line.strip()))
    return {text for text in found if text.strip()}


def spanish() -> gettext.GNUTranslations:
    with (ROOT / "locale/es/LC_MESSAGES/django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def both(questionnaire: str) -> list[tuple[str, str]]:
    """Return our own questions and answers."""
    form = get_questionnaire(questionnaire, LATEST[questionnaire])
    items = [item for item in form.items if item.section not in PUBLISHED]
    texts = [text for item in items for text in (item.wording, item.hint)]
    texts += [option.label for item in items for option in item.options]
    texts += [each.heading for each in form.sections if each.key not in PUBLISHED]
    return [(text["en"], text["es"]) for text in texts if text]


def everything() -> list[tuple[str, str]]:
    """Return each text a patient reads, English and Spanish."""
    catalogue = spanish()
    found = [(text, catalogue.gettext(text)) for text in sorted(marked())]
    found += both("daily") + both("weekly")
    found += [(texts["en"], texts["es"]) for texts in (MISSING, MISSING_MULTI, *REQUESTS.values())]
    found += [(template(key, "en"), template(key, "es")) for key in text_keys()]
    agreed = (TEXTS[VERSION], research_consent.TEXTS[research_consent.VERSION])
    for text in agreed:
        found += list(zip(map(". ".join, text["en"]), map(". ".join, text["es"]), strict=True))
    found.append((research_consent.LINE["en"][0], research_consent.LINE["es"][0]))
    return [(FILLED.sub("us", english), FILLED.sub("cien", other)) for english, other in found]


PAIRS = everything()


def test_every_text_is_translated_and_the_compiled_file_is_fresh() -> None:
    catalogue = spanish()
    names = {"English", "Español", "No", "%(count)s mL"}  # the same in both languages
    words = marked() - names
    assert len(words) > 250
    unknown = [w for w in words if catalogue.gettext(w) == w == catalogue.ngettext(w, w, 1)]
    assert unknown == []


def test_english_reads_at_grade_6_or_less() -> None:
    hard = [
        (round(grade(text), 1), text)
        for text, _ in PAIRS
        if len(re.findall(r"[A-Za-z']+", text)) >= SHORT and grade(text) > 6
    ]
    assert hard == []


# --- Spanish: Szigriszt-Pazos on the INFLESZ scale -----------------------------
# 206.835 - 62.3 * syllables/words - words/sentences. 65 and more is "quite easy", what the
# scale's authors ask of texts for patients is 55 (Barrio-Cantalejo et al., 2008).


def silabas(word: str) -> int:
    """Count the syllables of a Spanish word: strong vowels, or a group of weak ones."""
    word = re.sub(r"qu|gu(?=[eiéí])", "k", word.lower())
    return max(
        sum(
            max(len(re.findall(r"[aeoáéíóú]", group)), 1)
            for group in re.findall(r"[aeiouáéíóúü]+(?:y\b)?|\by\b", word)
        ),
        1,
    )


def ease(text: str) -> float:
    """Return how easy a Spanish text is: 100 is a children's book, 0 a scientific paper."""
    words = re.findall(r"[^\W\d_]+", text)
    sentences = max(len(re.findall(r"[.!?:;]+(?=\s|$)", text)), 1)
    syllables = sum(map(silabas, words))
    return 206.835 - 62.3 * syllables / len(words) - len(words) / sentences


def test_the_spanish_measure_knows_hard_from_easy() -> None:
    assert [silabas(word) for word in ("quiero", "día", "clínica", "ahora", "muy", "guía")] == [
        2, 2, 3, 3, 1, 2,
    ]  # fmt: skip
    assert ease("El gato come pan. El sol sale ya.") > 80
    assert ease("La discontinuación farmacológica requiere evaluación interdisciplinaria.") < 0


@pytest.mark.parametrize(("at_least", "words"), [(55, 8), (60, 14)])
def test_spanish_is_easy_and_the_longer_the_easier(at_least: int, words: int) -> None:
    hard = [
        (round(ease(text)), text)
        for _, text in PAIRS
        if len(re.findall(r"[^\W\d_]+", text)) >= words and ease(text) < at_least
    ]
    assert hard == []
