"""The alert mail: level, reference, age, links; no name, drug, dose, answer or symptom."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import salted_hmac

from apps.alerts.links import token_for
from apps.alerts.models import (
    CODE_LIFETIME,
    HANDED_OVER,
    ContactMethod,
    Delivery,
    Drill,
    SystemAlert,
)


def alert_mail(delivery: Delivery, now: datetime) -> EmailMultiAlternatives:
    """Return the mail of one delivery, ready to send.

    Its Message-ID is the delivery's own id, the same at every attempt, so that mail
    systems and people recognise a copy that arrives twice.
    """
    alert = delivery.alert
    context = {
        "level": alert.get_level_display(),
        "level_key": alert.level,
        "reference": alert.reference,
        "raised": age_in_words(now - alert.opened_at),
        "rung": delivery.get_rung_display(),
        "repeat": delivery.may_have_left(),
        "is_drill": alert.drill_of_id is not None,
        "is_yours": delivery.rung == HANDED_OVER,
        "take_url": settings.SITE_URL + reverse("alerts:take", args=[token_for(delivery.pk)]),
        "url": settings.SITE_URL + reverse("dashboard:alert", args=[alert.pk]),
    }
    subject = f"{context['level'].upper()} alert {alert.reference}, raised {context['raised']}"
    if context["is_drill"]:
        subject = f"DRILL, nothing to do: test {alert.reference}, sent {context['raised']}"
    mail = EmailMultiAlternatives(
        subject=f"{subject} (repeat)" if context["repeat"] else subject,
        body=render_to_string("alerts/email/alert.txt", context),
        to=[delivery.goes_to],
        headers={
            "Message-ID": f"<{delivery.pk}@{settings.SITE_HOST.rsplit(':', 1)[0]}>",
            "Auto-Submitted": "auto-generated",
            "X-Priority": "1" if alert.priority == 0 else "3",
        },
    )
    mail.attach_alternative(render_to_string("alerts/email/alert.html", context), "text/html")
    return mail


def bundle_mail(deliveries: list[Delivery], now: datetime) -> EmailMultiAlternatives:
    """Return one mail that lists several watch alerts for the same person, oldest first.

    Never used for a red flag: each of those has a mail of its own.
    """
    first = deliveries[0]
    rows = [
        {
            "reference": delivery.alert.reference,
            "raised": age_in_words(now - delivery.alert.opened_at),
            "url": settings.SITE_URL + reverse("dashboard:alert", args=[delivery.alert_id]),
        }
        for delivery in sorted(deliveries, key=lambda d: d.alert.opened_at)
    ]
    context = {
        "rows": rows,
        "rungs": sorted({delivery.get_rung_display() for delivery in deliveries}),
        "repeat": any(delivery.may_have_left() for delivery in deliveries),
    }
    subject = f"WATCH: {len(rows)} alerts, the oldest raised {rows[0]['raised']}"
    return EmailMultiAlternatives(
        subject=f"{subject} (repeat)" if context["repeat"] else subject,
        body=render_to_string("alerts/email/bundle.txt", context),
        to=[first.goes_to],
        headers={
            "Message-ID": f"<{first.pk}@{settings.SITE_HOST.rsplit(':', 1)[0]}>",
            "Auto-Submitted": "auto-generated",
        },
    )


def system_mail(alert: SystemAlert, addresses: list[str]) -> EmailMultiAlternatives:
    """Return the mail that says that the machinery itself needs a person."""
    context = {
        "clinic": alert.clinic.name,
        "what": alert.get_kind_display(),
        "url": settings.SITE_URL + reverse("dashboard:board"),
        "health_url": settings.SITE_URL + reverse("dashboard:healthz"),
    }
    return EmailMultiAlternatives(
        subject="SYSTEM ALERT: alerts may not be delivered",
        body=render_to_string("alerts/email/system.txt", context),
        to=addresses,
        headers={
            "Message-ID": f"<system-{alert.pk}@{settings.SITE_HOST.rsplit(':', 1)[0]}>",
            "Auto-Submitted": "auto-generated",
            "X-Priority": "1",
        },
    )


def drill_mail(drill: Drill, addresses: list[str]) -> EmailMultiAlternatives:
    """Return the report of a drill that reached somebody, for the clinic's leads."""
    told = drill.alert.deliveries.select_related("recipient__user").order_by("created_at")
    context = {
        "drill": drill,
        "clinic": drill.clinic,
        "told": told,
        "url": settings.SITE_URL + reverse("alerts:rota"),
    }
    return EmailMultiAlternatives(
        subject=f"The weekly drill reached somebody in {drill.seconds:.1f} seconds",
        body=render_to_string("alerts/email/drill.txt", context),
        to=addresses,
        headers={
            "Message-ID": f"<drill-{drill.pk}@{settings.SITE_HOST.rsplit(':', 1)[0]}>",
            "Auto-Submitted": "auto-generated",
        },
    )


def contact_code(contact: ContactMethod) -> str:
    """Return the six digits that prove an address; a new code time gives new digits."""
    digest = salted_hmac(
        "apps.alerts.contact",
        f"{contact.pk} {contact.code_made_at.isoformat()}",
        algorithm="sha256",
    ).digest()
    return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"


def contact_mail(contact: ContactMethod) -> EmailMultiAlternatives:
    """Return the mail with the code of one address, or a test of one that was proved."""
    is_test = contact.verified_at is not None
    context = {
        "code": contact_code(contact),
        "recipient": contact.member.user.full_name,
        "minutes": CODE_LIFETIME // timedelta(minutes=1),
        "url": settings.SITE_URL + reverse("alerts:contacts"),
    }
    template = "contact_test" if is_test else "contact"
    return EmailMultiAlternatives(
        subject="A test of Glidepath" if is_test else f"{context['code']} is your Glidepath code",
        body=render_to_string(f"alerts/email/{template}.txt", context),
        to=[contact.address],
        headers={"Auto-Submitted": "auto-generated"},
    )


def age_in_words(age: timedelta) -> str:
    """Return an age as a person says it: just now, 12 minutes ago, 3 hours ago, 2 days ago."""
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 1:
        return "just now"
    if minutes < 60:
        count, unit = minutes, "minute"
    elif minutes < 24 * 60:
        count, unit = minutes // 60, "hour"
    else:
        count, unit = minutes // (24 * 60), "day"
    return f"{count} {unit}{'' if count == 1 else 's'} ago"
