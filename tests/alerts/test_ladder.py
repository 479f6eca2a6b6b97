"""Who is called when."""

from datetime import timedelta

from apps.alerts.ladder import Rung, step_after, steps

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
