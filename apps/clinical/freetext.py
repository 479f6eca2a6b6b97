"""Find red-flag phrases in a patient's own words, so that a person reads them today.

A hit never sets a level: free text is shown to staff word for word, and this
only marks it "read today". It prefers a needless mark to a missed one: what
happened long ago or to someone else is marked too. No language model is used.
"""

import re
import unicodedata
from dataclasses import dataclass

from apps.clinical import freetext_phrases as phrases
from apps.clinical.texts import LANGUAGES

NEGATION_REACH = 4
LIST_REACH = 10

_WORD = re.compile(r"[\w'’]+")
_END_OF_SENTENCE = re.compile(r"[.!?\n¿¡]")
_END_OF_CLAUSE = re.compile(r"[.!?;\n¿¡]")


@dataclass(frozen=True, slots=True)
class PhraseHit:
    """A red-flag phrase that the text affirms.

    ``text`` is the patient's wording at ``start``:``end`` of the text given.
    """

    category: str
    language: str
    text: str
    start: int
    end: int


def flag_free_text(text: str, language: str | None = None) -> tuple[PhraseHit, ...]:
    """Return the red-flag phrases a text affirms, in the order they appear.

    ``language`` "en" or "es" looks for that language only; leave it out, as
    patients mix languages. Negated phrases ("no seizures", "sin convulsiones")
    are left out; "I do not know if" is not a negation. Each category is named
    once per place.
    """
    plain, places = _plain_with_places(text)
    wanted = LANGUAGES if language is None else (language,)
    found = [
        (match.start(), match.end(), phrase)
        for phrase in phrases.PHRASES
        if phrase.language in wanted
        for match in phrase.pattern.finditer(plain)
    ]
    spans = [(start, end) for start, end, _ in found]
    hits = [
        PhraseHit(
            phrase.category,
            phrase.language,
            text[places[start] : places[end - 1] + 1],
            places[start],
            places[end - 1] + 1,
        )
        for start, end, phrase in found
        if phrase.own_negation or not _is_negated(plain, start, end, spans)
    ]
    return _without_overlaps(hits)


def _plain_with_places(text: str) -> tuple[str, list[int]]:
    """Return the text without accents and case, and where each letter came from."""
    letters: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for part in unicodedata.normalize("NFKD", "'" if char in "’‘`´" else char.lower()):
            if not unicodedata.combining(part):
                letters.append(part)
                places.append(place)
    return "".join(letters), places


def _is_negated(plain: str, start: int, end: int, spans: list[tuple[int, int]]) -> bool:
    before = _END_OF_SENTENCE.split(plain[:start])[-1]
    after = _END_OF_SENTENCE.split(plain[end:], maxsplit=1)[0]
    if _is_taken_back(f"{before}{plain[start:end]}{after}", after):
        return False
    if phrases.TAKEN_BACK_NEXT.match(plain, end):
        return False
    if phrases.ANSWERED_NO.match(plain, end):
        return True
    if phrases.ASKED.search(before) and phrases.SAID_NO.match(after):
        return True
    clause_start = max((match.end() for match in _END_OF_CLAUSE.finditer(plain[:start])), default=0)
    words = [
        (match[0].strip("'"), clause_start + match.start())
        for match in _WORD.finditer(plain[clause_start:start])
    ]
    for index in range(len(words) - 1, max(-1, len(words) - 1 - LIST_REACH), -1):
        word, place = words[index]
        if not _negates(word) or phrases.UNCERTAIN.match(plain, place):
            continue
        between = [each for each, _ in words[index + 1 :]]
        gap = plain[place + len(word) : start]
        earlier = [each for each, where in words[:index] if "," not in plain[where:place]]
        if _is_doubled(word, earlier) or phrases.NOT_THAT.search(plain[clause_start:place]):
            return False
        return _reaches(word, between, gap) and _keeps_to_list(
            plain, place + len(word), start, end, spans
        )
    return False


def _is_taken_back(sentence: str, after: str) -> bool:
    """Tell whether the same sentence goes on to say that it did happen."""
    return bool(
        phrases.TAKEN_BACK.search(after)
        or phrases.UNTIL_LATELY.match(after)
        or phrases.HAD_NOT_UNTIL_NOW.search(sentence)
    )


def _negates(word: str) -> bool:
    return word in phrases.NEGATIONS or (word.endswith("n't") and word not in phrases.UNABLE)


def _is_doubled(word: str, earlier: list[str]) -> bool:
    """Tell whether two negations cancel out: "no reason not to", "never without".

    Spanish says "no tuve ni una" and means none: its list words never cancel.
    """
    if word in phrases.LISTING:
        return False
    near = earlier if word in phrases.WITHOUT else earlier[-2:]
    return any(_negates(each) or each == "why" for each in near)


def _reaches(word: str, between: list[str], gap: str) -> bool:
    """Tell whether a negation still holds after the words in ``between``."""
    breakers = phrases.BREAKERS
    if word in phrases.DENYING:
        breakers = breakers - phrases.JOINING
    if between and between[0] == "longer":
        between = between[1:]
    if any(each in breakers for each in between):
        return False
    if any(each in phrases.VERBS for each in between[1:]):
        return False
    if "," in gap:
        return True
    # "Not sleeping chest pain": the act is denied, not what follows it.
    if any(each.endswith("ing") and each not in phrases.VERBS for each in between):
        return False
    return len(between) <= NEGATION_REACH


def _keeps_to_list(
    plain: str, denied: int, start: int, end: int, spans: list[tuple[int, int]]
) -> bool:
    """Tell whether what is denied before a comma is a red flag itself, and another one.

    "No seizures, confusion or chest pain" denies all three; "no sleep, chest
    pain" denies the sleep only, and "no seizure yesterday, seizure today" the
    one of yesterday. The denial ends at ``denied`` in the text.
    """
    gap = plain[denied:start]
    if "," not in gap:
        return True
    comma = denied + gap.index(",")
    named = {plain[a:b].rstrip("s") for a, b in spans if denied <= a and b <= comma}
    return bool(named) and plain[start:end].rstrip("s") not in named


def _without_overlaps(hits: list[PhraseHit]) -> tuple[PhraseHit, ...]:
    kept: list[PhraseHit] = []
    for hit in sorted(hits, key=lambda each: (each.start, -each.end)):
        same = (each for each in kept if each.category == hit.category)
        if not any(each.start < hit.end and hit.start < each.end for each in same):
            kept.append(hit)
    return tuple(kept)
