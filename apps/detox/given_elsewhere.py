"""How often something is taken by the word of a unit, or since use began again. Reads only.

The intake may say less and mean an earlier time: none of its words takes these away.
"""

from datetime import date, datetime, time, timedelta
from typing import Final

from apps.clinical.regimen import whole_months
from apps.detox.guards import NONE_UNSIGNED
from apps.detox.leaving import going_on, with_some_left
from apps.patients.models import Patient
from apps.patients.risk_actions import Given
from apps.tapers.stopping import LATELY

EVERY_DAY: Final = 7
AGAIN: Final = (
    "When use began again it was told as taken on {} days of a week, whatever was told since."
)
FROM_A_UNIT: Final = (
    "A unit's last word is “{}”. Nobody counted the days, so it counts as every day, whatever the "
    "intake says."
)


def given_by_word(patient: Patient, day: date) -> Given:
    """Return on how many days a week, and how long, it is taken by a unit's or a restart's word.

    The most of all restarts since the last dose or plan counts. A unit's words count as every
    day [proposal]: no frequency is read out of a letter (ADR 38). A plan begun since takes
    their place after 14 days [proposal], as given_by_plans counts its own doses by then.
    """
    if patient.last_dose_on is not None:
        return Given(0, 0)
    until = datetime.combine(day - LATELY + timedelta(days=1), time(), tzinfo=patient.tz)
    restarts = going_on(patient, until)
    home = with_some_left(patient, until)
    if home is None and not restarts:
        return Given(0, 0)
    if home is not None:
        at, often = home.recorded_at, EVERY_DAY
        words = FROM_A_UNIT.format((home.taken or NONE_UNSIGNED).rstrip("."))
    else:
        at, often = restarts[-1].recorded_at, max(row.days_per_week for row in restarts)
        words = AGAIN.format(often)
    return Given(often, whole_months(at.astimezone(patient.tz).date(), day), words)
