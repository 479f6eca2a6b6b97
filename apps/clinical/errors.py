"""The errors of the clinical rules.

Each carries one sentence that a clinician reads as it stands: it names what is
wrong and what would be right. Nothing here knows about HTTP, forms or files.
"""


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
