"""Sentences that say the care team knows: shown only when it is true.

The reviewed advice ends with "Your care team has been told." That is not so yet when the
advice appears at the tap, nor when nobody could be reached (design: a patient page never
claims that someone was told when nobody was).
"""

import re
from typing import Final

CLAIMS: Final[dict[str, tuple[str, ...]]] = {
    "en": ("Your care team has been told", "We have told your care team", "We are telling your"),
    "es": ("Ya avisamos a su equipo", "Estamos avisando ahora a su equipo"),
}
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def without_claims(text: str, language: str) -> str:
    """Return the advice without the sentences that say the care team knows."""
    kept = [
        sentence
        for sentence in SENTENCE_END.split(text)
        if not sentence.startswith(CLAIMS[language])
    ]
    return " ".join(kept)
