"""Mails to patients: a link and the clinic's name; no health word, no drug, no dose."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from apps.checkins.models import Reminder
from apps.patients.models import Patient


def reminder_mail(live: Reminder, token: str) -> EmailMultiAlternatives:
    """Return the mail of one reminder, ready to send, in the patient's language.

    Its Message-ID is the same at every attempt, so that mail systems recognise a copy
    that arrives twice.
    """
    with translation.override(live.patient.language):
        context = {
            "clinic": live.clinic,
            "second": live.mails_sent > 0,
            "url": settings.SITE_URL + reverse("checkins:create", args=[token]),
            "language": live.patient.language,
        }
        subject = _("A short form from %(clinic)s") % {"clinic": live.clinic.name}
        number = live.mails_sent + 1
        return patient_mail(live.patient, subject, "reminder", context, f"{live.pk}.{number}")


def patient_mail(
    patient: Patient, subject: str, name: str, context: dict[str, object], key: str
) -> EmailMultiAlternatives:
    """Return a mail to a patient, as text and HTML."""
    mail = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string(f"checkins/email/{name}.txt", context),
        to=[patient.email],
        headers={
            "Message-ID": f"<{key}@{settings.SITE_HOST.rsplit(':', 1)[0]}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string(f"checkins/email/{name}.html", context), "text/html")
    return mail
