"""Signed reports of a provider: early, late, twice, forged, and of somebody else's message."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.actions import acknowledge_alert
from apps.alerts.contact_actions import add_contact
from apps.alerts.contact_sending import send_contact_message, send_contacts_due
from apps.alerts.delivery import claim, settle
from apps.alerts.gateway_actions import switch_off_gateway
from apps.alerts.models import Alert, Delivery, GatewayReport
from apps.alerts.receipts import (
    Report,
    ReportError,
    body_signature,
    signature,
    take_report,
    twilio_signature,
)
from apps.alerts.smtp import Answer, Result
from apps.alerts.sweep import deliver_due
from apps.checkins.advice import can_be_told, has_been_told
from tests.alerts.clocks import MINUTE, SECOND, Clock
from tests.factories import (
    NOW,
    REPORT_SECRET,
    make_alert,
    make_gateway,
    make_way,
    put_on_call,
)
from tests.harness.gateway import GatewayServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings) -> Iterator[GatewayServer]:
    settings.ALERT_GATEWAY_HOSTS = ["127.0.0.1"]
    with GatewayServer() as server:
        yield server


@pytest.fixture
def gateway(provider, clinic, clinic_admin):
    return make_gateway(clinic, clinic_admin.user, provider.url)


@pytest.fixture
def delivery(gateway, nurse, patient) -> Delivery:
    """A text message about an emergency that is due now."""
    put_on_call(nurse)
    make_way(nurse, "+15555550100", gateway)
    return make_alert(patient).deliveries.get()


def report(ref: Any, status: str = "delivered", *, at: Any = NOW, **changes: Any) -> Report:
    """Return a report as the provider signs it, but for what a forger changes."""
    body = json.dumps({"ref": str(ref), "status": status}).encode()
    key, seconds = str(uuid4()), str(int(at.timestamp()))
    values = {
        "message_id": key,
        "timestamp": seconds,
        "signatures": signature(REPORT_SECRET, key, seconds, body),
        "body": body,
    }
    return Report(**(values | changes))


def take(gateway: Any, one: Report, now: Any = NOW) -> None:
    take_report(gateway_id=gateway.pk, report=one, now=now)


def test_the_patient_reads_nothing_of_a_message_that_was_not_delivered(delivery, gateway) -> None:
    deliver_due(Clock())
    assert has_been_told(Alert.objects.get())
    take(gateway, report(delivery.pk, "undelivered"))
    assert not has_been_told(Alert.objects.get())
    assert not can_be_told(Alert.objects.get())


def test_arrived_means_no_other_channel_is_tried(delivery, gateway) -> None:
    clock = Clock()
    deliver_due(clock)
    take(gateway, report(delivery.pk))
    clock.go_on(3 * MINUTE)
    delivery.refresh_from_db()
    assert (delivery.receipt, delivery.receipt_at) == ("delivered", NOW)
    assert delivery.alert.deliveries.count() == 1
    assert "arrived, says its provider" in delivery.alert.events.last().text


def test_not_delivered_goes_to_the_next_channel_within_a_sweep(delivery, gateway) -> None:
    clock = Clock()
    deliver_due(clock)
    take(gateway, report(delivery.pk, "undelivered"))
    clock.go_on(3 * SECOND)
    assert set(delivery.alert.deliveries.values_list("channel", flat=True)) == {"sms", "email"}
    clock.go_on(2 * MINUTE)
    assert delivery.alert.deliveries.count() == 2


def test_an_alert_whose_only_message_was_not_delivered_has_reached_nobody(
    delivery, gateway
) -> None:
    deliver_due(Clock())
    take(gateway, report(delivery.pk, "failed"))
    assert Alert.objects.all().nobody_reached(NOW + 2 * MINUTE).get() == delivery.alert


def test_a_report_before_the_send_is_marked_is_kept(delivery, gateway) -> None:
    claimed = claim(NOW)
    take(gateway, report(delivery.pk))
    assert settle(claimed, Answer(Result.SENT, "accepted"), NOW)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.receipt, delivery.confirm_by) == ("sent", "delivered", None)


def test_a_report_is_worth_more_than_an_answer_that_got_lost(delivery, gateway) -> None:
    claimed = claim(NOW)
    take(gateway, report(delivery.pk))
    settle(claimed, Answer(Result.UNCLEAR, "silence", of_server=True), NOW)
    delivery.refresh_from_db()
    assert delivery.status == "sent"


def test_a_sender_that_died_after_the_message_arrived_sends_no_copy(delivery, gateway) -> None:
    claim(NOW)
    take(gateway, report(delivery.pk))
    clock = Clock(NOW + MINUTE)
    clock.go_on(5 * SECOND)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("sent", 1)


def test_not_delivered_before_the_send_is_marked_goes_on_too(delivery, gateway) -> None:
    claimed = claim(NOW)
    take(gateway, report(delivery.pk, "undelivered"))
    settle(claimed, Answer(Result.SENT, "accepted"), NOW)
    assert delivery.alert.deliveries.filter(channel="email").exists()


def test_a_report_about_a_cancelled_message_changes_nothing_else(delivery, gateway, nurse) -> None:
    acknowledge_alert(alert=delivery.alert, by=nurse.user, now=NOW)
    take(gateway, report(delivery.pk, "undelivered"))
    Clock().go_on(2 * MINUTE)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.receipt) == ("cancelled", "undelivered")
    assert delivery.alert.deliveries.count() == 1


def test_the_same_report_twice_is_taken_once(delivery, gateway) -> None:
    deliver_due(Clock())
    one = report(delivery.pk)
    take(gateway, one)
    take(gateway, one)
    assert GatewayReport.objects.count() == 1
    assert delivery.alert.events.filter(text__contains="says its provider").count() == 1


@pytest.mark.parametrize("order", [("delivered", "undelivered"), ("undelivered", "delivered")])
def test_of_two_reports_arrived_is_final(order, delivery, gateway) -> None:
    deliver_due(Clock())
    for status in order:
        take(gateway, report(delivery.pk, status))
    delivery.refresh_from_db()
    assert (delivery.receipt, delivery.confirm_by) == ("delivered", None)
    Clock().go_on(2 * MINUTE)
    assert delivery.alert.deliveries.count() == 1


def test_a_late_word_that_it_arrived_is_still_written_down(delivery, gateway) -> None:
    clock = Clock()
    clock.go_on(70 * SECOND)
    delivery.refresh_from_db()
    assert delivery.receipt == "unknown"
    take(gateway, report(delivery.pk, at=clock()), clock())
    delivery.refresh_from_db()
    assert delivery.receipt == "delivered"


FORGED = {
    "no signature": {"signatures": ""},
    "another signature": {"signatures": "v1,AAAA"},
    "signed with a guess": {"signatures": signature("guess", "id", "1", b"{}")},
    "another body": {"body": b'{"ref": "x", "status": "delivered"}'},
    "another time": {"timestamp": str(int(NOW.timestamp()) + 1)},
    "no time": {"timestamp": "now"},
    "a time beyond all numbers": {"timestamp": "9" * 400},
    "another id": {"message_id": "other"},
    "no id": {"message_id": ""},
    "not ascii": {"signatures": "v1,é"},
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_report_is_refused_and_changes_nothing(name, delivery, gateway) -> None:
    deliver_due(Clock())
    with pytest.raises(ReportError):
        take(gateway, report(delivery.pk, **FORGED[name]))
    delivery.refresh_from_db()
    assert delivery.receipt == ""
    assert not GatewayReport.objects.exists()


@pytest.mark.parametrize("minutes", [-6, 6, 60])
def test_a_report_is_refused_once_its_time_is_over(minutes, delivery, gateway) -> None:
    with pytest.raises(ReportError, match="too old"):
        take(gateway, report(delivery.pk), NOW + minutes * MINUTE)


def test_ids_of_reports_are_forgotten_when_no_copy_could_be_taken(delivery, gateway) -> None:
    take(gateway, report(delivery.pk))
    later = NOW + timedelta(hours=1)
    take(gateway, report(delivery.pk, at=later), later)
    assert GatewayReport.objects.count() == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"ref": 5, "status": "delivered"}', b'{"ref": "x", "status": "read"}']
)
def test_a_signed_report_that_says_nothing_is_refused(body, gateway) -> None:
    seconds = str(int(NOW.timestamp()))
    signed = signature(REPORT_SECRET, "id", seconds, body)
    with pytest.raises(ReportError):
        take(gateway, Report("id", seconds, signed, body))


def test_another_gateways_message_is_not_touched(
    delivery, gateway, provider, other_clinic, clinic_admin
) -> None:
    other = make_gateway(other_clinic, clinic_admin.user, provider.url)
    take(other, report(delivery.pk))
    delivery.refresh_from_db()
    assert delivery.receipt == ""


def test_a_gateway_switched_off_reports_nothing_more(delivery, gateway, clinic_admin) -> None:
    switch_off_gateway(gateway=gateway, by=clinic_admin.user, now=NOW)
    with pytest.raises(ReportError):
        take(gateway, report(delivery.pk))


def test_a_report_is_stored_whole_or_not_at_all(delivery, gateway, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("timeline refused")

    monkeypatch.setattr("apps.alerts.receipts.log", refuse)
    with pytest.raises(IntegrityError):
        take(gateway, report(delivery.pk))
    delivery.refresh_from_db()
    assert delivery.receipt == ""
    assert not GatewayReport.objects.exists()


def test_over_http_only_the_signature_opens_the_door(delivery, gateway) -> None:
    client, path = Client(enforce_csrf_checks=True), reverse("alerts:reports", args=[gateway.pk])
    one = report(delivery.pk, at=timezone.now())
    headers = {
        "webhook-id": one.message_id,
        "webhook-timestamp": one.timestamp,
        "webhook-signature": f"v1,AAAA {one.signatures}",
    }
    unsigned = client.post(path, one.body, content_type="application/json")
    unknown = client.post(reverse("alerts:reports", args=[uuid4()]), headers=headers)
    assert (unsigned.status_code, unsigned.content) == (unknown.status_code, unknown.content)
    assert unsigned.status_code == 401
    assert client.get(path).status_code == 405
    taken = client.post(path, one.body, content_type="application/json", headers=headers)
    assert taken.status_code == 204
    delivery.refresh_from_db()
    assert delivery.receipt == "delivered"


# --- Other signatures -----------------------------------------------------------------------------


def test_twilios_signature_is_that_of_its_documentation() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234",
        "From": "+14158675309", "To": "+18005551212",
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert twilio_signature("12345", url, fields) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_the_signature_of_a_body_is_that_of_rfc_4231() -> None:
    right = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert body_signature("Jefe", b"what do ya want for nothing?") == right


@pytest.fixture(params=["body", "twilio"])
def signed(request, delivery, gateway) -> tuple[str, dict[str, Any]]:
    """A report "undelivered" of a provider with a scheme of its own: where it goes, and how."""
    path = reverse("alerts:reports", args=[gateway.pk])
    if request.param == "body":
        body = json.dumps({"ref": str(delivery.pk), "status": "undelivered"}).encode()
        headers = {"x-hub-signature-256": body_signature(REPORT_SECRET, body)}
        return path, {"data": body, "content_type": "application/json", "headers": headers}
    path += f"?ref={delivery.pk}"
    right = twilio_signature(
        REPORT_SECRET, f"http://localhost:8000{path}", {"MessageStatus": "undelivered", "To": "+1"}
    )
    return path, {
        "data": "To=%2B1&MessageStatus=undelivered",
        "content_type": "application/x-www-form-urlencoded",
        "headers": {"x-twilio-signature": right},
    }


def test_a_provider_with_its_own_signature_is_believed_once(signed, client, delivery) -> None:
    deliver_due(Clock())
    path, sent = signed
    assert [client.post(path, **sent).status_code for _ in range(2)] == [204, 204]
    delivery.refresh_from_db()
    assert (delivery.receipt, GatewayReport.objects.count()) == ("undelivered", 1)
    for changed in ({"headers": {}}, {"data": b"MessageStatus=delivered"}):
        assert client.post(path, **(sent | changed)).status_code == 401


def test_what_twilio_says_on_the_way_is_taken_and_changes_nothing(client, delivery) -> None:
    path = reverse("alerts:reports", args=[delivery.gateway_id]) + f"?ref={delivery.pk}"
    fields = {"MessageStatus": "queued"}
    right = twilio_signature(REPORT_SECRET, f"http://localhost:8000{path}", fields)
    answer = client.post(
        path, "MessageStatus=queued", content_type="application/x-www-form-urlencoded",
        headers={"x-twilio-signature": right},
    )  # fmt: skip
    delivery.refresh_from_db()
    assert (answer.status_code, delivery.receipt) == (204, "")


# --- Tests of one's own address -------------------------------------------------------------------


def test_the_code_goes_to_the_phone_and_what_came_of_it_is_kept(gateway, provider, nurse) -> None:
    contact = add_contact(
        member=nurse, address="+15555550100", gateway=gateway, by=nurse.user, now=NOW
    )
    assert contact.test_result == "waiting"
    assert send_contact_message(contact.pk, Clock())
    assert not send_contact_message(contact.pk, Clock())
    (text,) = provider.texts
    assert text.endswith(" is your Glidepath code.")
    contact.refresh_from_db()
    assert (contact.test_result, contact.tested_at) == ("accepted", NOW)
    take(gateway, report(contact.pk))
    contact.refresh_from_db()
    assert contact.test_result == "arrived"


def test_a_test_that_fails_shows_the_gateways_words(gateway, provider, nurse) -> None:
    provider.answer, provider.words = 400, b"number is barred"
    contact = add_contact(
        member=nurse, address="+15555550100", gateway=gateway, by=nurse.user, now=NOW
    )
    assert send_contacts_due(Clock()) == 1
    contact.refresh_from_db()
    assert (contact.test_result, contact.test_reply) == ("refused", "400 number is barred")
    take(gateway, report(contact.pk, "undelivered"))
    contact.refresh_from_db()
    assert contact.test_reply == "its provider says that it was not delivered"
