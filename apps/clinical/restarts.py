"""What a check-in after the last dose says of a sedative that is taken again. Pure functions."""

from collections.abc import Mapping
from typing import Final

from apps.clinical.adjuncts import is_benzodiazepine, is_z_drug

# The questions of checkin_items.csv by which a patient can tell of taking one: what was taken
# that the clinic does not know of, a dose beyond the plan, a medicine that was started or changed.
TOLD_BY: Final = ("other_drugs", "dose_taken", "new_meds_list")
# A street drug may be a benzodiazepine, dose unknown (risk_factors.csv illicit_or_novel_bzd); a
# pain pill is none, and U17 looks at it.
SEDATIVE_OR_UNKNOWN: Final = ("other_sedative", "street")


def tells_of_taking(answers: Mapping[str, object]) -> bool:
    """Answer whether these answers, given after the last dose, say that some may be taken again.

    Which answers count is a [proposal]; a medicine that was written is known by the names of
    drugs.csv only. Source of the questions: checkin_items.csv.
    """
    written = answers.get("new_meds_list")
    text = "; ".join(map(str, written)) if isinstance(written, list | tuple) else str(written or "")
    return (
        answers.get("other_drugs") in SEDATIVE_OR_UNKNOWN
        or answers.get("dose_taken") == "took_extra"
        or is_benzodiazepine(text)
        or is_z_drug(text)
    )
