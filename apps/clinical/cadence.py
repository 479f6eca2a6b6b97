"""How often a patient is asked to check in: by risk tier, half-life and days since the step.

Source: guideline.md "Follow-up frequency" [proposal] and instruments.md section 6 (a week of
daily check-ins before the first step gives the baseline).
"""

from typing import Final

from apps.clinical.profile import Context, Profile
from apps.clinical.triage.facts import in_step_window

DAILY: Final = 1
EVERY_OTHER_DAY: Final = 2
WEEKLY: Final = 7
LEAD_IN_DAYS: Final = 7

# Hours without a check-in at which a silence rule may begin to fire: W10, then U24 or U25.
SILENCE_HOURS: Final[dict[str, tuple[int, ...]]] = {
    "high": (24, 48),
    "moderate": (48, 96),
    "low": (168,),
}


def days_between_check_ins(
    profile: Profile, context: Context, days_to_first_step: int | None = None
) -> int:
    """Return after how many days the next check-in is due.

    Low risk: weekly. Moderate: every second day while the last step is recent, else
    weekly. High: daily while it is recent, else weekly. Everybody: daily in the week
    before the first step. "Recent" is the window of the silence rules (14, 21 or 28 days
    by half-life), so that no rule fires before a check-in was due; the guideline's
    proposal asks for 14, and 28 for a long half-life.
    """
    if days_to_first_step is not None and 0 < days_to_first_step <= LEAD_IN_DAYS:
        return DAILY
    if not in_step_window(profile, context):
        return WEEKLY
    return {"high": DAILY, "moderate": EVERY_OTHER_DAY}.get(profile.tier or "", WEEKLY)


def weekly_form_is_due(days_since_last: int | None, interval_days: int) -> bool:
    """Answer whether the weekly questions go with the daily ones of a check-in.

    ``days_since_last`` is counted from the last weekly form that was answered, None when there
    was none; ``interval_days`` is the time to the check-in after this one. So nobody goes longer
    than a week without being asked, whatever the cadence, and who passes it over is asked again
    next time [proposal]. Source: instruments.md sections 3 and 5 (PHQ-9 and GAD-7 look back two
    weeks, the form is weekly).
    """
    return days_since_last is None or days_since_last + interval_days > WEEKLY


def silence_hours(profile: Profile) -> tuple[int, ...]:
    """Return the hours of silence at which to look again; an unknown tier counts as low."""
    return SILENCE_HOURS[profile.tier or "low"]
