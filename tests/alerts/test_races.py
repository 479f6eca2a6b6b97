"""Many at once, over real connections."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from apps.alerts.actions import AlertTakenError, acknowledge_alert
from apps.alerts.delivery import claim
from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.patients.models import Role
from tests.factories import NOW, make_alert, make_member, put_on_call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PEOPLE = 100


def test_a_hundred_people_take_one_alert_at_once_and_one_owns_it(clinic, patient, nurse) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    people = [make_member(clinic, Role.NURSE) for _ in range(PEOPLE)]
    together = threading.Barrier(PEOPLE)

    def take(member) -> bool:
        try:
            connection.ensure_connection()
            together.wait(60)
            acknowledge_alert(alert=alert, by=member.user, now=NOW)
        except AlertTakenError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(PEOPLE) as pool:
        won = [m for m, took in zip(people, pool.map(take, people), strict=True) if took]
    (winner,) = won
    alert = Alert.objects.get(pk=alert.pk)
    assert (alert.status, alert.owner) == ("acknowledged", winner.user)
    assert AuditEvent.objects.filter(event="alert.acknowledged").count() == 1
    assert alert.deliveries.get().status == "cancelled"


def test_twenty_senders_claim_one_message_once(patient, nurse) -> None:
    put_on_call(nurse)
    make_alert(patient)
    together = threading.Barrier(20)

    def take(_: int) -> bool:
        try:
            connection.ensure_connection()
            together.wait(60)
            return claim(NOW) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(take, range(20))) == 1
