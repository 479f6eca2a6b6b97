"""Mails of the own pages: the clinic's name, a link or a code; no health word, no name."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from apps.checkins.emails import mail_to
from apps.portal.models import PortalMail
from apps.portal.models.entry import CODE_LIFETIME
from apps.portal.tokens import CODE_DIGITS, code_digits, link_token


def build(mail: PortalMail) -> EmailMultiAlternatives:
    """Return one mail ready to send, in its reader's language."""
    reader: Any = mail.trusted or mail.patient
    with translation.override(reader.language):
        subject, context = MAKERS[mail.kind](mail)
        context |= {"clinic": mail.clinic, "language": reader.language}
        return mail_to(reader.email, subject, f"portal/email/{mail.kind}", context, str(mail.pk))


def invitation(mail: Any) -> tuple[str, dict[str, object]]:
    """Return subject and context of an invitation."""
    subject = _("%(clinic)s invites you") % {"clinic": mail.clinic.name}
    return subject, {"url": url_of("portal:invited", mail.invitation_id)}


def code(mail: Any) -> tuple[str, dict[str, object]]:
    """Return the same of a sign-in code. It is not in the subject: locked screens show that."""
    digits, half = code_digits(mail.code_id), CODE_DIGITS // 2
    subject = _("Your code from %(clinic)s") % {"clinic": mail.clinic.name}
    minutes = CODE_LIFETIME.seconds // 60
    return subject, {"code": f"{digits[:half]} {digits[half:]}", "minutes": minutes}


def trusted(mail: Any) -> tuple[str, dict[str, object]]:
    """Return the same of a trusted person's link; the patient tells them who they are."""
    subject = _("A link for you from %(clinic)s") % {"clinic": mail.clinic.name}
    return subject, {"url": url_of("portal:trusted_door", mail.trusted_id)}


MAKERS = {"invitation": invitation, "code": code, "trusted": trusted}


def url_of(name: str, row_id: UUID) -> str:
    """Return the address of a row's link."""
    return f"{settings.SITE_URL}{reverse(name, args=[link_token(name, row_id)])}"
