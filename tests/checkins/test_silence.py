"""Silence is a signal: U24, U25 and W10, once per missed window."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError

from apps.alerts.actions import resolve_alert
from apps.alerts.models import Alert
from apps.checkins.models import Reminder
from apps.checkins.reminder_actions import judge_silence
from apps.patients.intake_actions import assess_again
from apps.patients.models import Patient
from apps.tapers.models import PlanHold
from tests.checkins.conftest import Clock, live, run
from tests.factories import CALM, NOW, check_in, put_on_call

pytestmark = pytest.mark.django_db


def hours_pass(clock: Clock, hours: int) -> None:
    for _ in range(hours):
        clock.tick(hours=1)


def raised() -> list[tuple[str, str]]:
    return [(a.rules[0][:3], a.level) for a in Alert.objects.order_by("opened_at")]


@pytest.fixture(autouse=True)
def _nobody_is_mailed(mail) -> None:
    """A mail server that accepts everything."""


def test_high_risk_is_late_after_a_day_and_urgent_after_two(high, clock) -> None:
    check_in(high, CALM)
    hours_pass(clock, 26)  # due at 23 h, patience to 27 h
    assert raised() == []
    hours_pass(clock, 2)
    assert raised() == [("W10", "watch")]
    hours_pass(clock, 19)
    assert raised() == [("W10", "watch")]
    hours_pass(clock, 1)  # 48 h
    assert raised() == [("W10", "watch"), ("U24", "urgent")]
    assert PlanHold.objects.filter(source_type="silence").count() == 1


def test_moderate_risk_is_late_after_two_days_and_urgent_after_four(moderate, clock) -> None:
    check_in(moderate, CALM)
    hours_pass(clock, 50)
    assert raised() == []
    hours_pass(clock, 2)
    assert raised() == [("W10", "watch")]
    hours_pass(clock, 44)
    assert raised() == [("W10", "watch"), ("U25", "urgent")]


def test_low_risk_is_late_after_a_week(low, clock) -> None:
    check_in(low, CALM)
    for _ in range(7):
        hours_pass(clock, 24)
    assert raised() == []
    hours_pass(clock, 4)
    assert raised() == [("W10", "watch")]
    assert not PlanHold.objects.exists()


def test_an_alert_is_raised_once_however_often_we_look(high, clock) -> None:
    check_in(high, CALM)
    hours_pass(clock, 28)
    for _ in range(3):
        Reminder.objects.live().update(judge_at=clock())
        run(clock)
    assert len(raised()) == 1


def test_a_silence_that_goes_on_raises_nothing_new_while_its_alert_is_open(high, clock) -> None:
    check_in(high, CALM)
    for _ in range(5):
        hours_pass(clock, 24)
    assert raised() == [("W10", "watch"), ("U24", "urgent")]


def test_a_silence_that_goes_on_after_its_alert_was_closed_is_told_again(
    high, nurse, clock
) -> None:
    check_in(high, CALM)
    hours_pass(clock, 49)
    for alert in Alert.objects.all():
        resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="Called.", now=clock())
    hours_pass(clock, 24)
    assert raised()[2:] == [("U24", "urgent")]


def test_a_complete_check_in_ends_the_silence_and_an_incomplete_one_does_not(high, clock) -> None:
    check_in(high, CALM)
    hours_pass(clock, 24)
    check_in(high, {"seizure": "no"}, now=clock())
    hours_pass(clock, 4)
    assert raised() == [("W10", "watch")]
    check_in(high, CALM, now=clock())
    hours_pass(clock, 21)
    assert raised() == [("W10", "watch")]


def test_weekly_silence_counts_from_the_step_not_from_the_week_before(high, clock) -> None:
    """Asked weekly, then a step: the patient has not been silent before it was due."""
    check_in(high, CALM, now=NOW - timedelta(days=5))
    run(clock)
    assert live(high).due_at > NOW - timedelta(hours=8)
    hours_pass(clock, 2)
    assert raised() == []


def test_a_tier_raised_while_a_weekly_window_waits_is_judged_that_night(low, clock) -> None:
    """The window was due already: without a second look nobody would ask before it closes."""
    check_in(low, CALM)
    run(clock)
    due = live(low).due_at
    while clock() < due + timedelta(hours=5):
        hours_pass(clock, 1)
    assert (raised(), live(low).judge_at) == ([("W10", "watch")], None)
    low.risk.tier = "high"
    low.risk.save(update_fields=["tier"])
    hours_pass(clock, 11)  # past midnight
    assert (live(low).interval_days, live(low).closes_at) == (1, due + timedelta(days=1))
    hours_pass(clock, 9)  # two days after the last day on which an answer was expected
    assert raised() == [("W10", "watch"), ("U24", "urgent")]


def test_a_window_that_moves_forward_takes_its_silence_clock_along(low, clock) -> None:
    check_in(low, CALM)
    run(clock)
    assert live(low).due_at > clock() + timedelta(days=6)
    low.risk.tier = "high"
    low.risk.save(update_fields=["tier"])
    hours_pass(clock, 15)  # past midnight
    moved = live(low)
    assert moved.interval_days == 1
    assert moved.due_at < clock() + timedelta(days=1)
    assert moved.judge_at == moved.due_at + timedelta(hours=4)
    hours_pass(clock, 13)
    assert raised() == [("W10", "watch")]


def test_a_tier_that_rises_by_day_is_asked_for_the_same_day_and_has_its_patience(
    low, prescriber, clock
) -> None:
    """The intake is saved in the afternoon: midnight is too late, and silence begins with now."""
    check_in(low, CALM, now=NOW - timedelta(days=2))
    run(clock)
    assert live(low).due_at > NOW + timedelta(days=4)
    clock.tick(hours=3)  # past the hour at which this patient likes to be asked
    assess_again(patient=low, by=prescriber.user, now=clock())
    low.refresh_from_db()
    assert low.risk.tier == "high"
    clock.tick(minutes=1)
    asked = live(low)
    assert (asked.interval_days, asked.due_at, asked.mails_sent) == (1, clock(), 1)
    assert asked.judge_at == clock() + timedelta(hours=4)
    hours_pass(clock, 3)
    assert raised() == []
    hours_pass(clock, 2)
    assert raised() == [("W10", "watch")]


def test_a_second_look_at_a_waiting_window_tells_nobody_twice(high, nurse, clock) -> None:
    hours_pass(clock, 28)
    assert raised() == [("W10", "watch")]
    Reminder.objects.live().update(replan_at=clock())
    hours_pass(clock, 1)
    alert = Alert.objects.get()
    resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="Called.", now=clock())
    Reminder.objects.live().update(replan_at=clock())
    hours_pass(clock, 1)
    assert raised() == [("W10", "watch")]


def test_who_never_checked_in_is_missed_all_the_same(high, clock) -> None:
    hours_pass(clock, 28)
    assert raised() == [("W10", "watch")]


def test_after_a_stop_of_the_machine_silence_is_judged_at_once(high, clock) -> None:
    check_in(high, CALM)
    run(clock)
    clock.time = NOW + timedelta(days=4)
    run(clock)
    assert ("U24", "urgent") in raised()


@pytest.mark.parametrize("status", ["paused", "in_hospital", "ended", "deceased"])
def test_whom_we_leave_in_peace_is_not_missed(high, clock, status) -> None:
    check_in(high, CALM)
    run(clock)
    Patient.objects.filter(pk=high.pk).update(status=status)
    hours_pass(clock, 72)
    assert raised() == []


def test_who_comes_back_is_not_missed_for_the_time_away(high, clock) -> None:
    check_in(high, CALM)
    run(clock)
    Patient.objects.filter(pk=high.pk).update(status="in_hospital")
    for _ in range(5):
        hours_pass(clock, 24)
    Patient.objects.filter(pk=high.pk).update(status="active")
    hours_pass(clock, 2)
    assert raised() == []


def test_silence_tells_the_person_on_call(high, nurse, clock) -> None:
    check_in(high, CALM)
    run(clock)
    clock.time = NOW + timedelta(hours=48)
    put_on_call(nurse, now=clock())
    run(clock)
    alert = Alert.objects.get(level="urgent")
    assert alert.deliveries.get().recipient == nurse
    assert alert.source_type == "silence"


def test_hold_alert_and_next_look_are_stored_together(high, clock, monkeypatch) -> None:
    check_in(high, CALM)
    run(clock)

    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError

    monkeypatch.setattr("apps.checkins.reminder_actions.open_alert", refuse)
    key, at = live(high).pk, NOW + timedelta(hours=48)
    with pytest.raises(IntegrityError):
        judge_silence(key, at)
    assert not PlanHold.objects.exists()
    assert live(high).judge_at <= at


def test_the_clock_of_a_patient_without_an_address_runs_too(high, clock: Clock) -> None:
    Patient.objects.filter(pk=high.pk).update(email="")
    check_in(high, CALM)
    hours_pass(clock, 28)
    assert live(high).state == "no_mail"
    assert raised() == [("W10", "watch")]


def test_the_times_are_the_rules_own(high) -> None:
    from apps.clinical.cadence import SILENCE_HOURS

    assert SILENCE_HOURS == {"high": (24, 48), "moderate": (48, 96), "low": (168,)}
    assert isinstance(NOW, datetime)
