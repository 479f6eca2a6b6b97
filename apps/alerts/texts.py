"""The short text for gateways: level, reference, age, link; no word about health."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from apps.alerts.emails import age_in_words, contact_code
from apps.alerts.links import token_for
from apps.alerts.models import HANDED_OVER, ContactMethod, Delivery, SystemAlert


def alert_text(delivery: Delivery, now: datetime) -> str:
    """Return the text of one message; it fits into one or two text messages."""
    alert = delivery.alert
    repeat = " (repeat)" if delivery.may_have_left() else ""
    url = settings.SITE_URL + reverse("alerts:take", args=[token_for(delivery.pk)])
    raised = age_in_words(now - alert.opened_at)
    if alert.drill_of_id is not None:
        return (
            f"DRILL, nothing to do{repeat}. The weekly test that alerts reach you: "
            f"{alert.reference}, sent {raised}. Nobody is ill."
        )
    level = alert.get_level_display().upper()
    if delivery.rung == HANDED_OVER:
        page = settings.SITE_URL + reverse("dashboard:alert", args=[alert.pk])
        return f"{level} alert {alert.reference} was handed over to you{repeat}. See {page}"
    return f"{level} alert {alert.reference}, raised {raised}{repeat}. Take it: {url}"


def bundle_text(deliveries: list[Delivery], now: datetime) -> str:
    """Return one text for several watch alerts of the same person."""
    oldest = min(delivery.alert.opened_at for delivery in deliveries)
    repeat = " (repeat)" if any(delivery.may_have_left() for delivery in deliveries) else ""
    url = settings.SITE_URL + reverse("dashboard:board")
    raised = age_in_words(now - oldest)
    return f"WATCH: {len(deliveries)} alerts, the oldest raised {raised}{repeat}. See {url}"


def system_text(alert: SystemAlert) -> str:
    """Return the text that says that the machinery itself needs a person."""
    url = settings.SITE_URL + reverse("dashboard:board")
    return f"SYSTEM ALERT: {alert.get_kind_display()}. See {url}"


def contact_text(contact: ContactMethod) -> str:
    """Return the text that proves an address, or tests one that was proved."""
    if contact.verified_at is not None:
        return "This is a test of Glidepath. Alerts to you come this way."
    return f"{contact_code(contact)} is your Glidepath code."
