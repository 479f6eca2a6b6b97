"""Alerts over gateways: a real HTTP server on loopback that refuses, hangs and never confirms."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.alerts import breaker
from apps.alerts.act_actions import hand_over_alert
from apps.alerts.actions import acknowledge_alert
from apps.alerts.contact_actions import prefer_contact
from apps.alerts.delivery import deliver
from apps.alerts.gateway_actions import switch_off_gateway
from apps.alerts.gateways import GatewayError, check_url, mask, send_text
from apps.alerts.health import check_health
from apps.alerts.models import Alert, Channel, Delivery
from apps.alerts.smtp import Result
from apps.alerts.sweep import deliver_due, sweep
from apps.alerts.system_alerts import keep
from apps.alerts.system_sending import tell_due
from tests.alerts.clocks import MINUTE, SECOND, Clock
from tests.factories import NOW, make_alert, make_gateway, make_way, put_on_call
from tests.harness.smtp import Answer, SmtpServer

pytestmark = pytest.mark.django_db
HEALTH_WORDS = ("taper", "seizure", "dose", "symptom", "diazepam", "withdrawal")


@pytest.fixture
def smtp(settings) -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT, settings.ALERT_ATTEMPT_SECONDS = 0.3, 1
        settings.ALERT_GATEWAY_HOSTS = ["127.0.0.1"]
        yield server


@pytest.fixture
def gateway(smtp, provider, clinic, clinic_admin):
    return make_gateway(clinic, clinic_admin.user, provider.url)


@pytest.fixture
def phone(gateway, nurse):
    """The nurse is on call and has proved a phone, and nothing else."""
    put_on_call(nurse)
    return make_way(nurse, "+15555550100", gateway)


def channels(alert: Alert) -> list[tuple[str, str]]:
    return list(alert.deliveries.order_by("created_at", "way").values_list("channel", "status"))


# --- What leaves ---------------------------------------------------------------------------------


def test_a_text_message_holds_level_reference_age_and_link_only(phone, provider, patient) -> None:
    alert = make_alert(patient)
    deliver_due(Clock(NOW + 3 * MINUTE))
    (message,) = provider.messages
    delivery = alert.deliveries.get()
    assert message["path"] == "/to/+15555550100"
    assert message["ref"] == str(delivery.pk)
    start, _, link = message["text"].partition(" Take it: ")
    assert start == f"EMERGENCY alert {alert.reference}, raised 3 minutes ago."
    assert link.startswith("http://localhost:8000/take/")
    assert patient.full_name not in message["text"]
    assert not any(word in message["text"].lower() for word in HEALTH_WORDS)
    assert (delivery.status, delivery.channel) == ("sent", "sms")
    assert delivery.tries.get().reply == "accepted"


def test_the_link_of_a_text_message_takes_the_alert(client, phone, provider, patient) -> None:
    alert = make_alert(patient)
    deliver_due(Clock())
    path = provider.texts[0].partition("http://localhost:8000")[2]
    assert client.get(path).status_code == 200
    client.post(path)
    alert.refresh_from_db()
    assert alert.owner == phone.member.user


def test_watch_alerts_to_one_phone_share_a_text(phone, provider, patient) -> None:
    for _ in range(3):
        make_alert(patient, "watch")
    clock = Clock(NOW + timedelta(days=3))
    sweep(clock())
    deliver_due(clock)
    (text,) = provider.texts
    assert text.startswith("WATCH: 3 alerts, the oldest raised 3 days ago. See http://localhost")


def test_ways_are_used_in_their_persons_order(phone, provider, smtp, nurse, patient) -> None:
    mail = make_way(nurse, "nell@home.example")
    make_alert(patient)
    deliver_due(Clock())
    assert (len(provider.texts), len(smtp.messages)) == (1, 0)
    for _ in range(2):
        prefer_contact(contact=mail, by=nurse.user, now=NOW)
    make_alert(patient)
    deliver_due(Clock())
    assert (len(provider.texts), len(smtp.messages)) == (1, 1)


def test_who_took_an_alert_over_hears_of_it_by_phone(phone, provider, backup, patient) -> None:
    alert = acknowledge_alert(alert=make_alert(patient), by=backup.user, now=NOW)
    hand_over_alert(alert=alert, to=phone.member, note="Please call.", by=backup.user, now=NOW)
    deliver_due(Clock())
    page = f"http://localhost:8000/alerts/{alert.pk}/"
    said = f"EMERGENCY alert {alert.reference} was handed over to you. See {page}"
    assert provider.texts == [said]


# --- What goes wrong -----------------------------------------------------------------------------


def test_a_number_refused_for_good_goes_to_the_next_channel_at_once(
    phone, provider, smtp, nurse, patient
) -> None:
    provider.answer, provider.words = 400, b"21211 +15555550100 is not a valid phone number"
    alert = make_alert(patient)
    deliver_due(Clock())
    assert channels(alert) == [("sms", "failed"), ("email", "sent")]
    assert [mail.recipients for mail in smtp.messages] == [(nurse.user.email,)]
    reply = alert.deliveries.get(channel="sms").last_error
    assert reply == "400 21211 <address> is not a valid phone number"


def test_a_refusing_gateway_is_tried_again_and_then_the_next_channel(
    phone, provider, smtp, patient
) -> None:
    provider.answer, provider.words = 503, b"queue is full"
    alert = make_alert(patient)
    clock = Clock()
    deliver_due(clock)
    assert alert.deliveries.get().tries.get().reply == "503 queue is full"
    clock.go_on(90 * SECOND)
    assert ("email", "sent") in channels(alert)
    assert smtp.messages


def test_a_throttling_gateway_is_given_time(phone, provider, patient) -> None:
    provider.answer = 429
    alert = make_alert(patient)
    clock = Clock()
    deliver_due(clock)
    assert alert.deliveries.get().tries.get().result == "throttled"
    provider.answer = 200
    clock.go_on(20 * SECOND)
    assert channels(alert) == [("sms", "sent")]


@pytest.mark.parametrize("mode", ["hang", "drip", "drop"])
def test_a_gateway_that_hangs_is_cut_off_and_the_copy_is_labelled(
    mode, phone, provider, patient
) -> None:
    provider.answer = mode
    alert = make_alert(patient)
    clock = Clock()
    deliver(clock)
    assert alert.deliveries.get().tries.get().result == "unclear"
    assert breaker.gates(NOW).closed == {f"gateway {phone.gateway_id}"}
    provider.answer = 200
    clock.go_on(20 * SECOND)
    assert channels(alert) == [("sms", "sent")]
    assert "(repeat)" in provider.texts[-1]


def test_a_dead_gateway_holds_up_no_mail_and_its_own_clinics_banner_says_so(
    phone, provider, smtp, backup, patient, other_clinic
) -> None:
    provider.answer = "drop"
    first = make_alert(patient)
    deliver(Clock())
    put_on_call(backup)
    second = make_alert(patient)
    deliver_due(Clock())
    assert [mail.recipients for mail in smtp.messages] == [(backup.user.email,)]
    assert second.deliveries.get(recipient=backup).status == "sent"
    assert first.deliveries.get().status == "pending"
    own = check_health(NOW, backup.clinic_id).problems
    assert any("A gateway" in problem for problem in own)
    elsewhere = check_health(NOW, other_clinic.pk).problems
    assert not any("A gateway" in problem for problem in (*elsewhere, *check_health(NOW).problems))


def test_a_gateway_switched_off_or_idle_is_no_trouble_any_more(
    phone, provider, clinic_admin, patient, settings
) -> None:
    gateway, name = phone.gateway, f"gateway {phone.gateway_id}"
    for act in (
        lambda: breaker.ask_idle(NOW + MINUTE),
        lambda: switch_off_gateway(gateway=gateway, by=clinic_admin.user, now=NOW),
    ):
        for _ in range(2):
            breaker.note_failure("401 wrong password", NOW, server=name)
        breaker.ask_idle(NOW + 20 * SECOND)
        assert any("A gateway" in one for one in check_health(NOW, gateway.clinic_id).problems)
        act()
        assert not any("A gateway" in one for one in check_health(NOW, gateway.clinic_id).problems)


def test_a_mail_server_that_nothing_waits_for_is_asked_for_its_greeting(smtp) -> None:
    for _ in range(2):
        breaker.note_failure("refused", NOW)
    breaker.ask_idle(NOW + MINUTE)
    assert breaker.gate(NOW + MINUTE) is breaker.Gate.OPEN_TO_ALL
    assert smtp.messages == []
    smtp.stop()
    for _ in range(2):
        breaker.note_failure("refused", NOW)
    breaker.ask_idle(NOW + MINUTE)
    assert breaker.gate(NOW + MINUTE) is breaker.Gate.NOTHING


def test_a_gateway_known_to_be_down_costs_no_minute(phone, provider, smtp, patient) -> None:
    provider.answer = "drop"
    make_alert(patient)
    deliver(Clock())
    alert = make_alert(patient)
    clock = Clock()
    clock.go_on(5 * SECOND)
    assert ("email", "sent") in channels(alert)


def test_a_gateway_switched_off_meanwhile_sends_nothing_and_loses_nothing(
    phone, provider, smtp, clinic_admin, patient
) -> None:
    alert = make_alert(patient)
    for _ in range(2):
        switch_off_gateway(gateway=phone.gateway, by=clinic_admin.user, now=NOW)
    deliver_due(Clock())
    assert provider.texts == []
    assert channels(alert) == [("sms", "failed"), ("email", "sent")]
    assert make_alert(patient).deliveries.get().channel == "email"


def test_a_gateway_sealed_with_a_lost_key_is_no_dead_end(
    phone, provider, smtp, settings, patient
) -> None:
    settings.SECRET_KEY = "another key, longer than the fifty characters that are asked for"
    alert = make_alert(patient)
    Clock().go_on(65 * SECOND)
    assert ("email", "sent") in channels(alert)
    assert "key that is gone" in alert.deliveries.get(channel="sms").last_error


def test_an_old_key_still_opens(phone, provider, settings, patient) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, longer than the fifty characters that are asked for"
    make_alert(patient)
    deliver_due(Clock())
    assert len(provider.texts) == 1


def test_all_gateways_and_the_mail_server_down_then_back(
    phone, provider, smtp, backup, patient
) -> None:
    put_on_call(backup, "backup")
    provider.answer = "drop"
    smtp.behave(Answer.DROP_BEFORE_DATA)
    alert = make_alert(patient)
    clock = Clock()
    clock.go_on(10 * MINUTE, 10 * SECOND)
    assert list(Alert.objects.all().nobody_reached(clock())) == [alert]
    provider.answer = 200
    smtp.behave(Answer.ACCEPT)
    clock.go_on(30 * SECOND)
    assert provider.texts
    assert smtp.messages
    assert not Alert.objects.all().nobody_reached(clock()).exists()


def test_somebody_without_any_way_of_their_own_gets_mail(smtp, nurse, patient) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    deliver_due(Clock())
    assert channels(alert) == [("email", "sent")]


def test_a_system_alert_goes_over_every_channel_of_the_lead(
    gateway, provider, smtp, lead, clinic
) -> None:
    make_way(lead, "+15555550100", gateway)
    keep("stranded", [clinic.pk], NOW)
    smtp.behave(Answer.DROP_BEFORE_DATA)
    assert tell_due(NOW) == 1
    assert provider.texts[0].startswith("SYSTEM ALERT: An alert has passed its time")
    assert tell_due(NOW + MINUTE) == 0


# --- Accepted is not delivered -------------------------------------------------------------------


def test_an_emergency_nobody_confirms_goes_to_the_next_channel_after_a_minute(
    phone, provider, smtp, patient
) -> None:
    alert = make_alert(patient)
    clock = Clock()
    clock.go_on(60 * SECOND)
    assert channels(alert) == [("sms", "sent")]
    clock.go_on(10 * SECOND)
    assert channels(alert) == [("sms", "sent"), ("email", "sent")]
    assert alert.deliveries.get(channel="sms").receipt == "unknown"
    clock.go_on(3 * MINUTE)
    assert len(provider.texts) == len(smtp.messages) == 1


def test_with_no_channel_left_the_next_person_is_told(
    phone, provider, smtp, nurse, backup, gateway, patient
) -> None:
    put_on_call(backup, "backup")
    mail = make_way(nurse, "nell@home.example")
    prefer_contact(contact=mail, by=nurse.user, now=NOW)  # mail first, the phone is the last
    smtp.behave(Answer.PERMANENT_AT_RCPT, to="nell@home.example")
    alert = make_alert(patient)
    clock = Clock()
    clock.go_on(50 * SECOND)
    assert not alert.deliveries.filter(recipient=backup).exists()
    clock.go_on(20 * SECOND)
    assert alert.deliveries.get(recipient=backup).status == "sent"


def test_mail_alone_leaves_the_ladder_its_minutes(smtp, nurse, backup, patient) -> None:
    put_on_call(nurse)
    put_on_call(backup, "backup")
    alert = make_alert(patient)
    clock = Clock()
    clock.go_on(4 * MINUTE + 55 * SECOND)
    assert alert.deliveries.count() == 1
    clock.go_on(5 * SECOND)
    assert alert.deliveries.filter(recipient=backup).exists()


def test_an_alert_that_was_taken_goes_nowhere_else(phone, provider, smtp, nurse, patient) -> None:
    alert = make_alert(patient)
    clock = Clock()
    deliver_due(clock)
    acknowledge_alert(alert=alert, by=nurse.user, now=clock())
    clock.go_on(2 * MINUTE)
    assert channels(alert) == [("sms", "sent")]
    assert not Delivery.objects.filter(confirm_by__isnull=False).exists()


def test_below_an_emergency_accepted_is_enough(phone, provider, smtp, patient) -> None:
    alert = make_alert(patient, "urgent")
    Clock().go_on(5 * MINUTE)
    assert channels(alert) == [("sms", "sent")]


def test_everyone_is_not_a_dead_end_for_somebody_whose_gateway_is_down(
    phone, provider, smtp, patient
) -> None:
    provider.answer = 503
    alert = make_alert(patient, "urgent")
    Alert.objects.filter(pk=alert.pk).update(next_rung=4, next_rung_at=NOW)
    alert.deliveries.update(status="cancelled", next_attempt_at=None, confirm_by=None)
    clock = Clock()
    clock.go_on(2 * MINUTE)
    assert alert.deliveries.filter(rung="everyone", channel="email", status="sent").exists()


def test_a_clock_set_back_does_not_stretch_the_minute(phone, provider, smtp, patient) -> None:
    alert = make_alert(patient, now=NOW + timedelta(hours=1))
    deliver_due(Clock(NOW + timedelta(hours=1)))
    Clock().go_on(70 * SECOND)
    assert ("email", "sent") in channels(alert)


# --- What the library is asked and what it says --------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "url", "words"),
    [
        ("sms", "mailto://a:b@c.example/{to}", "begins with one of"),
        ("sms", "syslog://{to}", "begins with one of"),
        ("sms", "twilio://AC/only", "Write {to}"),
        ("sms", "jsons://10.0.0.5/{to}", "not in ALERT_GATEWAY_HOSTS"),
        ("sms", "json://sms.example/{to}", "Use jsons://"),
        ("sms", "jsons://[half/{to}", "not in ALERT_GATEWAY_HOSTS"),
        ("sms", "twilio://nonsense/{to}", "does not understand"),
        ("pager", "twilio://AC/{to}", "begins with one of"),
    ],
)
def test_an_address_that_cannot_work_is_refused_in_a_sentence(
    channel, url, words, settings
) -> None:
    settings.ALERT_GATEWAY_HOSTS = ["sms.example", "127.0.0.1"]
    with pytest.raises(GatewayError, match=words):
        check_url(channel, url)


def test_real_services_are_taken(settings) -> None:
    account = "AC" + "a" * 32
    check_url("sms", f"twilio://{account}:{'b' * 32}@15555550123/{{to}}")
    check_url("push", f"pover://{'u' * 30}@{'t' * 30}/{{to}}")
    check_url("pager", f"pagerduty://{{to}}@{'k' * 32}")


def test_what_is_shown_of_an_address_holds_no_secret() -> None:
    assert mask("twilio://AC1:secret@1555/{to}") == "twilio://…"
    assert mask("jsons://user:secret@sms.example:8443/key/{to}") == "jsons://sms.example/…"


def test_the_library_never_logs_an_address(provider, caplog, settings) -> None:
    provider.answer = 503
    answer = send_text(
        f"json://user:hunter2@127.0.0.1:{provider.port}/{{to}}",
        to="+15555550100",
        ref="r",
        text="x",
    )
    assert answer.result == Result.TEMPORARY
    assert "hunter2" not in caplog.text + answer.reply
    assert "+15555550100" not in caplog.text + answer.reply


def test_a_redirect_is_not_followed(provider) -> None:
    provider.answer = 302
    url = f"json://127.0.0.1:{provider.port}/{{to}}"
    answer = send_text(url, to="+15555550100", ref="r", text="x")
    assert (answer.result, answer.of_server) == (Result.TEMPORARY, True)
    assert (len(provider.refused), len(provider.messages)) == (1, 0)


def test_an_unreachable_gateway_says_so(settings) -> None:
    settings.EMAIL_TIMEOUT = 0.3
    answer = send_text("json://127.0.0.1:9/{to}", to="+15555550100", ref="r", text="x")
    assert (answer.result, answer.reply) == (Result.TEMPORARY, "the gateway cannot be reached")


@pytest.mark.parametrize("change", [{"gateway": None}, {"channel": Channel.EMAIL}])
def test_postgresql_refuses_an_impossible_way(change, phone) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        type(phone).objects.filter(pk=phone.pk).update(**change)
