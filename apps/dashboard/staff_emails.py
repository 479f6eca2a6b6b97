"""Mails about somebody's access: a link, and no word of what the clinic does."""

from allauth.account import app_settings
from allauth.account.internal.flows.manage_email import sync_user_email_address
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from apps.accounts.models import RoleChange, StaffMail, User
from apps.dashboard.who_decides import leads_of, who_answers
from apps.patients.permissions import lets_sign


def build(mail: StaffMail) -> EmailMessage:
    """Return one mail ready to send; its links are made now and stand nowhere else."""
    to, subject, context = MAKERS[mail.kind](mail)
    host = settings.SITE_HOST.rsplit(":", 1)[0]
    return EmailMessage(
        subject=subject,
        body=render_to_string(f"staff/email/{mail.kind}.txt", context),
        to=[to],
        headers={"Auto-Submitted": "auto-generated", "Message-ID": f"<{mail.pk}@{host}>"},
    )


def reset(mail: StaffMail) -> tuple[str, str, dict[str, object]]:
    """Return address, subject and context of a link for a new password."""
    user: User = mail.user  # type: ignore[assignment]  # the constraint of the table
    sync_user_email_address(user)  # by this row a new password unlocks the door: allauth
    token = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    values = {"uidb36": user_pk_to_url_str(user), "key": token}
    url = settings.SITE_URL + reverse("account_reset_password_from_key", kwargs=values)
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    return user.email, "A new password for Glidepath", {"url": url, "minutes": minutes}


def invitation(mail: StaffMail) -> tuple[str, str, dict[str, object]]:
    """Return the same of an invitation."""
    invited = mail.invitation
    assert invited is not None  # noqa: S101 - the constraint of the table
    context = {
        "inviter": invited.invited_by.full_name,
        "expires_at": invited.expires_at,
        "url": settings.SITE_URL + reverse("dashboard:join", args=[invited.token]),
    }
    return invited.email, "Your invitation to Glidepath", context


def role(mail: StaffMail) -> tuple[str, str, dict[str, object]]:
    """Return the same of a role that somebody hears of, or is asked about."""
    change, reader = mail.role_change, mail.user
    assert change is not None and reader is not None  # noqa: S101, PT018 - the table's constraint
    waits = change.state == RoleChange.State.WAITING
    context = {
        "who": change.by.full_name, "whom": change.whom, "what": change.what, "waits": waits,
        "role": change.role_words.lower(), "mine": is_about(change, reader),
        "signs": lets_sign(change.role), "at": change.at,
        "has_lead": leads_of(change.clinic_id).exists(),
        "may_decide": who_answers(change).filter(user=reader).exists(),
        "url": settings.SITE_URL + reverse("dashboard:roles"),
    }  # fmt: skip
    asks = waits and context["may_decide"]
    subject = "A role waits for your word" if asks else "A role in your clinic changed"
    return reader.email, subject, context


def is_about(change: RoleChange, reader: User) -> bool:
    """Answer whether it is the reader's own role."""
    return change.member is not None and change.member.user_id == reader.pk


MAKERS = {"reset": reset, "invitation": invitation, "role": role}
