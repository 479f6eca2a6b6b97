"""The machine's clock is set back or ahead by an hour."""

from datetime import timedelta

import pytest

from apps.alerts.actions import acknowledge_alert
from apps.alerts.delivery import claim, deliver
from apps.alerts.smtp import lease_time
from apps.alerts.sweep import sweep
from tests.factories import NOW, make_alert, put_on_call

pytestmark = pytest.mark.django_db
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
BACK = NOW - HOUR


@pytest.fixture
def alert(patient, nurse, backup):
    put_on_call(nurse)
    put_on_call(backup, "backup")
    return make_alert(patient)


def test_a_waiting_message_does_not_wait_out_the_hour(alert, mailoutbox) -> None:
    assert deliver(lambda: BACK) is None
    sweep(BACK)
    assert deliver(lambda: BACK) is not None
    assert len(mailoutbox) == 1


def test_the_lease_of_a_dead_sender_ends_in_its_time(alert) -> None:
    claim(NOW)
    sweep(BACK)
    assert sweep(BACK + lease_time()).leases_taken_back == 1


def test_the_next_rung_is_climbed_in_its_minutes(alert) -> None:
    sweep(BACK)
    assert sweep(BACK + 5 * MINUTE - SECOND).climbed == 0
    assert sweep(BACK + 5 * MINUTE).climbed == 1


def test_the_ack_clock_runs_its_time_and_no_longer(alert, nurse) -> None:
    acknowledge_alert(alert=alert, by=nurse.user, now=NOW)
    sweep(BACK)
    assert sweep(BACK + 30 * MINUTE - SECOND).reopened == 0
    assert sweep(BACK + 30 * MINUTE).reopened == 1


def test_what_waits_rightly_is_left_alone(patient, nurse, lead) -> None:
    put_on_call(nurse)
    alerts = [make_alert(patient, level) for level in ("emergency", "urgent", "watch")]
    for alert in alerts:
        alert.refresh_from_db()
    before = [alert.next_rung_at for alert in alerts]
    sweep(NOW)
    for alert, at in zip(alerts, before, strict=True):
        alert.refresh_from_db()
        assert alert.next_rung_at == at


def test_an_hour_ahead_tells_more_people_and_loses_nobody(alert, nurse, backup) -> None:
    sweep(NOW + HOUR)
    assert {d.recipient for d in alert.deliveries.all()} >= {nurse, backup}
