"""Many at once, over real connections."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection, transaction

from apps.alerts import breaker
from apps.alerts.actions import AlertTakenError, acknowledge_alert
from apps.alerts.delivery import claim, settle
from apps.alerts.escalation import lock_alert
from apps.alerts.models import Alert, Delivery, Shift
from apps.alerts.receipts import take_report
from apps.alerts.smtp import Answer, Result, lease_time
from apps.alerts.states import TransitionError
from apps.alerts.sweep import sweep
from apps.audit.models import AuditEvent
from apps.patients.models import Role
from tests.alerts.test_receipts import report
from tests.factories import (
    NOW,
    make_alert,
    make_gateway,
    make_member,
    make_way,
    put_on_call,
)
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PEOPLE, ROUNDS = 100, 8
REFUSED = Answer(Result.PERMANENT, "550 no such user")


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


def test_taking_an_alert_and_failing_its_messages_never_wait_for_each_other(
    clinic, patient, nurse, caplog
) -> None:
    """Who takes holds the alert and asks for its messages; who stores an answer must, too."""
    people = [make_member(clinic, Role.NURSE) for _ in range(ROUNDS)]

    def run(act) -> str:
        try:
            connection.ensure_connection()
            together.wait(60)
            act()
        except (AlertTakenError, TransitionError):
            return "late"
        finally:
            connection.close()
        return "done"

    for member in people:
        Shift.objects.all().delete()
        for person in (member, nurse):
            put_on_call(person)
        alert = make_alert(patient)
        first, second = claim(NOW), claim(NOW)
        acts = [
            partial(acknowledge_alert, alert=alert, by=member.user, now=NOW),
            partial(settle, first, REFUSED, NOW),
            partial(settle, second, REFUSED, NOW),
            partial(sweep, NOW + lease_time()),
            partial(breaker.note_answer, NOW),
        ]
        together = threading.Barrier(len(acts))
        with ThreadPoolExecutor(len(acts)) as pool:
            assert "done" in list(pool.map(run, acts))
        alert.refresh_from_db()
        assert (alert.status, alert.owner) == ("acknowledged", member.user)
        assert not alert.deliveries.filter(status__in=["pending", "sending"]).exists()
    assert "could not move" not in caplog.text


def test_a_report_holds_no_message_while_it_waits_for_its_alert(
    clinic_admin, patient, nurse
) -> None:
    """Who takes an alert by the link of this very message holds the alert and asks for it."""
    url = "json://127.0.0.1/{to}?+X-Ref={ref}"
    gateway = make_gateway(clinic_admin.clinic, clinic_admin.user, url)
    put_on_call(nurse)
    make_way(nurse, "+15555550100", gateway)
    alert = make_alert(patient)
    settle(claim(NOW), Answer(Result.SENT, "accepted"), NOW)
    message = alert.deliveries.get()

    def hear() -> None:
        try:
            said = report(message.pk, "undelivered")
            take_report(gateway_id=gateway.pk, report=said, now=NOW)
        finally:
            connection.close()

    def somebody_waits() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
            return bool(cursor.fetchone()[0])

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock_alert(alert.pk)
            heard = pool.submit(hear)
            wait_until(somebody_waits, 20, "the report does not wait")
            Delivery.objects.select_for_update(nowait=True, of=("self",)).get(pk=message.pk)
        heard.result()
    message.refresh_from_db()
    assert message.receipt == "undelivered"
