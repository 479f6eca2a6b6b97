"""The tables of states, and PostgreSQL's refusal of what they do not hold."""

from datetime import timedelta

import pgtrigger
import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from apps.alerts.models import Alert, Delivery
from apps.alerts.states import (
    ALERT_TRANSITIONS,
    DELIVERY_TRANSITIONS,
    DIAGRAMS,
    AlertStatus,
    DeliveryStatus,
    TransitionError,
    check_alert_transition,
    check_delivery_transition,
    diagrams,
)
from tests.factories import make_alert, put_on_call

pytestmark = pytest.mark.django_db
# A trigger refuses with the one, a constraint with the other.
REFUSED = (IntegrityError, ProgrammingError)


def test_every_state_is_in_its_table() -> None:
    assert set(ALERT_TRANSITIONS) == set(AlertStatus)
    assert set(DELIVERY_TRANSITIONS) == set(DeliveryStatus)


def test_a_closed_alert_opens_again_only_in_somebodys_hands() -> None:
    for target in (AlertStatus.OPEN, AlertStatus.RESOLVED):
        with pytest.raises(TransitionError, match="resolved"):
            check_alert_transition(AlertStatus.RESOLVED, target)
    check_alert_transition(AlertStatus.RESOLVED, AlertStatus.ACKNOWLEDGED)


def test_a_delivery_is_only_sent_by_who_claimed_it() -> None:
    with pytest.raises(TransitionError):
        check_delivery_transition(DeliveryStatus.PENDING, DeliveryStatus.SENT)


def test_one_person_is_told_once_per_round(patient, nurse) -> None:
    put_on_call(nurse)
    delivery = make_alert(patient).deliveries.get()
    delivery.pk, delivery.link_hash, delivery.link_expires_at = None, None, None
    with pytest.raises(IntegrityError, match="delivery_once_per_round"), transaction.atomic():
        delivery.save(force_insert=True)


def test_a_shift_ends_after_it_starts(nurse) -> None:
    shift = put_on_call(nurse)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(shift).objects.filter(pk=shift.pk).update(ends_at=shift.starts_at - timedelta(hours=1))


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


ALERT_COLUMNS = {
    "open": (
        "next_rung_at = clock_set_at, owner_id = NULL, ack_due_at = NULL, resolved_at = NULL, "
        "resolved_by_id = NULL, outcome = '', note = ''"
    ),
    "acknowledged": (
        "next_rung_at = NULL, owner_id = %(user)s, ack_due_at = clock_set_at, "
        "acknowledged_at = COALESCE(acknowledged_at, now()), resolved_at = NULL, "
        "resolved_by_id = NULL, outcome = '', note = ''"
    ),
    "resolved": (
        "next_rung_at = NULL, ack_due_at = NULL, resolved_at = now(), resolved_by_id = %(user)s, "
        "outcome = 'spoke', note = 'x'"
    ),
}


def put_alert(alert: Alert, status: str, user_id: object) -> None:
    """Write a state by raw SQL, with the columns that state needs."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE alerts_alert SET status = %(status)s, {ALERT_COLUMNS[status]} "
            "WHERE id = %(id)s",
            {"status": status, "user": user_id, "id": alert.pk},
        )


@pytest.mark.parametrize("target", AlertStatus)
@pytest.mark.parametrize("current", AlertStatus)
def test_raw_sql_moves_an_alert_only_as_the_table_says(current, target, patient, nurse) -> None:
    alert = make_alert(patient)
    if current != AlertStatus.OPEN:
        put_alert(alert, current, nurse.user.pk)
    if target in ALERT_TRANSITIONS[current] or target == current:
        put_alert(alert, target, nurse.user.pk)
        assert Alert.objects.get(pk=alert.pk).status == target
    else:
        with pytest.raises(REFUSED), transaction.atomic():
            put_alert(alert, target, nurse.user.pk)


@pytest.mark.parametrize("target", DeliveryStatus)
@pytest.mark.parametrize("current", DeliveryStatus)
def test_raw_sql_moves_a_delivery_only_as_the_table_says(current, target, patient, nurse) -> None:
    put_on_call(nurse)
    delivery = make_alert(patient).deliveries.get()
    with pgtrigger.ignore(
        "alerts.Delivery:delivery_transition", "alerts.Delivery:delivery_known_once"
    ):
        put_delivery(delivery, current)
    if target in DELIVERY_TRANSITIONS[current] or target == current:
        put_delivery(delivery, target)
        assert Delivery.objects.get(pk=delivery.pk).status == target
    else:
        with pytest.raises(REFUSED), transaction.atomic():
            put_delivery(delivery, target)


def put_delivery(delivery: Delivery, status: str) -> None:
    """Write a state by raw SQL, with the columns that state needs."""
    needed = {
        "pending": "next_attempt_at = now()",
        "sending": "lease_token = gen_random_uuid(), lease_until = now(), attempts = 1",
        "sent": "sent_at = now(), attempts = 1",
        "failed": "failed_at = now(), attempts = 1",
        "cancelled": "attempts = attempts",
    }
    none = dict.fromkeys(
        ("next_attempt_at", "lease_token", "lease_until", "sent_at", "failed_at"), "NULL"
    )
    values = none | dict(part.split(" = ") for part in needed[status].split(", "))
    changes = ", ".join(f"{column} = {value}" for column, value in values.items())
    sql(f"UPDATE alerts_delivery SET status = %s, {changes} WHERE id = %s", status, delivery.pk)


def test_the_diagrams_are_those_of_the_tables() -> None:
    assert DIAGRAMS.read_text() == diagrams(), "run: python -m apps.alerts.states"
