"""The tables of states, and PostgreSQL's refusal of what they do not hold."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.alerts.models import Alert, Delivery
from apps.alerts.states import (
    ALERT_TRANSITIONS,
    DELIVERY_TRANSITIONS,
    AlertStatus,
    DeliveryStatus,
    TransitionError,
    check_alert_transition,
    check_delivery_transition,
)
from tests.factories import NOW, make_alert, put_on_call

pytestmark = pytest.mark.django_db


def test_every_state_is_in_its_table() -> None:
    assert set(ALERT_TRANSITIONS) == set(AlertStatus)
    assert set(DELIVERY_TRANSITIONS) == set(DeliveryStatus)


def test_a_closed_alert_never_opens_again() -> None:
    for target in AlertStatus:
        with pytest.raises(TransitionError, match="resolved"):
            check_alert_transition(AlertStatus.RESOLVED, target)


def test_a_delivery_is_only_sent_by_who_claimed_it() -> None:
    with pytest.raises(TransitionError):
        check_delivery_transition(DeliveryStatus.PENDING, DeliveryStatus.SENT)


IMPOSSIBLE_ALERTS = {
    "open without a next step": {"next_rung_at": None},
    "open with an ack clock": {"ack_due_at": NOW},
    "acknowledged without an owner": {
        "status": "acknowledged", "next_rung_at": None, "acknowledged_at": NOW, "ack_due_at": NOW,
    },
    "acknowledged and still climbing": {"status": "acknowledged", "ack_due_at": NOW},
    "resolved by nobody": {
        "status": "resolved", "next_rung_at": None, "resolved_at": NOW, "outcome": "spoke",
        "note": "x",
    },
    "of a level that no rule gives": {"level": "none"},
}  # fmt: skip


@pytest.mark.parametrize("change", IMPOSSIBLE_ALERTS.values(), ids=IMPOSSIBLE_ALERTS)
def test_postgresql_refuses_an_alert_that_is(change: dict, patient) -> None:
    alert = make_alert(patient)
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.filter(pk=alert.pk).update(**change)


def test_postgresql_refuses_an_alert_closed_without_a_note(patient, nurse) -> None:
    alert = make_alert(patient)
    with pytest.raises(IntegrityError, match="alert_resolved_documented"), transaction.atomic():
        Alert.objects.filter(pk=alert.pk).update(
            status="resolved", next_rung_at=None, resolved_at=NOW, resolved_by=nurse.user,
            outcome="spoke", note="",
        )  # fmt: skip


IMPOSSIBLE_DELIVERIES = {
    "sent without a time": {"status": "sent", "next_attempt_at": None},
    "sending without a lease": {"status": "sending"},
    "pending without a next attempt": {"next_attempt_at": None},
    "failed without a time": {"status": "failed", "next_attempt_at": None},
    "sent and failed": {"status": "sent", "sent_at": NOW, "failed_at": NOW},
}


@pytest.mark.parametrize("change", IMPOSSIBLE_DELIVERIES.values(), ids=IMPOSSIBLE_DELIVERIES)
def test_postgresql_refuses_a_delivery_that_is(change: dict, patient, nurse) -> None:
    put_on_call(nurse)
    delivery = make_alert(patient).deliveries.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(**change)


def test_one_person_is_told_once_per_round(patient, nurse) -> None:
    put_on_call(nurse)
    delivery = make_alert(patient).deliveries.get()
    delivery.pk = None
    with pytest.raises(IntegrityError, match="delivery_once_per_round"), transaction.atomic():
        delivery.save(force_insert=True)


def test_a_shift_ends_after_it_starts(nurse) -> None:
    shift = put_on_call(nurse)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(shift).objects.filter(pk=shift.pk).update(ends_at=shift.starts_at - timedelta(hours=1))
