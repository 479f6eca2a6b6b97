"""What a gateway's provider reports of a message later: arrived or not. Signed, taken once.

The signature is that of standardwebhooks.com (HMAC-SHA256 over id, time and body), which
providers and their relays speak. A report only says what is known of a message; going on
with the next channel is the sweep's part, so that no report waits for an alert.
"""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from django.db import transaction
from django.utils.crypto import constant_time_compare

from apps.alerts.escalation import log
from apps.alerts.models import ContactMethod, Delivery, Gateway, GatewayReport
from apps.alerts.sealed import SealError, unseal
from apps.alerts.states import DeliveryStatus

TOLERANCE: Final = timedelta(minutes=5)
ENCODED: Final = "whsec_"  # what follows is the key in base64
STATUSES: Final = {
    "delivered": Delivery.Receipt.DELIVERED,
    "undelivered": Delivery.Receipt.UNDELIVERED,
    "failed": Delivery.Receipt.UNDELIVERED,
}


class ReportError(ValueError):
    """This report is not taken. The sender learns no more than that."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it came in: its id, its time in seconds, its signatures and its body."""

    message_id: str
    timestamp: str
    signatures: str
    body: bytes

    @classmethod
    def from_request(cls, headers: Mapping[str, str], body: bytes) -> Self:
        """Return the report of an HTTP request."""
        return cls(
            headers.get("webhook-id", ""),
            headers.get("webhook-timestamp", ""),
            headers.get("webhook-signature", ""),
            body,
        )


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a report, as its header carries it."""
    key = secret.encode()
    if secret.startswith(ENCODED):
        try:
            key = b64decode(secret.removeprefix(ENCODED), validate=True)
        except (Base64Error, ValueError):
            key = secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def check_report(gateway: Gateway, report: Report, now: datetime) -> None:
    """Raise `ReportError` unless this gateway's provider has signed the report just now."""
    try:
        age = abs(now.timestamp() - int(report.timestamp))
        secret = unseal(gateway.sealed_secret)
    except (ValueError, OverflowError, SealError) as error:
        raise ReportError("no time, or no secret") from error
    if not secret or not report.message_id or len(report.message_id) > 200:
        raise ReportError("no secret, or no id")
    if age > TOLERANCE.total_seconds():
        raise ReportError("too old")
    right = signature(secret, report.message_id, report.timestamp, report.body)
    offered = report.signatures.split()
    # Each is compared, and each in constant time: a forger learns nothing from the clock.
    if not sum(constant_time_compare(one, right) for one in offered):
        raise ReportError("wrong signature")


def take_report(*, gateway_id: UUID, report: Report, now: datetime) -> None:
    """Store what a provider reports of one of our messages. A copy changes nothing.

    Raises `ReportError` for one that is not signed, too old or not readable. One about a
    message that is not this gateway's changes nothing either.
    """
    gateway = Gateway.objects.filter(pk=gateway_id, confirms=True).first()
    if gateway is None:
        raise ReportError("no such gateway")
    check_report(gateway, report, now)
    ref, receipt = read(report.body)
    with transaction.atomic():
        GatewayReport.objects.filter(received_at__lt=now - 3 * TOLERANCE).delete()
        _, is_new = GatewayReport.objects.get_or_create(
            gateway=gateway, message_id=report.message_id, defaults={"received_at": now}
        )
        if is_new and not note_receipt(gateway, ref, receipt, now):
            note_test(gateway, ref, receipt)


def read(body: bytes) -> tuple[UUID, Delivery.Receipt]:
    """Return our reference and what became of the message."""
    try:
        values: Any = json.loads(body)
        return UUID(values["ref"]), STATUSES[values["status"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportError("not readable") from error


def note_receipt(gateway: Gateway, ref: UUID, receipt: Delivery.Receipt, now: datetime) -> bool:
    """Store the receipt of a message; False when there is no such message.

    It may come before its sender has marked the message as sent, and after the alert was
    taken. That it arrived is final: no later word takes it back.
    """
    locked = Delivery.objects.select_for_update(of=("self",)).filter(pk=ref, gateway=gateway)
    delivery = locked.select_related("alert", "recipient__user").first()
    if delivery is None:
        return False
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
