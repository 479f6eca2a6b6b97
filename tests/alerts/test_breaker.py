"""The breaker of a mail server, shared by all through one row."""

from datetime import timedelta

import pytest

from apps.alerts import breaker
from apps.alerts.breaker import Gate
from apps.alerts.delivery import claim, claim_all, deliver
from apps.alerts.models import MailServer
from apps.alerts.smtp import Answer, Result, clean, sort_error
from tests.factories import NOW, make_alert, put_on_call

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def fail(times: int) -> None:
    for _ in range(times):
        breaker.note_failure("TimeoutError: timed out", NOW)


def test_one_failure_may_be_the_mails_own() -> None:
    fail(1)
    assert breaker.gate(NOW) is Gate.OPEN_TO_ALL


def test_one_mail_that_may_have_left_is_enough() -> None:
    breaker.note_answer(NOW - 10 * SECOND)
    breaker.note_failure("silence", NOW, unclear_since=NOW - 4 * SECOND)
    assert breaker.gate(NOW) is Gate.NOTHING


def test_a_server_that_takes_other_mail_meanwhile_is_not_held_back() -> None:
    breaker.note_answer(NOW - 2 * SECOND)
    breaker.note_failure("silence", NOW, unclear_since=NOW - 4 * SECOND)
    assert breaker.gate(NOW) is Gate.OPEN_TO_ALL


def test_a_healthy_server_is_noted_once_a_second() -> None:
    breaker.note_answer(NOW)
    breaker.note_answer(NOW + SECOND / 2)
    assert MailServer.objects.get().changed_at == NOW
    breaker.note_answer(NOW + SECOND)
    assert MailServer.objects.get().changed_at == NOW + SECOND


def test_two_in_a_row_let_one_probe_through_after_a_second() -> None:
    fail(2)
    assert breaker.gate(NOW) is Gate.NOTHING
    assert breaker.gate(NOW + SECOND) is Gate.ONE_PROBE
    assert breaker.take_probe(NOW + SECOND)
    assert not breaker.take_probe(NOW + SECOND)
    assert breaker.gate(NOW + SECOND) is Gate.NOTHING


def test_a_probe_whose_sender_died_is_followed_by_another_before_its_lease_ends(settings) -> None:
    fail(2)
    breaker.take_probe(NOW + SECOND)
    died = NOW + SECOND
    assert breaker.gate(died + SECOND * settings.EMAIL_TIMEOUT) is Gate.NOTHING
    assert breaker.gate(died + SECOND * (settings.EMAIL_TIMEOUT + 1)) is Gate.ONE_PROBE


def test_an_accepted_mail_in_between_starts_the_count_again() -> None:
    fail(1)
    breaker.note_answer(NOW)
    fail(1)
    assert breaker.gate(NOW) is Gate.OPEN_TO_ALL


def test_the_wait_grows_and_stays_short() -> None:
    fail(30)
    wait = MailServer.objects.get().retry_at - NOW
    assert timedelta(seconds=2) <= wait <= timedelta(seconds=4)


def test_a_clock_that_was_set_back_does_not_keep_it_open() -> None:
    fail(2)
    assert breaker.gate(NOW - timedelta(hours=1)) is Gate.ONE_PROBE
    assert breaker.take_probe(NOW - timedelta(hours=1))


def test_while_it_is_open_nothing_is_claimed_and_no_attempt_is_used(patient, nurse) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    fail(2)
    assert claim(NOW) is None
    assert alert.deliveries.get().attempts == 0


def test_the_probe_is_the_least_tried_message(patient, nurse) -> None:
    put_on_call(nurse)
    tried, fresh = make_alert(patient), make_alert(patient, "urgent")
    tried.deliveries.update(attempts=3)
    fail(2)
    assert claim(NOW + SECOND).alert == fresh
    assert claim(NOW + SECOND) is None


def test_the_first_answer_frees_everything_that_waited(patient, nurse) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    alert.deliveries.update(attempts=1, next_attempt_at=NOW + 6 * SECOND)
    fail(2)
    breaker.note_answer(NOW)
    assert breaker.gate(NOW) is Gate.OPEN_TO_ALL
    assert alert.deliveries.get().next_attempt_at == NOW


def test_watch_alerts_for_one_person_share_a_mail(patient, nurse, backup, mailoutbox) -> None:
    put_on_call(nurse, now=NOW + timedelta(days=1))
    alerts = [make_alert(patient, "watch") for _ in range(3)]
    later = NOW + timedelta(days=1)
    from apps.alerts.sweep import sweep

    sweep(later)
    assert deliver(lambda: later) is not None
    assert deliver(lambda: later) is None
    (mail,) = mailoutbox
    assert mail.subject.startswith("WATCH: 3 alerts")
    for alert in alerts:
        assert alert.reference in mail.body
        assert alert.deliveries.get().status == "sent"


def test_a_red_flag_never_shares_a_mail(patient, nurse) -> None:
    put_on_call(nurse)
    for level in ("emergency", "urgent", "emergency"):
        make_alert(patient, level)
    for _ in range(3):
        assert len(claim_all(NOW)) == 1


def test_a_mail_that_may_have_arrived_is_called_a_repeat(patient, nurse, mailoutbox) -> None:
    put_on_call(nurse)
    delivery = make_alert(patient).deliveries.get()
    claim(NOW)
    from apps.alerts.sweep import sweep

    late = NOW + timedelta(minutes=1)
    sweep(late)
    deliver(lambda: late, delivery_id=delivery.pk)
    assert mailoutbox[0].subject.endswith("(repeat)")


def test_a_mail_that_was_refused_is_not_a_repeat(patient, nurse, mailoutbox) -> None:
    from apps.alerts.delivery import settle

    put_on_call(nurse)
    make_alert(patient)
    settle(claim(NOW), Answer(Result.TEMPORARY, "451 later"), NOW)
    deliver(lambda: NOW + 10 * SECOND)
    assert "repeat" not in mailoutbox[0].subject


def test_words_of_the_server_hold_no_address_and_no_link() -> None:
    said = clean("554 <nell@clinic.example> spam: https://clinic.example/take/TOKEN\r\n refused")
    assert said == "554 <address> spam: <link> refused"


def test_silence_before_the_content_is_no_repeat_and_after_it_is_unclear() -> None:
    assert sort_error(TimeoutError("x"), content_begun=False).result is Result.TEMPORARY
    assert sort_error(TimeoutError("x"), content_begun=True).result is Result.UNCLEAR
