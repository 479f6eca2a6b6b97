"""What a person or a check-in does to an alert."""

from datetime import timedelta

import pytest
from django.db import IntegrityError

from apps.alerts.actions import AlertTakenError, acknowledge_alert, open_alert, resolve_alert
from apps.alerts.models import Alert, Delivery
from apps.alerts.states import TransitionError
from apps.audit.models import AuditEvent
from tests.factories import NOW, make_alert, put_on_call

pytestmark = pytest.mark.django_db


def test_an_emergency_tells_the_person_on_call_at_once(patient, nurse, backup) -> None:
    put_on_call(nurse)
    put_on_call(backup, "backup")
    alert = make_alert(patient)
    assert [d.recipient for d in alert.deliveries.all()] == [nurse]
    alert.refresh_from_db()
    assert alert.next_rung_at == NOW + timedelta(minutes=5)


def test_a_rung_with_nobody_is_skipped_at_once_and_logged(patient, lead) -> None:
    alert = make_alert(patient)
    assert [d.recipient for d in alert.deliveries.all()] == [lead]
    texts = [event.text for event in alert.events.all()]
    assert "On call: nobody is on the rota, skipped." in texts
    assert "Backup: nobody is on the rota, skipped." in texts


def test_with_nobody_on_the_rota_everyone_who_may_act_is_told(patient, nurse, prescriber) -> None:
    alert = make_alert(patient)
    assert {d.recipient for d in alert.deliveries.all()} == {nurse, prescriber}


def test_a_clinic_admin_is_never_told(patient, clinic_admin) -> None:
    alert = make_alert(patient)
    assert not alert.deliveries.exists()
    assert "Nobody at this clinic can be told" in alert.events.last().text


def test_people_of_another_clinic_are_never_told(patient, outsider) -> None:
    put_on_call(outsider)
    assert not make_alert(patient).deliveries.exists()


def test_a_deactivated_person_on_the_rota_is_not_told(patient, nurse, backup) -> None:
    put_on_call(nurse)
    put_on_call(backup, "backup")
    nurse.user.is_active = False
    nurse.user.save(update_fields=["is_active"])
    assert [d.recipient for d in make_alert(patient).deliveries.all()] == [backup]


def test_opening_twice_for_one_source_tells_nobody_twice(patient, nurse) -> None:
    put_on_call(nurse)
    first = make_alert(patient)
    again = open_alert(
        patient=patient, level="emergency", response_minutes=5, rules=first.rules,
        source_type=first.source_type, source_id=first.source_id, now=NOW,
    )  # fmt: skip
    assert again == first
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_opening_is_all_or_nothing(patient, nurse, monkeypatch) -> None:
    put_on_call(nurse)

    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.alerts.actions.record", refuse)
    with pytest.raises(IntegrityError):
        make_alert(patient)
    assert not Alert.objects.exists()
    assert not Delivery.objects.exists()


def test_taking_an_alert_makes_one_owner_and_spares_the_others(patient, nurse, prescriber) -> None:
    alert = make_alert(patient)
    taken = acknowledge_alert(alert=alert, by=nurse.user, now=NOW)
    assert (taken.status, taken.owner, taken.next_rung_at) == ("acknowledged", nurse.user, None)
    assert taken.ack_due_at == NOW + timedelta(minutes=30)
    assert set(alert.deliveries.values_list("status", flat=True)) == {"cancelled"}
    event = AuditEvent.objects.get(event="alert.acknowledged")
    assert (event.actor_id, event.patient_id) == (nurse.user.pk, patient.pk)


def test_taking_ones_own_alert_again_changes_nothing(patient, nurse) -> None:
    alert = acknowledge_alert(alert=make_alert(patient), by=nurse.user, now=NOW)
    again = acknowledge_alert(alert=alert, by=nurse.user, now=NOW + timedelta(minutes=9))
    assert again.acknowledged_at == NOW
    assert AuditEvent.objects.filter(event="alert.acknowledged").count() == 1


def test_the_second_taker_is_told_who_has_it(patient, nurse, prescriber) -> None:
    alert = make_alert(patient)
    acknowledge_alert(alert=alert, by=nurse.user, now=NOW)
    with pytest.raises(AlertTakenError, match=nurse.user.full_name):
        acknowledge_alert(alert=alert, by=prescriber.user, now=NOW)


def test_closing_needs_an_outcome_and_a_note_and_ends_all_clocks(patient, nurse) -> None:
    alert = acknowledge_alert(alert=make_alert(patient), by=nurse.user, now=NOW)
    closed = resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="Called.", now=NOW)
    assert (closed.status, closed.ack_due_at, closed.next_rung_at) == ("resolved", None, None)
    with pytest.raises(TransitionError):
        resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="Again.", now=NOW)


def test_a_closed_alert_cannot_be_taken(patient, nurse) -> None:
    alert = make_alert(patient)
    resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="Called.", now=NOW)
    with pytest.raises(TransitionError):
        acknowledge_alert(alert=alert, by=nurse.user, now=NOW)


def test_a_reference_has_no_letters_that_sound_alike(patient) -> None:
    assert not set(make_alert(patient).reference[2:]) & set("BGIOQSUZ01258")
