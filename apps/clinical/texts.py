"""Words for the patient: triage advice in English and Spanish.

English is the reviewed wording of the triage rules, word for word. Spanish is
our translation [proposal: needs a clinician who works in Spanish]. Where a text
speaks of a dose to go on with, whoever takes none any more gets the same text
without it (keys ending in ``_OFF``) [proposal: a clinician has to read them].
No text holds a drug name or a dose, and none may be used in mail or SMS.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from apps.clinical.data_symptoms import document
from apps.clinical.errors import ClinicalError

LANGUAGES = ("en", "es")
PLACEHOLDERS = ("emergency", "crisis", "clinic_phone", "after_hours")
NOTHING_FIRED = "T_NONE"
AFTER_LAST_DOSE = "_OFF"

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class TextError(ClinicalError):
    """A patient text that does not exist or lacks a phone number."""


@dataclass(frozen=True, slots=True)
class LocaleNumbers:
    """Emergency and crisis numbers of one country.

    ``crisis`` is None where the source names no number; the clinic then has to
    enter its own before it can open. Source: triage.md section 1, [knowledge:
    national services, 2026]; confirm at deployment.
    """

    emergency: str
    crisis: str | None


LOCALE_NUMBERS: Mapping[str, LocaleNumbers] = {
    "US": LocaleNumbers("911", "988"),
    "CA": LocaleNumbers("911", "988"),
    "UK": LocaleNumbers("999", "NHS 111 (option 2) / Samaritans 116 123"),
    "EU": LocaleNumbers("112", None),
    "AU": LocaleNumbers("000", "13 11 14"),
    "NZ": LocaleNumbers("111", "1737"),
}


def text_keys() -> tuple[str, ...]:
    """Return the key of every patient text, in alphabetical order."""
    return tuple(sorted(_texts("en")))


def key_for(key: str, *, takes_none: bool) -> str:
    """Return the key of the text that fits, of ``key`` and its wording for whoever takes none."""
    off = key + AFTER_LAST_DOSE
    return off if takes_none and off in _texts("en") else key


def needed_placeholders(key: str, language: str) -> frozenset[str]:
    """Return the placeholder names that the text ``key`` holds.

    A text that does not exist raises ``TextError``.
    """
    return frozenset(_PLACEHOLDER.findall(_template(key, language)))


def patient_text(key: str, language: str, **placeholders: str) -> str:
    """Return the advice ``key`` with the phone numbers filled in.

    ``language`` may carry a region ("es-MX"); an unknown language gets English,
    because advice in the wrong language is better than a failing page. An
    unknown key, or a placeholder the text needs that is missing or blank,
    raises ``TextError``: "Call  now" must never reach a patient. Placeholders
    the text does not use are ignored, so callers can always pass all four.
    """
    template = _template(key, language)
    for name in sorted(needed_placeholders(key, language)):
        if not str(placeholders.get(name) or "").strip():
            raise TextError(f"The text {key} needs the placeholder {name!r}, and it is empty.")
    return _PLACEHOLDER.sub(lambda found: placeholders[found[1]], template)


def base_language(language: str) -> str:
    """Return "en" or "es" for a language tag such as "es-MX"; unknown is "en"."""
    base = language.replace("_", "-").split("-")[0].lower()
    return base if base in LANGUAGES else "en"


def _template(key: str, language: str) -> str:
    try:
        return _texts(base_language(language))[key]
    except KeyError:
        raise TextError(f"There is no patient text {key!r}.") from None


def _texts(language: str) -> dict[str, str]:
    texts: dict[str, str] = document(f"texts_{language}.json")
    return texts
