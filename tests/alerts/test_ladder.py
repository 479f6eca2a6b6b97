"""Who is called when."""

from datetime import timedelta

import pytest

from apps.alerts.ladder import Rung, next_rung_at, step_after, steps
from tests.factories import NOW

MINUTE = timedelta(minutes=1)


def test_an_emergency_calls_the_second_person_at_5_minutes_and_the_lead_at_10() -> None:
    ladder = {step.rung: step.after / MINUTE for step in steps("emergency", 5 * MINUTE)}
    assert ladder == {Rung.ON_CALL: 0, Rung.BACKUP: 5, Rung.LEAD: 10, Rung.EVERYONE: 15}


def test_an_urgent_alert_reminds_at_half_its_time_and_climbs_when_it_is_over() -> None:
    ladder = [(step.rung, step.after / MINUTE) for step in steps("urgent", 60 * MINUTE)]
    assert ladder[:3] == [(Rung.ON_CALL, 0), (Rung.ON_CALL, 30), (Rung.BACKUP, 60)]


def test_a_watch_alert_tells_nobody_before_its_review_time_is_over() -> None:
    assert steps("watch", 1440 * MINUTE)[0].after == 1440 * MINUTE


def test_after_the_last_rung_everyone_is_told_again_for_ever() -> None:
    times = [step_after("emergency", 5 * MINUTE, index) for index in range(3, 8)]
    assert {step.rung for step in times} == {Rung.EVERYONE}
    assert [step.after / MINUTE for step in times] == [15, 20, 25, 30, 35]


@pytest.mark.parametrize(
    ("index", "due", "swept", "following"),
    [
        (0, 0, 0, 5),
        (1, 5, 5.06, 10),  # seconds late: the next minute holds
        (2, 10, 13, 15),  # a restart of three minutes: too
        (1, 5, 9.5, 10.5),  # so late that the backup would have no time: a minute apart
        (1, 5, 65, 66),
        (2, 66, 66, 71),
        (3, 15, 75, 80),  # rounds to everyone that were missed are not made up
        (7, 35, 35.06, 40),
        (1, 5, 0.5, 5.5),  # climbed early, because nobody on call could be reached
    ],
)
def test_the_next_rung_comes_on_its_minute_however_late_this_one_was(
    index: int, due: float, swept: float, following: float
) -> None:
    at = next_rung_at(
        "emergency", 5 * MINUTE, index, due_at=NOW + due * MINUTE, now=NOW + swept * MINUTE
    )
    assert (at - NOW) / MINUTE == pytest.approx(following)
