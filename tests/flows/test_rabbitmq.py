"""The same alerts by way of RabbitMQ: whole, killed in the middle, absent, hanging."""

import time
from collections.abc import Iterator

import pytest

from apps.alerts.models import Delivery
from apps.alerts.tasks import QUIET_SECONDS, doorbell
from tests.factories import make_patient
from tests.flows.test_check_in_to_mail import is_sent, submit, sweep_alerts
from tests.harness.broker import use_broker
from tests.harness.rabbitmq import RabbitServer
from tests.harness.rabbitmq_packages import CHOICE, left_out
from tests.harness.smtp import Answer
from tests.harness.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.flow,
    pytest.mark.slow,
    pytest.mark.xdist_group("rabbitmq"),
    pytest.mark.skipif(left_out(), reason=f"NOT RUN: somebody chose {CHOICE}=none"),
]


@pytest.fixture
def live_broker(rabbit_server: RabbitServer) -> Iterator[RabbitServer]:
    """RabbitMQ in the place of Redis, for the test itself and for every process it starts."""
    if not rabbit_server.alive():
        rabbit_server.start()
    with use_broker(rabbit_server.url):
        yield rabbit_server


def test_celery_mails_the_person_on_call(parts, smtp, people, marked_patient) -> None:
    parts.worker()
    submit(marked_patient)
    smtp.wait_for(1, to=people["on_call"].user.email, timeout=10)
    wait_until(is_sent(people["on_call"]))
    assert len(smtp.messages) == 1


def test_beat_sweeps_by_way_of_rabbitmq(parts, smtp, people, marked_patient) -> None:
    doorbell.quiet_until = time.monotonic() + 3600  # nobody rings: only beat's own tasks remain
    submit(marked_patient)
    parts.worker()
    parts.beat()
    smtp.wait_for(1, to=people["on_call"].user.email, timeout=30)


def test_the_broker_killed_under_a_mail_loses_nothing_and_is_used_again(
    parts, smtp, people, marked_patient, live_broker
) -> None:
    smtp.behave(Answer.HANG_BEFORE_DATA, times=1)
    parts.worker(EMAIL_TIMEOUT="2")
    submit(marked_patient)
    wait_until(lambda: len(smtp.attempts) == 1, 15)
    live_broker.kill()
    page = submit(make_patient(marked_patient.clinic))  # and one that finds no broker
    assert "Call 911 now" in page
    live_broker.start()
    wait_until(lambda: doorbell.waiting == 0, 15)
    time.sleep(QUIET_SECONDS)
    submit(make_patient(marked_patient.clinic))  # the worker takes tasks from it again
    wait_until(lambda: Delivery.objects.filter(status="sent").count() >= 1, 60, parts.logs)
    sweep_alerts(parts)  # what any sweep does within seconds: no worker was told of the second
    wait_until(lambda: not Delivery.objects.exclude(status="sent").exists(), 60, parts.logs)
    assert Delivery.objects.values("alert").distinct().count() == 3


def test_with_no_broker_the_patient_is_advised_and_the_dispatcher_mails(
    parts, smtp, people, marked_patient, live_broker
) -> None:
    live_broker.kill()
    parts.dispatcher()
    submit(marked_patient)
    smtp.wait_for(1, to=people["on_call"].user.email, timeout=5)
    wait_until(lambda: doorbell.waiting == 0, 10)
    assert doorbell.quiet_until > time.monotonic(), "it rings a dead broker for every alert"


def test_with_the_broker_hanging_the_request_does_not_wait(
    parts, smtp, people, marked_patient, live_broker
) -> None:
    parts.dispatcher()
    live_broker.freeze()
    try:
        submit(marked_patient)
        assert doorbell.waiting == 1
        smtp.wait_for(1, to=people["on_call"].user.email, timeout=5)
        wait_until(lambda: doorbell.waiting == 0, 15)  # given up, not waited for
        assert doorbell.quiet_until > time.monotonic()
    finally:
        live_broker.thaw()


def test_queues_and_messages_outlive_the_broker(parts, smtp, people, marked_patient, live_broker):
    parts.worker().stop()  # it made the queues and is gone
    submit(marked_patient)
    wait_until(lambda: doorbell.waiting == 0, 15)
    assert doorbell.quiet_until < time.monotonic(), "the broker confirmed the message"
    live_broker.kill()
    live_broker.start()
    parts.worker()
    smtp.wait_for(1, to=people["on_call"].user.email, timeout=15)
