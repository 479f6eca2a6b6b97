"""How often a check-in is due."""

from itertools import pairwise

import pytest

from apps.clinical.cadence import days_between_check_ins, silence_hours, weekly_form_is_due
from apps.clinical.triage import Context, Profile


@pytest.mark.parametrize(
    ("tier", "half_life", "since_step", "days"),
    [
        ("low", "long", 0, 7), ("low", "long", None, 7), (None, None, 3, 7),
        ("moderate", "short", 0, 2), ("moderate", "short", 14, 2), ("moderate", "short", 15, 7),
        ("moderate", "long", 28, 2), ("moderate", "long", None, 7),
        ("high", "short", 0, 1), ("high", "short", 14, 1), ("high", "short", 15, 7),
        ("high", "intermediate", 21, 1), ("high", "intermediate", 22, 7),
        ("high", "long", 28, 1), ("high", "long", 29, 7), ("high", None, 28, 1),
    ],
)  # fmt: skip
def test_cadence_follows_tier_half_life_and_step(tier, half_life, since_step, days) -> None:
    profile = Profile(tier=tier, hl_class=half_life)
    assert days_between_check_ins(profile, Context(days_since_step=since_step)) == days


@pytest.mark.parametrize(("to_first", "days"), [(8, 7), (7, 1), (1, 1), (0, 7), (-3, 7)])
def test_the_week_before_the_first_step_is_daily_for_everybody(to_first: int, days: int) -> None:
    assert days_between_check_ins(Profile(tier="low"), Context(), to_first) == days


@pytest.mark.parametrize("tier", ["low", "moderate", "high", None])
@pytest.mark.parametrize("half_life", ["short", "intermediate", "long", None])
@pytest.mark.parametrize("since_step", [None, 0, 14, 15, 21, 22, 28, 29])
def test_no_silence_rule_can_fire_before_a_check_in_was_due(tier, half_life, since_step) -> None:
    from apps.clinical.triage import Level, assess_silence

    profile = Profile(tier=tier, hl_class=half_life)
    days = days_between_check_ins(profile, Context(days_since_step=since_step))
    context = Context(days_since_step=since_step, hours_since_checkin=24 * days - 1)
    assert assess_silence(profile, context).level is Level.NONE


def test_silence_is_looked_at_when_a_rule_may_begin_to_fire() -> None:
    assert silence_hours(Profile(tier="high")) == (24, 48)
    assert silence_hours(Profile()) == (168,)


@pytest.mark.parametrize("every", [1, 2, 7])
def test_nobody_goes_longer_than_a_week_without_the_weekly_form(every) -> None:
    asked: list[int] = []
    for day in range(0, 60, every):
        if weekly_form_is_due(day - asked[-1] if asked else None, every):
            asked.append(day)
    gaps = {later - earlier for earlier, later in pairwise(asked)}
    assert (asked[0], gaps) == (0, {6 if every == 2 else 7})
