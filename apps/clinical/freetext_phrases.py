"""Red-flag phrases and words of negation, in English and Spanish.

Our own list [proposal: clinicians extend it from real notes]. The patterns are
rows of ``data/red_flag_phrases.csv`` and match lower-case text without accents.
A phrase with ``own_negation`` carries its own "not" (cannot breathe, do not want
to live) and is never cancelled by one.
"""

import re
from dataclasses import dataclass

from apps.clinical.data import read_rows
from apps.clinical.drugs import all_drugs
from apps.clinical.threshold_drugs import plain_text

_DRUG_NAMES = "|".join(
    sorted(
        {plain_text(name.split()[0]) for drug in all_drugs() for name in (drug.name, *drug.brands)}
    )
)
# What stands for {meds}, {opioids}, {unable} and {many} in a pattern.
_MEDS = {
    "en": (
        r"(?:(?:my|the|all|of|any|these|those|her|his) )*"
        r"(?:meds?|medicines?|medications?|pills?|tablets?|benzos?|doses?|" + _DRUG_NAMES + ")"
    ),
    "es": (
        r"(?:(?:mi|mis|la|las|el|los|de|nada|toda|todas|todo|todos|ninguna) )*"
        r"(?:medicinas?|medicamentos?|medicacion|pastillas?|tabletas?|dosis|benzos?|"
        + _DRUG_NAMES
        + ")"
    ),
}
_OPIOIDS = (
    r"(?:oxys?|oxycodone|oxycontin|percocet|vicodin|hydrocodone|fentanyl|heroin|morphine|methadone|"
    r"oxicodona|hidrocodona|fentanilo|heroina|morfina|metadona)"
)
# Not able to, in every tense, with the words in between ("have not been able to").
_UNABLE = {
    "en": (
        r"(?:can'?t|cannot|can not|couldn'?t|could not|won'?t|unable to|"
        r"(?:not|\w*n'?t|never)(?: \w+)? able to|struggl\w+ to)"
    ),
    "es": (
        r"no (?:(?:he|habia|ha|hemos) )?(?:puedo|pude|podia|podido|logro|logre|lograba|logrado|"
        r"consigo|consegui|conseguia|conseguido|soy capaz de|era capaz de|alcanzo a)"
    ),
}
# [proposal] Four or more pieces at a time is more than these plans give; staff should read it.
_MANY = {
    "en": (
        r"(?:[4-9]|[1-9][0-9]+|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|"
        r"thirty|forty|fifty|a hundred|a (?:\w+ )?(?:handful|fistful|bunch|load|lot)|lots|dozens)"
    ),
    "es": (
        r"(?:[4-9]|[1-9][0-9]+|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|quince|veinte|"
        r"treinta|cuarenta|cincuenta|cien|un (?:punado|monton)|muchas|un puno)"
    ),
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """One pattern: what it points to, in which language, and its own negation."""

    category: str
    language: str
    pattern: re.Pattern[str]
    own_negation: bool


def _phrases() -> tuple[Phrase, ...]:
    return tuple(
        Phrase(
            category=row["category"],
            language=row["language"],
            pattern=re.compile(
                row["pattern"]
                .replace("{meds}", _MEDS[row["language"]])
                .replace("{opioids}", _OPIOIDS)
                .replace("{unable}", _UNABLE[row["language"]])
                .replace("{many}", _MANY[row["language"]])
            ),
            own_negation=row["own_negation"] == "yes",
        )
        for row in read_rows("red_flag_phrases.csv")
    )


PHRASES = _phrases()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A denial of a thing reaches along a list; that of an act only to its own verb.
DENYING = _words("denies denied deny denying niega niego nego negative negativo without sin")
WITHOUT = _words("without sin")
LISTING = _words("ni nor neither ningun ninguna ninguno nunca jamas tampoco")
NEGATIONS = DENYING | _words(
    "no not never nor neither none ni nunca jamas tampoco ningun ninguna ninguno "
    "dont didnt doesnt havent hasnt wasnt isnt"
)
# "Cannot stop the suicidal thoughts" denies nothing.
UNABLE = _words("can't couldn't cannot cant couldnt")
# "Not" that says nothing about what follows.
UNCERTAIN = re.compile(
    r"\b(?:not|isn'?t|wasn'?t|'m not) (?:sure|certain|only|just)"
    r"|\b(?:don'?t|do not|didn'?t|did not) know (?:if|whether|why|what)"
    r"|\bno (?:se|estoy segur[oa]) (?:de )?(?:si|que|por que)"
    r"|\bno (?:doubt|solo|solamente|hay duda)"
)
# Words after which an earlier "not" no longer holds: another clause, a degree
# ("never so confused"), or something that does not stop.
BREAKERS = _words(
    "but however though although except yet still because since after before until when while "
    "then plus and i she we they that so such than only stop stops stopped stopping "
    "pero aunque sino excepto salvo porque desde despues antes hasta cuando mientras luego "
    "entonces y e que yo tan tanto tanta paro para parar dejo deja dejar dejado"
)
# The same, unless it is the very verb that was negated.
VERBS = _words(
    "had have having has got getting feel feeling felt was were am is woke keep kept saw see "
    "hear heard hearing seeing think thinking "
    "tengo tuve tenia siento senti estoy estaba oigo veo vi duele dio pienso quiero"
)
JOINING = _words("and y e")
# "Seizures: none" and "chest pain - no".
ANSWERED_NO = re.compile(
    r"\s*(?:[:\-–—=]\s*|\s)"
    r"(?:no|none|nil|negative|nope|ninguna|ninguno|nada|negativo)\s*(?:[.,;!?]|$)"
)
# "It's not that I don't want to die": the outer "not" denies the inner one.
NOT_THAT = re.compile(
    r"\b(?:not|isn'?t|wasn'?t) (?:that|like|as if|as though|because)(?: [\w']+){0,2} ?$"
    r"|\bno (?:es|significa|quiere decir) que(?: \w+){0,2} ?$"
)
# "No seizures today but yesterday I had one": a denial that the same sentence takes back.
_EARLIER = (
    r"(?:yesterday|(?:last|this) (?:night|week|month|morning)|ayer|anoche|anteayer|"
    r"(?:la |el )?(?:\w+ )?pasad[oa])"
)
TAKEN_BACK = re.compile(
    r"(?:[,;]|\b(?:but|though|although|however|except|pero|aunque|sino|excepto|salvo)\b)[^.!?\n]*?"
    r"\b(?:(?:had|got|saw|heard|felt) (?:one|some|it|two|three|several|a few|another|them)"
    r"|(?:did|it) happen(?:ed)?|(?:tuve|tenia|hubo|dio|dieron|vi|oi|senti) "
    r"(?:una?|dos|tres|varias|varios|otra|otro|algunas?|algunos)"
    rf"|(?:{_EARLIER}|today|hoy),? (?:yes|si|i did|it did)|si (?:la|lo|las|los)? ?(?:tuve|hubo))\b"
)
# "Did not have a seizure. Actually I did.": the next sentence takes the denial back.
TAKEN_BACK_NEXT = re.compile(
    r"[^.!?\n]{0,40}[.!?\n]+\s*(?:actually|wait|sorry|correction|well|(?:la )?verdad(?: es que)?|"
    r"en realidad|de hecho|perdon|bueno),? (?:"
    r"(?:yes|si)\s*(?:[.,;!?]|$)|(?:i|it|there) (?:did|had|was|were)\s*(?:[.,;!?]|$)"
    r"|i (?:did have|had) (?:one|some|it|two|another)\b"
    r"|si (?:la |lo |las |los )?(?:tuve|hubo|paso)\b)"
)
# "Never fainted until yesterday": the "never" ends where the news begins. Spanish
# "hasta hoy" says so only after a pluperfect; else it means "so far".
UNTIL_LATELY = re.compile(
    rf"[^.,;!?\n]{{0,30}}?\b(?:until|till|before|hasta|antes de) (?:{_EARLIER}|today|now|this)\b"
)
HAD_NOT_UNTIL_NOW = re.compile(r"\bhabia\b[^.!?\n]*\bhasta (?:hoy|ahora)\b")
# "The nurse asked if I had chest pain and I told her no".
ASKED = re.compile(r"\b(?:ask\w*|question\w*|pregunt\w+)\b")
SAID_NO = re.compile(
    r"[^.!?\n]{0,40}?\b(?:(?:said|say|told \w+|answered|replied|dije|digo|conteste|respondi)"
    r"(?: that| que)? (?:no|none|not)\b"
    r"|(?:do|did|have)(?:n'?t| not) (?:have|had) (?:any|one|them|it)\b"
    r"|none\b|ningun[oa]?\b|no (?:tengo|tuve|he tenido)\b)"
)
