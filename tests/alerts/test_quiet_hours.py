"""Quiet hours: they hold below an emergency, and never leave an alert with nobody."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.alerts.contact_actions import end_quiet_hours, set_quiet_hours
from apps.alerts.models import Alert, QuietHours
from apps.alerts.sweep import deliver_due, sweep
from apps.audit.models import AuditEvent
from apps.patients.models import Role
from tests.alerts.clocks import MINUTE, SECOND, Clock
from tests.factories import make_alert, make_member, put_on_call

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)  # midnight in New York
MORNING = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # 7 o'clock


def quiet(member, begins=time(22), ends=time(7), zone="America/New_York") -> QuietHours:
    return set_quiet_hours(
        member=member, begins=begins, ends=ends, time_zone=zone, by=member.user, now=NIGHT
    )


@pytest.fixture
def asleep(nurse):
    """The nurse is on call at midnight and in their quiet hours."""
    put_on_call(nurse, now=NIGHT)
    quiet(nurse)
    return nurse


def told(alert: Alert) -> set[str]:
    sent = alert.deliveries.filter(status="sent").select_related("recipient__user")
    return {delivery.recipient.user.full_name for delivery in sent}


def test_an_emergency_comes_at_any_hour(asleep, patient) -> None:
    alert = make_alert(patient, now=NIGHT)
    deliver_due(Clock(NIGHT))
    assert told(alert) == {asleep.user.full_name}


def test_an_urgent_alert_goes_to_the_next_rung_at_once_and_waits_for_the_sleeper(
    asleep, backup, patient
) -> None:
    put_on_call(backup, "backup", now=NIGHT)
    alert = make_alert(patient, "urgent", now=NIGHT)
    clock = Clock(NIGHT)
    deliver_due(clock)
    assert told(alert) == {backup.user.full_name}
    waiting = alert.deliveries.get(recipient=asleep)
    assert (waiting.status, waiting.quiet_until) == ("pending", MORNING)
    for moment in (MORNING - SECOND, MORNING):
        clock.time = moment
        sweep(moment)
        deliver_due(clock)
        assert (asleep.user.full_name in told(alert)) == (moment == MORNING)


def test_quiet_hours_outlast_the_sweep_that_sets_clocks_right(asleep, backup, patient) -> None:
    put_on_call(backup, "backup", now=NIGHT)
    alert = make_alert(patient, "urgent", now=NIGHT)
    Clock(NIGHT).go_on(timedelta(hours=2), 10 * MINUTE)
    assert alert.deliveries.get(recipient=asleep, round=0).next_attempt_at == MORNING


def test_a_clock_that_was_days_ahead_does_not_stretch_quiet_hours(asleep, backup, patient) -> None:
    put_on_call(backup, "backup", now=NIGHT)
    alert = make_alert(patient, "urgent", now=NIGHT)
    waiting = alert.deliveries.get(recipient=asleep)
    late = MORNING + timedelta(days=3)
    type(waiting).objects.filter(pk=waiting.pk).update(quiet_until=late, next_attempt_at=late)
    sweep(NIGHT)
    waiting.refresh_from_db()
    assert waiting.next_attempt_at == NIGHT


def test_a_sleeper_is_not_told_twice_in_the_morning(asleep, backup, patient) -> None:
    alert = make_alert(patient, "urgent", now=NIGHT)
    Clock(NIGHT).go_on(timedelta(hours=6), 10 * MINUTE)
    assert alert.deliveries.filter(recipient=asleep, quiet_until__isnull=False).count() == 1


def test_when_all_are_asleep_an_urgent_alert_does_not_wait(asleep, patient) -> None:
    alert = make_alert(patient, "urgent", now=NIGHT)
    deliver_due(Clock(NIGHT))
    assert told(alert) == {asleep.user.full_name}
    assert alert.deliveries.get().despite_quiet


def test_when_all_are_asleep_a_watch_alert_waits(asleep, patient) -> None:
    alert = make_alert(patient, "watch", now=NIGHT - timedelta(days=1))
    clock = Clock(NIGHT)
    clock.go_on(timedelta(hours=6), 10 * MINUTE)
    assert told(alert) == set()
    clock.go_on(timedelta(hours=2), 10 * MINUTE)
    assert told(alert) == {asleep.user.full_name}


def test_a_retry_that_falls_into_quiet_hours_waits(nurse, backup, patient) -> None:
    evening = datetime(2026, 11, 24, 2, 59, tzinfo=UTC)  # a minute before ten
    put_on_call(nurse, now=evening)
    put_on_call(backup, now=evening)
    quiet(nurse)
    alert = make_alert(patient, "urgent", now=evening)
    deliver_due(Clock(evening + 2 * MINUTE))
    assert told(alert) == {backup.user.full_name}
    assert alert.deliveries.get(recipient=nurse).next_attempt_at == MORNING


def test_without_quiet_hours_any_more_what_waited_goes(asleep, backup, patient) -> None:
    put_on_call(backup, "backup", now=NIGHT)
    alert = make_alert(patient, "urgent", now=NIGHT)
    for _ in range(2):
        end_quiet_hours(member=asleep, by=asleep.user, now=NIGHT + MINUTE)
    deliver_due(Clock(NIGHT + MINUTE))
    assert asleep.user.full_name in told(alert)
    assert AuditEvent.objects.filter(event="quiet_hours.ended").count() == 1


def test_somebody_awake_among_everyone_is_told_and_the_others_sleep(
    asleep, clinic, patient
) -> None:
    awake = make_member(clinic, Role.NURSE, "Wanda Awake")
    alert = make_alert(patient, "urgent", now=NIGHT)
    deliver_due(Clock(NIGHT))
    assert told(alert) == {awake.user.full_name}


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-11-24T02:59:59", None),
        ("2026-11-24T03:00:00", "2026-11-24T12:00:00"),
        ("2026-11-24T11:59:59", "2026-11-24T12:00:00"),
        ("2026-11-24T12:00:00", None),
        ("2026-11-01T05:30:00", "2026-11-01T12:00:00"),  # the night the clocks go back
        ("2026-03-08T07:30:00", "2026-03-08T11:00:00"),  # and forward
    ],
)
def test_quiet_hours_run_by_the_persons_own_clock(moment, end, nurse) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(end).replace(tzinfo=UTC) if end else None
    assert quiet(nurse).until(at) == expected


def test_quiet_hours_within_one_day(nurse) -> None:
    nap = quiet(nurse, time(13), time(15), "Europe/Madrid")
    at = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    assert nap.until(at) == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    assert nap.until(at + timedelta(hours=2)) is None


def test_quiet_hours_without_an_end_are_refused_by_postgresql(nurse) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        quiet(nurse, time(8), time(8))


def test_setting_quiet_hours_is_all_or_nothing(nurse, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.alerts.contact_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        quiet(nurse)
    assert not QuietHours.objects.exists()
