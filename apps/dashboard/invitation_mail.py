"""The mail that invites somebody to the staff: a link, and no word of what the clinic does."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from apps.accounts.models import Invitation
from apps.patients.moving import inside


def mail_of(invitation: Invitation) -> EmailMessage:
    """Return the mail, ready to send."""
    context = {
        "inviter": invitation.invited_by.full_name,
        "expires_at": invitation.expires_at,
        "url": settings.SITE_URL + reverse("dashboard:join", args=[invitation.token]),
    }
    return EmailMessage(
        subject="Your invitation to Glidepath",
        body=render_to_string("staff/email/invitation.txt", context),
        to=[invitation.email],
        headers={"Auto-Submitted": "auto-generated"},
    )


def send(invitation_id: UUID, now: datetime) -> bool:
    """Send the mail unless the invitation was used or withdrawn; note when it left."""
    rows = Invitation.objects.waiting().select_related("invited_by")
    invitation = rows.filter(pk=invitation_id).first()
    if invitation is None or not invitation.works(now):
        return False
    with inside(invitation.clinic_id):
        mail_of(invitation).send()
        Invitation.objects.filter(pk=invitation.pk).update(sent_at=now)
    return True
