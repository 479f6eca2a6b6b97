"""What "How far I have come" says: each thing at first and now, in the patient's words."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.detox.outcome import Measure, Outcome
from apps.patients.models import Patient
from apps.portal.today_page import WITHOUT_DOSE

SAME = "same"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing at first and now, with what the change means."""

    key: str
    name: str
    scale: str
    first: float
    now: float
    bars: tuple[str, str]  # percent of the most, as SVG reads numbers in any language
    said: str


def page_of(patient: Patient, outcome: Outcome) -> dict[str, Any]:
    """Return what the page shows; a dose only where the clinic follows the patient."""
    known = [each for each in outcome.measures if each.first is not None and each.now is not None]
    now = _("none") if outcome.last_dose_on else outcome.dose_now
    doses = {"first": outcome.dose_first, "now": now}
    return {
        "outcome": outcome,
        "rows": [row_of(each) for each in known],
        "doses": None if patient.status in WITHOUT_DOSE else doses,
        "is_harder": any(each.trend == "worse" for each in known),
    }


def row_of(found: Measure) -> Row:
    """Return a measure in words."""
    names = {
        "symptoms": (_("How bad I feel"), _("0 to 40 points. Fewer are better.")),
        "mood": (_("Low mood"), _("0 to 27 points. Fewer are better.")),
        "worry": (_("Worry and fear"), _("0 to 21 points. Fewer are better.")),
        "sleep": (_("My sleep"), _("Hours on most nights.")),
        "life": (_("How much it gets in my way"), _("0 to 4 points. Fewer are better.")),
    }
    said = {
        "better": _("Better than at first."),
        "worse": _("Harder than at first."),
        SAME: _("The same as at first."),
    }
    name, scale = names[found.key]
    return Row(
        found.key, name, scale, found.first or 0, found.now or 0,
        (str(found.bars[0]), str(found.bars[1])), said.get(found.trend, ""),
    )  # fmt: skip
