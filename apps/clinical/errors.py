"""The errors of the clinical rules.

Each carries one sentence that a clinician reads as it stands: it names what is
wrong and what would be right. Nothing here knows about HTTP, forms or files.
"""

from decimal import Decimal

SHOWN_LENGTH = 40


class ClinicalError(ValueError):
    """Refuse an input with one sentence, shown to the user unchanged."""


class UnknownDrugError(ClinicalError):
    """Refuse a drug id that is not in the drug list."""


class DoseError(ClinicalError):
    """Refuse a dose that is not written as plain milligrams."""


class ConfirmDoseError(ClinicalError):
    """Ask a person to confirm a dose that looks like a slip of a decimal point."""


class ProductError(ClinicalError):
    """Refuse a product that does not exist in that form or cannot be split so."""


class NotDispensableError(ClinicalError):
    """Refuse a dose that the products at hand cannot make exactly."""


class ConversionError(ClinicalError):
    """Refuse to turn one drug's dose into another's."""


class RequestError(ClinicalError):
    """Refuse a request; the sentence names the field and what it takes."""


def shown(value: object) -> str:
    """Return a refused input as it was typed, short and safe to print inside a sentence.

    Letters and digits of every script stay as they are; only what would break
    the line or cannot be printed is escaped.
    """
    if isinstance(value, str):
        return _cut(repr(value)) if value.strip() else "blank"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        return _cut(str(value))
    if isinstance(value, Decimal | float):
        return _cut(f"the number {value}")
    return "a list" if isinstance(value, list | tuple) else "an object"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"
