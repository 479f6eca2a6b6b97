"""Telling the clinic's leads what is wrong with the machinery, over every channel they have.

Past the ladder on purpose: it speaks of the day when the ladder does not work.
"""

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import F, QuerySet

from apps.alerts import breaker
from apps.alerts.emails import drill_mail, system_mail
from apps.alerts.gateways import send_text
from apps.alerts.models import ALERT_ROLES, Drill, Gateway, SystemAlert
from apps.alerts.sealed import SealError, unseal
from apps.alerts.smtp import Answer, MailSession, Result, lease_time
from apps.alerts.texts import system_text
from apps.alerts.ways import Way, gateway_name, server_name, ways_of
from apps.patients.models import Clinic, Role, StaffMember
from apps.patients.moving import inside

logger = logging.getLogger(__name__)

RETRY: Final = timedelta(seconds=15)
REPORT_AGAIN: Final = timedelta(minutes=5)  # nobody waits for it


def recipients(clinic_id: UUID) -> list[StaffMember]:
    """Return the clinic's leads; without any who handles alerts; without any who administers."""
    staff = StaffMember.objects.active().filter(clinic_id=clinic_id).select_related("user")
    for roles in ([Role.CLINICAL_LEAD], ALERT_ROLES, [Role.CLINIC_ADMIN]):
        if people := list(staff.filter(role__in=roles)):
            return people
    return []


def tell_due(now: datetime) -> int:
    """Tell of every open system alert that nobody has been told of yet; return how many left.

    Several processes may call it: each row is taken by one. Never raises for a failure to
    send; it is tried again, seconds later, until it leaves or the trouble is over.
    """
    told = 0
    waiting = SystemAlert.objects.filter(closed_at__isnull=True, told_at__isnull=True)
    for alert in waiting.filter(next_attempt_at__lte=now).select_related("clinic")[:50]:
        with inside(alert.clinic_id):
            told += tell_of(alert, waiting, now)
    return told


def tell_of(alert: SystemAlert, waiting: QuerySet[SystemAlert], now: datetime) -> int:
    """Tell of one system alert; 1 if it left, 0 if not or if another process has it."""
    mails, texts = addresses_of(alert.clinic)
    lease = lease_time() * (1 + len(texts))
    mine = waiting.filter(pk=alert.pk, next_attempt_at=alert.next_attempt_at)
    if not mine.update(next_attempt_at=now + max(lease, RETRY), attempts=F("attempts") + 1):
        return 0
    answers = tell(alert, mails, texts, now)
    if any(answer.result == Result.SENT for answer in answers):
        return SystemAlert.objects.filter(pk=alert.pk).update(told_at=now)
    SystemAlert.objects.filter(pk=alert.pk).update(next_attempt_at=now + RETRY)
    logger.warning("system alert %s not accepted", alert.pk)
    return 0


def report_drills(now: datetime) -> int:
    """Mail the leads how long their clinic's drill took; return how many reports left.

    One that reached nobody is a system alert instead. Tried again until it leaves; each
    report is taken by one process.
    """
    left = 0
    waiting = Drill.objects.filter(told_at__isnull=True, next_attempt_at__lte=now)
    for drill in waiting.select_related("clinic", "alert")[:50]:
        mine = waiting.filter(pk=drill.pk, next_attempt_at=drill.next_attempt_at)
        if server_name() in breaker.gates(now).closed:
            return left
        if drill.clinic is None or not mine.update(next_attempt_at=now + REPORT_AGAIN):
            continue
        mails, _ = addresses_of(drill.clinic)
        with MailSession() as session:
            answer = session.send(drill_mail(drill, mails))
        if answer.result in (Result.SENT, Result.PERMANENT):
            left += Drill.objects.filter(pk=drill.pk).update(told_at=now, next_attempt_at=None)
    return left


def addresses_of(clinic: Clinic) -> tuple[list[str], list[Way]]:
    """Return the mail addresses and the other ways of those to tell, each once.

    With nobody in the clinic, the address of whoever runs the installation.
    """
    people = recipients(clinic.pk)
    ways = ways_of(people)
    mails = {
        way.address or member.user.email
        for member in people
        for way in ways[member.pk]
        if way.gateway_id is None
    }
    texts = {way for each in ways.values() for way in each if way.gateway_id}
    return sorted(mails) or [settings.DRILL_EMAIL], sorted(texts, key=lambda way: way.address)


def tell(alert: SystemAlert, mails: list[str], texts: list[Way], now: datetime) -> list[Answer]:
    """Send one mail to all and a text to each way; what is known to be down is left alone."""
    down, answers = breaker.gates(now).closed, []
    if server_name() not in down:
        with MailSession() as session:
            answers.append(session.send(system_mail(alert, mails)))
    gateways = Gateway.objects.filter(is_active=True).in_bulk([way.gateway_id for way in texts])
    for way in texts:
        gateway = gateways.get(way.gateway_id)
        if gateway and gateway_name(gateway.pk) not in down:
            answers.append(tell_through(gateway, way, system_text(alert)))
    return answers


def tell_through(gateway: Gateway, way: Way, text: str) -> Answer:
    """Send one text; a gateway whose secret cannot be read is one that failed."""
    try:
        url = unseal(gateway.sealed_url)
    except SealError as error:
        return Answer(Result.TEMPORARY, str(error), of_server=True)
    return send_text(url, to=way.address, ref=str(uuid4()), text=text)
