"""Time passes and nobody acts."""

from datetime import datetime, timedelta

import pytest

from apps.alerts.actions import acknowledge_alert
from apps.alerts.delivery import claim
from apps.alerts.models import Alert, Heartbeat
from apps.alerts.sweep import sweep
from tests.factories import NOW, make_alert, put_on_call

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


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
    climbed = {}
    for second in range(0, 16 * 60, 5):
        moment = NOW + timedelta(seconds=second)
        if sweep(moment).climbed:
            climbed[second / 60] = alert.deliveries.order_by("-round").first().rung
    assert climbed == {5: "backup", 10: "lead", 15: "everyone"}
    assert told(alert)[:3] == [m.user.full_name for m in (nurse, backup, lead)]


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
