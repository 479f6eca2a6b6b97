"""Breaking the glass: one record, for an hour, with a reason, and the clinical lead is told."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from apps.accounts.models import EmergencyAccess
from apps.audit.actions import record
from apps.dashboard.who_decides import is_heard, leads_of, who_hears
from apps.patients.models import Patient, StaffMember
from apps.patients.moving import inside

logger = logging.getLogger(__name__)

LASTS: Final = timedelta(hours=1)  # [proposal]
AT_ONCE: Final = 50  # mails of one run


class BreakGlassError(ValueError):
    """The record is not opened; the text is for the reader."""


@transaction.atomic
def open_record(
    *, member: StaffMember, patient: Patient, reason: str, now: datetime
) -> EmergencyAccess:
    """Let somebody without clinical rights look at one patient for an hour.

    Asking again while it is open changes nothing. Raises `BreakGlassError` where nobody could
    be told.
    """
    StaffMember.objects.select_for_update(of=("self",)).get(pk=member.pk)
    open_now = EmergencyAccess.objects.in_force(now).filter(member=member, patient=patient)
    if (already := open_now.first()) is not None:
        return already
    if not leads_of(patient.clinic_id).exists():
        raise BreakGlassError("This clinic has no clinical lead who could be told.")
    access = EmergencyAccess.objects.create(
        clinic_id=patient.clinic_id, member=member, patient=patient, reason=reason,
        opened_at=now, ends_at=now + LASTS,
    )  # fmt: skip
    record(
        "access.opened", by=member.user, now=now, clinic_id=patient.clinic_id,
        patient_id=patient.pk, obj=access,
    )  # fmt: skip
    return access


def tell_leads(clock: Callable[[], datetime]) -> int:
    """Mail the leads of every access they were not told of; return how many were told.

    One that cannot be sent stays due and stops no other: the newest goes first, and where nobody
    hears, none is counted.
    """
    told = 0
    untold = EmergencyAccess.objects.filter(is_heard(), lead_told_at=None).order_by("-opened_at")
    for key, clinic_id in list(untold.values_list("pk", "clinic_id")[:AT_ONCE]):
        with inside(clinic_id):
            told += tell_of(key, clock)
    return told


def tell_of(access_id: UUID, clock: Callable[[], datetime]) -> int:
    """Mail the leads of one access; 1 if it left, 0 if not.

    Without a lead by now all who see patients get it: who broke the glass may have ended the lead's
    access before the mail left.
    """
    access = EmergencyAccess.objects.select_related("member__user", "patient").get(pk=access_id)
    mail = mail_of(access)
    if not mail.to:  # the last one left just now; sent to nobody it would count as told
        return 0
    try:
        mail.send()
    except OSError as error:
        logger.warning("emergency access %s: no mail yet (%s)", access.pk, type(error).__name__)
        return 0
    return EmergencyAccess.objects.filter(pk=access.pk).update(lead_told_at=clock())


def mail_of(access: EmergencyAccess) -> EmailMessage:
    """Return the mail; the reason may hold health words and stays in the app."""
    people = who_hears(access.clinic_id, about=access.member).select_related("user")
    path = reverse("dashboard:audit_patient", args=[access.patient_id])
    context = {
        "who": access.member.user.full_name,
        "at": access.opened_at,
        "url": settings.SITE_URL + path if leads_of(access.clinic_id).exists() else "",
    }
    return EmailMessage(
        subject="A record was opened in an emergency",
        body=render_to_string("dashboard/email/break_glass.txt", context),
        to=[lead.user.email for lead in people],
        headers={"Auto-Submitted": "auto-generated"},
    )
