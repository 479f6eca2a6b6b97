"""Mails to patients: a link and the clinic's name; no health word, no drug, no dose."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from apps.checkins.models import Reminder


def reminder_mail(live: Reminder, token: str) -> EmailMultiAlternatives:
    """Return the mail of one reminder, ready to send, in the patient's language."""
    with translation.override(live.patient.language):
        context = {
            "clinic": live.clinic,
            "second": live.mails_sent > 0,
            "url": settings.SITE_URL + reverse("checkins:create", args=[token]),
            "language": live.patient.language,
        }
        subject = _("A short form from %(clinic)s") % {"clinic": live.clinic.name}
        key, template = f"{live.pk}.{live.mails_sent + 1}", "checkins/email/reminder"
        return mail_to(live.patient.email, subject, template, context, key)


def mail_to(
    address: str, subject: str, template: str, context: dict[str, object], key: str
) -> EmailMultiAlternatives:
    """Return a mail to a patient or a trusted person, as text and HTML.

    Its Message-ID is made of the key, the same at every attempt, so that mail systems
    recognise a copy that arrives twice.
    """
    mail = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string(f"{template}.txt", context),
        to=[address],
        headers={
            "Message-ID": f"<{key}@{settings.SITE_HOST.rsplit(':', 1)[0]}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string(f"{template}.html", context), "text/html")
    return mail
