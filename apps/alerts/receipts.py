"""What a gateway's provider reports of a message later: arrived or not. Signed, taken once.

Three signatures are known, told apart by their headers (docs/adr/0031): standardwebhooks.com
(HMAC-SHA256 over id, time and body), the plain HMAC-SHA256 of the body of W3C WebSub, and
Twilio's own. A report only says what is known of a message; going on
with the next channel is the sweep's part.
"""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from django.db import transaction
from django.utils.crypto import constant_time_compare

from apps.alerts.escalation import lock_alert, log
from apps.alerts.models import ContactMethod, Delivery, Gateway, GatewayReport
from apps.alerts.sealed import SealError, unseal
from apps.alerts.states import DeliveryStatus

TOLERANCE: Final = timedelta(minutes=5)
ENCODED: Final = "whsec_"  # what follows is the key in base64
UNDER_WAY: Final = {"accepted", "scheduled", "queued", "sending", "sent"}
STATUSES: Final = {
    "delivered": Delivery.Receipt.DELIVERED,
    "undelivered": Delivery.Receipt.UNDELIVERED,
    "failed": Delivery.Receipt.UNDELIVERED,
}


class Scheme(StrEnum):
    """How a report is signed."""

    STANDARD = "standard"
    BODY = "body"
    TWILIO = "twilio"


class ReportError(ValueError):
    """This report is not taken. The sender learns no more than that."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it came in: its id, its time in seconds, its signatures and its body."""

    message_id: str
    timestamp: str
    signatures: str
    body: bytes
    scheme: Scheme = Scheme.STANDARD
    url: str = ""

    @classmethod
    def from_request(cls, headers: Mapping[str, str], body: bytes, url: str) -> Self:
        """Return the report of an HTTP request to this full address.

        Schemes without an id of their own are known by what they say: a copy says the same.
        """
        said = hashlib.sha256(url.encode() + body).hexdigest()
        if offered := headers.get("x-twilio-signature", ""):
            return cls(said, "", offered, body, Scheme.TWILIO, url)
        if offered := headers.get("x-hub-signature-256") or headers.get("x-hub-signature", ""):
            return cls(said, "", offered, body, Scheme.BODY, url)
        return cls(
            headers.get("webhook-id", ""),
            headers.get("webhook-timestamp", ""),
            headers.get("webhook-signature", ""),
            body,
            url=url,
        )

    @property
    def fields(self) -> dict[str, str]:
        """The form fields of a body that is a form; nobody signs the same name twice."""
        text = self.body.decode(errors="replace")
        return dict(parse_qsl(text, keep_blank_values=True))


def key_of(secret: str) -> bytes:
    """Return the key of a secret as it was typed in."""
    if not secret.startswith(ENCODED):
        return secret.encode()
    try:
        return b64decode(secret.removeprefix(ENCODED), validate=True)
    except (Base64Error, ValueError):
        return secret.encode()


def body_signature(secret: str, body: bytes) -> str:
    """Return the signature of a body as W3C WebSub has it: sha256=<hex>."""
    return "sha256=" + hmac.new(key_of(secret), body, hashlib.sha256).hexdigest()


def twilio_signature(secret: str, url: str, fields: Mapping[str, str]) -> str:
    """Return Twilio's signature of a form sent to this address (its own SHA-1 scheme)."""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a report, as its header carries it."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()


def check_report(gateway: Gateway, report: Report, now: datetime) -> None:
    """Raise `ReportError` unless this gateway's provider has signed the report just now."""
    try:
        secret = unseal(gateway.sealed_secret)
    except SealError as error:
        raise ReportError("no secret") from error
    if not secret or not report.message_id or len(report.message_id) > 200:
        raise ReportError("no secret, or no id")
    if report.scheme == Scheme.TWILIO:
        right = twilio_signature(secret, report.url, report.fields)
    elif report.scheme == Scheme.BODY:
        right = body_signature(secret, report.body)
    else:
        check_time(report.timestamp, now)
        right = signature(secret, report.message_id, report.timestamp, report.body)
    offered = report.signatures.split()
    # Each is compared, and each in constant time: a forger learns nothing from the clock.
    if not sum(constant_time_compare(one, right) for one in offered):
        raise ReportError("wrong signature")


