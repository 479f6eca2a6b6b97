"""Sentences that say the care team knows: shown only when it is true.

The reviewed advice ends with "Your care team has been told." That is not so yet when the
advice appears at the tap, nor when nobody could be reached (design: a patient page never
claims that someone was told when nobody was).
"""

import re
from typing import Final

TOLD: Final[dict[str, tuple[str, ...]]] = {
    "en": ("Your care team has been told", "We have told your care team"),
    "es": ("Ya avisamos a su equipo",),
}
TELLING: Final[dict[str, tuple[str, ...]]] = {
    "en": ("We are telling your",),
    "es": ("Estamos avisando ahora a su equipo",),
}
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def without_claims(text: str, language: str, *, telling: bool = False) -> str:
    """Return the advice without the sentences that say the care team knows.

    With `telling` the sentence that somebody is being told now may stay.
    """
    untrue = TOLD[language] + (() if telling else TELLING[language])
    sentences = SENTENCE_END.split(text)
    return " ".join(sentence for sentence in sentences if not sentence.startswith(untrue))
