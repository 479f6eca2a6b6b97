"""Time passes and nobody acts."""

import random
from datetime import UTC, datetime, time, timedelta

import pytest

from apps.alerts.actions import acknowledge_alert
from apps.alerts.delivery import claim
from apps.alerts.dispatcher import SWEEP_SECONDS
from apps.alerts.models import Alert, Heartbeat
from apps.alerts.rota_actions import add_turns
from apps.alerts.sweep import sweep
from tests.factories import NOW, make_alert, make_member, put_on_call

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return NOW + minutes * MINUTE


def told(alert: Alert) -> list[str]:
    return [d.recipient.user.full_name for d in alert.deliveries.order_by("round", "created_at")]


def test_nobody_acts_all_night_and_every_rung_is_climbed_on_its_minute(
    patient, nurse, backup, lead
) -> None:
    put_on_call(nurse)
    put_on_call(backup, "backup")
    put_on_call(lead, "lead")
    alert = make_alert(patient)
    rng, climbed = random.Random(6), []
    while len(climbed) < 5 * 12:  # every five minutes of five hours
        alert.refresh_from_db()
        if len(climbed) < 4:
            assert sweep(alert.next_rung_at - SECOND).climbed == 0
        # Nobody sweeps for two minutes when the lead is due: the machine restarts.
        late = 2 * MINUTE if len(climbed) == 1 else SECOND * rng.uniform(0, SWEEP_SECONDS)
        climbed.append(alert.next_rung_at + late)
        assert sweep(climbed[-1]).climbed == 1
    rungs = alert.deliveries.order_by("round").values_list("rung", flat=True).distinct()
    assert list(rungs[:4]) == ["on_call", "backup", "lead", "everyone"]
    assert climbed.pop(1) == at(12)
    minutes = [5, *range(15, 5 * 60 + 1, 5)]
    for moment, minute in zip(climbed, minutes, strict=True):
        assert abs(moment - at(minute)) <= 5 * SECOND


@pytest.mark.parametrize(
    ("opened", "told"),
    [
        (datetime(2026, 11, 1, 5, 58, tzinfo=UTC), "late"),  # 1:58, and five minutes on it is 1:03
        (datetime(2026, 11, 1, 6, 58, tzinfo=UTC), "early"),  # 1:58 again, then 2:03
        (datetime(2027, 3, 14, 6, 53, tzinfo=UTC), "late"),  # 1:53, then 1:58
        (datetime(2027, 3, 14, 6, 58, tzinfo=UTC), "early"),  # 1:58, and five minutes on it is 3:03
    ],
)
def test_the_backup_is_whose_hours_those_are_when_the_clocks_change(
    clinic, nurse, patient, opened, told
) -> None:
    people = {name: make_member(clinic) for name in ("late", "early")}
    put_on_call(nurse, now=opened)
    for name, day, starts, ends in (("late", 5, 20, 2), ("early", 6, 2, 8)):  # Saturday, Sunday
        add_turns(
            member=people[name], rung="backup", weekdays=[day], starts=time(starts),
            ends=time(ends), by=nurse.user, now=opened - timedelta(days=2),
        )  # fmt: skip
    alert = make_alert(patient, now=opened)
    sweep(opened + 5 * MINUTE)
    assert alert.deliveries.get(rung="backup").recipient == people[told]


def test_the_rota_of_that_moment_counts(patient, nurse, backup, lead) -> None:
    put_on_call(nurse)
    late = put_on_call(backup, "backup")
    late.ends_at = at(3)
    late.save(update_fields=["ends_at"])
    put_on_call(lead, "backup")
    alert = make_alert(patient)
    sweep(at(5))
    assert told(alert)[-1] == lead.user.full_name


def test_sweeping_twice_at_once_climbs_once(patient, nurse, lead) -> None:
    alert = make_alert(patient)
    sweep(at(10))
    before = alert.deliveries.count()
    assert sweep(at(10)).climbed == 0
    assert alert.deliveries.count() == before


def test_a_forgotten_alert_opens_again_and_climbs(patient, nurse, lead) -> None:
    put_on_call(nurse)
    alert = acknowledge_alert(alert=make_alert(patient), by=nurse.user, now=NOW)
    assert sweep(at(29)).reopened == 0
    assert sweep(at(30)).reopened == 1
    alert.refresh_from_db()
    assert (alert.status, alert.owner) == ("open", None)
    assert alert.deliveries.filter(status="pending", recipient=lead).exists()


def test_a_lost_lease_makes_the_mail_due_again(patient, nurse) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    claimed = claim(NOW)
    assert sweep(claimed.lease_until - timedelta(seconds=1)).leases_taken_back == 0
    assert sweep(claimed.lease_until).leases_taken_back == 1
    delivery = alert.deliveries.get()
    assert (delivery.status, delivery.lease_token) == ("pending", None)
    assert delivery.tries.get().result == "unknown"


def test_a_person_whose_senders_keep_dying_is_given_up_for_the_next(patient, nurse, backup) -> None:
    put_on_call(nurse)
    put_on_call(backup, "backup")
    alert = make_alert(patient)
    moment = NOW
    for _ in range(4):
        claimed = claim(moment)
        moment = claimed.lease_until
        sweep(moment)
    assert alert.deliveries.get(recipient=nurse).status == "failed"
    assert alert.deliveries.get(recipient=backup).status == "pending"


def test_one_row_that_cannot_be_moved_stops_no_other(patient, nurse, lead, monkeypatch) -> None:
    broken, fine = make_alert(patient), make_alert(patient)
    from apps.alerts import sweep as module

    def climb(alert: Alert, *, now: datetime) -> list:
        if alert.pk == broken.pk:
            raise RuntimeError("broken row")
        return original(alert, now=now)

    original = module.climb
    monkeypatch.setattr(module, "climb", climb)
    report = sweep(at(20))
    fine.refresh_from_db()
    assert fine.next_rung_at > at(20)
    assert report.stranded == 1


def test_a_sweep_shows_a_sign_of_life(patient) -> None:
    sweep(NOW)
    assert Heartbeat.objects.get(name="sweep").beat_at == NOW