def check_time(timestamp: str, now: datetime) -> None:
    """Raise `ReportError` unless this time in seconds is about the present."""
    try:
        age = abs(now.timestamp() - int(timestamp))
    except (ValueError, OverflowError) as error:
        raise ReportError("no time") from error
    if age > TOLERANCE.total_seconds():
        raise ReportError("too old")


def take_report(*, gateway_id: UUID, report: Report, now: datetime) -> None:
    """Store what a provider reports of one of our messages. A copy changes nothing.

    Raises `ReportError` for one that is not signed, too old or not readable. One about a
    message that is not this gateway's changes nothing either.
    """
    gateway = Gateway.objects.filter(pk=gateway_id, confirms=True).first()
    if gateway is None:
        raise ReportError("no such gateway")
    check_report(gateway, report, now)
    if report.scheme == Scheme.TWILIO and report.fields.get("MessageStatus") in UNDER_WAY:
        return
    ref, receipt = read(report)
    with transaction.atomic():
        GatewayReport.objects.filter(received_at__lt=now - 3 * TOLERANCE).delete()
        _, is_new = GatewayReport.objects.get_or_create(
            gateway=gateway, message_id=report.message_id, defaults={"received_at": now}
        )
        if is_new and not note_receipt(gateway, ref, receipt, now):
            note_test(gateway, ref, receipt)


def read(report: Report) -> tuple[UUID, Delivery.Receipt]:
    """Return our reference and what became of the message."""
    try:
        if report.scheme == Scheme.TWILIO:
            asked = dict(parse_qsl(urlsplit(report.url).query))
            return UUID(asked["ref"]), STATUSES[report.fields["MessageStatus"]]
        values: Any = json.loads(report.body)
        return UUID(values["ref"]), STATUSES[values["status"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportError("not readable") from error


def note_receipt(gateway: Gateway, ref: UUID, receipt: Delivery.Receipt, now: datetime) -> bool:
    """Store the receipt of a message; False when there is no such message.

    It may come before its sender has marked the message as sent, and after the alert was
    taken. That it arrived is final: no later word takes it back.
    """
    messages = Delivery.objects.filter(pk=ref, gateway=gateway)
    alert_id = messages.values_list("alert_id", flat=True).first()
    if alert_id is None:
        return False
    lock_alert(alert_id)  # before its message, as everywhere: the message tells it by trigger
    locked = messages.select_for_update(of=("self",)).select_related("alert", "recipient__user")
    delivery = locked.get()
    if delivery.receipt in (receipt, Delivery.Receipt.DELIVERED):
        return True
    known = delivery.receipt
    delivery.receipt, delivery.receipt_at = receipt, now
    if delivery.status == DeliveryStatus.SENT:
        # The sweep goes on with the next channel at once; once per message is enough.
        lost = receipt == Delivery.Receipt.UNDELIVERED and not known
        delivery.confirm_by = now if lost else None
    delivery.save(update_fields=["receipt", "receipt_at", "confirm_by"])
    what, name = delivery.get_channel_display(), delivery.recipient.user.full_name
    how = "arrived" if receipt == Delivery.Receipt.DELIVERED else "was not delivered"
    log(delivery.alert, f"{what} to {name} {how}, says its provider.", now)
    return True


def note_test(gateway: Gateway, ref: UUID, receipt: Delivery.Receipt) -> None:
    """Store what became of a test message, for the page of whoever asked for it."""
    arrived = receipt == Delivery.Receipt.DELIVERED
    result = ContactMethod.TestResult.ARRIVED if arrived else ContactMethod.TestResult.REFUSED
    reply = "" if arrived else "its provider says that it was not delivered"
    ContactMethod.objects.filter(pk=ref, gateway=gateway).update(
        test_result=result, test_reply=reply
    )
