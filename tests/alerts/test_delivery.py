"""One message to one person over a real mail server that misbehaves."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.delivery import backoff, claim, deliver, settle
from apps.alerts.models import Alert, Delivery
from apps.alerts.smtp import Answer as Attempt
from apps.alerts.smtp import Result, sort_code
from apps.alerts.sweep import deliver_due, set_clocks_right
from tests.factories import NOW, make_alert, put_on_call
from tests.harness.smtp import Answer, SmtpServer

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def smtp(settings) -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT = 0.3
        yield server


@pytest.fixture
def alert(patient, nurse, backup):
    put_on_call(nurse)
    put_on_call(backup, "backup")
    return make_alert(patient)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


def run(clock: Clock, times: int) -> None:
    """Send whatever is due, moving past every backoff."""
    for _ in range(times):
        deliver_due(clock)
        clock.time += timedelta(seconds=20)


def test_an_accepted_mail_is_sent_once(smtp, alert, nurse) -> None:
    clock = Clock()
    run(clock, 3)
    (mail,) = smtp.messages
    assert mail.recipients == (nurse.user.email,)
    delivery = alert.deliveries.get()
    assert (delivery.status, delivery.attempts, delivery.sent_at) == ("sent", 1, NOW)
    assert delivery.tries.get().reply == "accepted"


def test_a_temporary_refusal_is_tried_again_with_the_same_message_id(smtp, alert) -> None:
    smtp.behave(Answer.TEMPORARY_AFTER_DATA, times=2)
    run(Clock(), 4)
    (mail,) = smtp.messages
    delivery = alert.deliveries.get()
    assert (delivery.status, delivery.attempts) == ("sent", 3)
    assert mail.message["Message-ID"] == f"<{delivery.pk}@localhost>"
    assert [t.result for t in delivery.tries.all()] == ["temporary", "temporary", "sent"]
    assert "451 4.3.0 Try again later" in [t.reply for t in delivery.tries.all()]


def test_a_permanent_refusal_is_visible_and_hands_over_at_once(smtp, alert, nurse, backup) -> None:
    smtp.behave(Answer.PERMANENT_AT_RCPT, to=nurse.user.email)
    clock = Clock()
    deliver_due(clock)
    failed = alert.deliveries.get(recipient=nurse)
    assert (failed.status, failed.attempts) == ("failed", 1)
    assert failed.last_error.startswith("550")
    assert [mail.recipients for mail in smtp.messages] == [(backup.user.email,)]
    assert any("failed for good" in event.text for event in alert.events.all())


def test_a_server_that_always_says_later_uses_a_person_up_then_the_next_is_told(
    smtp, alert, nurse, backup
) -> None:
    smtp.behave(Answer.TEMPORARY_AT_RCPT, to=nurse.user.email)
    run(Clock(), 5)
    assert alert.deliveries.get(recipient=nurse).attempts == 4
    assert [mail.recipients for mail in smtp.messages] == [(backup.user.email,)]


@pytest.mark.parametrize(
    ("level", "age", "longest"),
    [
        ("emergency", MINUTE, 8),
        ("emergency", 4 * MINUTE, 8),
        ("emergency", 10 * MINUTE, 20),
        ("emergency", 60 * MINUTE, 120),
        ("emergency", 30 * 60 * MINUTE, 300),
        ("urgent", 30 * 60 * MINUTE, 1800),
        ("watch", 4 * MINUTE, 300),
    ],
)
def test_a_mailbox_that_alone_goes_on_refusing_is_asked_ever_more_rarely(
    level, age, longest
) -> None:
    message = Delivery(alert=Alert(level=level), created_at=NOW, attempts=50)
    refused = Attempt(Result.TEMPORARY, "451 later")
    waits = [backoff(message, refused, NOW + age).total_seconds() for _ in range(50)]
    assert longest / 4 <= min(waits) <= max(waits) <= longest
    down = Attempt(Result.TEMPORARY, "421 shutting down", of_server=True)
    quick = 300 if level == "watch" else 8
    assert backoff(message, down, NOW + age).total_seconds() <= quick


def test_a_wait_that_fits_the_age_of_a_message_stays_and_one_of_a_wrong_clock_does_not(
    alert,
) -> None:
    hour = 60 * MINUTE
    alert.deliveries.update(next_attempt_at=NOW + hour + 2 * MINUTE)
    assert set_clocks_right(NOW + hour) == 0
    assert set_clocks_right(NOW + hour - 2 * MINUTE) == 1
    assert alert.deliveries.get().next_attempt_at == NOW + hour - 2 * MINUTE


def test_a_server_that_hangs_costs_one_time_limit_and_is_tried_again(smtp, alert) -> None:
    smtp.behave(Answer.HANG_BEFORE_DATA, times=1)
    run(Clock(), 2)
    delivery = alert.deliveries.get()
    assert (delivery.status, delivery.attempts) == ("sent", 2)
    assert "TimeoutError" in delivery.tries.first().reply or "timed out" in (
        delivery.tries.first().reply
    )


def test_a_dropped_connection_is_tried_again(smtp, alert) -> None:
    smtp.behave(Answer.DROP_BEFORE_DATA, times=1)
    run(Clock(), 2)
    assert alert.deliveries.get().status == "sent"


def test_when_the_server_is_down_everyone_ends_up_told_and_nothing_is_dropped(
    smtp, alert, nurse, backup, lead
) -> None:
    smtp.stop()
    clock = Clock()
    run(clock, 30)
    everyone = alert.deliveries.filter(rung="everyone")
    assert {d.recipient for d in everyone} == {nurse, backup, lead}
    assert set(everyone.values_list("status", flat=True)) == {"pending"}
    smtp.start()
    run(clock, 1)
    assert {mail.recipients[0] for mail in smtp.messages} == {
        member.user.email for member in (nurse, backup, lead)
    }


def test_the_most_severe_is_sent_first_whatever_its_age(smtp, patient, nurse) -> None:
    put_on_call(nurse)
    make_alert(patient, "urgent", now=NOW - timedelta(hours=3))
    make_alert(patient, "emergency", now=NOW)
    deliver_due(Clock())
    subjects = [mail.message["Subject"] for mail in smtp.messages]
    assert subjects[0].startswith("EMERGENCY")
    assert subjects[1].startswith("URGENT")
    assert "raised 3 hours ago" in subjects[1]


def test_nothing_is_sent_for_an_alert_somebody_has_taken(smtp, alert, backup) -> None:
    acknowledge_alert(alert=alert, by=backup.user, now=NOW)
    run(Clock(), 2)
    assert smtp.messages == []


def test_a_failure_after_the_alert_was_taken_is_not_tried_again(alert, nurse) -> None:
    delivery = claim(NOW)
    acknowledge_alert(alert=alert, by=nurse.user, now=NOW)
    settle(delivery, Attempt(Result.TEMPORARY, "451 later"), NOW)
    assert alert.deliveries.get().status == "cancelled"


def test_a_failure_after_the_alert_was_closed_hands_over_to_nobody(alert, nurse) -> None:
    delivery = claim(NOW)
    resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="Called.", now=NOW)
    settle(delivery, Attempt(Result.PERMANENT, "550 gone"), NOW)
    assert alert.deliveries.count() == 1


def test_a_claimed_message_cannot_be_claimed_again(alert) -> None:
    assert claim(NOW) is not None
    assert claim(NOW) is None


def test_who_lost_the_lease_cannot_mark_the_result(alert) -> None:
    delivery = claim(NOW)
    delivery.lease_token = uuid.uuid4()
    assert settle(delivery, Attempt(Result.SENT, "accepted"), NOW) is False
    assert alert.deliveries.get().status == "sending"


def test_delivering_the_same_id_twice_sends_one_mail(smtp, alert) -> None:
    key = alert.deliveries.get().pk
    assert deliver(Clock(), delivery_id=key) is not None
    assert deliver(Clock(), delivery_id=key) is None
    assert len(smtp.messages) == 1


def test_delivering_an_unknown_id_does_nothing() -> None:
    assert deliver(Clock(), delivery_id=uuid.uuid4()) is None


def test_the_attempt_is_on_record_before_it_is_made(alert) -> None:
    delivery = claim(NOW)
    assert delivery.tries.get().result == "started"
    assert Delivery.objects.get(pk=delivery.pk).attempts == 1


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (421, "throttled"), (450, "throttled"), (452, "throttled"), (451, "temporary"),
        (454, "temporary"), (550, "permanent"), (552, "permanent"), (554, "permanent"),
    ],
)  # fmt: skip
def test_smtp_codes_are_sorted(code: int, result: str) -> None:
    assert sort_code(code) == result


def test_an_emergency_waits_seconds_never_minutes(smtp, alert) -> None:
    smtp.behave(Answer.TEMPORARY_AFTER_DATA)
    clock = Clock()
    for _ in range(3):
        deliver_due(clock, limit=1)
        delivery = alert.deliveries.get()
        assert delivery.next_attempt_at - clock.time <= timedelta(seconds=8)
        clock.time = delivery.next_attempt_at
