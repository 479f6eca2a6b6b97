"""What to do in danger and how to get through a bad hour: reviewed words only.

Every advice is a patient text of triage.md, whole, without the sentences that say
somebody knows: nobody is told by reading a page. Nothing here is invented.
"""

from typing import Any, Final

from django.utils.translation import gettext as _

from apps.checkins.advice import call_buttons
from apps.checkins.claims import without_claims
from apps.clinical.texts import patient_text
from apps.patients.models import Clinic

# What a person looks for -> the reviewed text. The first ones are the most dangerous.
DANGER: Final = (
    ("T_SI_EMERG", "die"),
    ("T_SEIZURE", "seizure"),
    ("T_BREATH", "breath"),
    ("T_CONFUSED", "confused"),
    ("T_HALLUC", "halluc"),
    ("T_AURA_URG", "aura"),
    ("T_CHEST", "chest"),
    ("T_STOP_URG", "stopped"),
    ("T_VOMIT", "vomit"),
)
# Their first sentence answers an answer ("You told us …"): here nobody has told us anything.
SAID_FIRST: Final = ("T_SI_EMERG", "T_CONFUSED", "T_HALLUC", "T_NONE")
BAD_HOURS: Final = (
    ("T_MISSED_DOSE", "missed"),
    ("T_NONE", "worse"),
)


def headings() -> dict[str, str]:
    """Return what each text is for, in the reader's language."""
    return {
        "die": _("I think of ending my life"),
        "seizure": _("A seizure, or I passed out and shook"),
        "breath": _("It is hard to breathe, or I can not stay awake"),
        "confused": _("I am very mixed up"),
        "halluc": _("I see or hear things that are not there"),
        "aura": _("A strange warning feeling"),
        "chest": _("My chest hurts"),
        "stopped": _("I stopped my medicine, or it ran out"),
        "vomit": _("I threw up my medicine"),
        "missed": _("I missed a dose"),
        "worse": _("I feel worse than before"),
    }


def help_texts(clinic: Clinic, language: str) -> dict[str, list[dict[str, Any]]]:
    """Return both parts of the page: danger, and bad hours."""
    words = headings()
    return {
        part: [
            {
                "heading": words[name],
                "text": text_of(key, language, clinic),
                "buttons": call_buttons(key, language, clinic),
            }
            for key, name in texts
        ]
        for part, texts in (("danger", DANGER), ("bad", BAD_HOURS))
    }


def text_of(key: str, language: str, clinic: Clinic) -> str:
    """Return one advice without the sentences that would not be true here."""
    text = without_claims(patient_text(key, language, **clinic.phone_numbers), language)
    return text.partition(". ")[2] if key in SAID_FIRST else text
