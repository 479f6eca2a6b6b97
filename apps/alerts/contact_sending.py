"""Sending the code or test of one's own address, and storing what came of it for the page.

Whoever comes first sends it: a worker that was rung, or the dispatcher that looks.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.alerts.emails import contact_mail
from apps.alerts.gateways import send_text
from apps.alerts.models import ContactMethod
from apps.alerts.sealed import SealError, unseal
from apps.alerts.smtp import Answer, MailSession, Result
from apps.alerts.texts import contact_text
from apps.patients.moving import inside


def send_contact_message(contact_id: UUID, clock: Callable[[], datetime]) -> bool:
    """Send what is due to this address, once, and store the answer; False when nothing was due.

    What its sender had in hand when it died is not sent again: the person asks anew.
    """
    due = ContactMethod.objects.filter(pk=contact_id, send_due_at__lte=clock())
    clinic_id = due.values_list("member__clinic_id", flat=True).first()
    if clinic_id is None:
        return False
    with inside(clinic_id):
        return send_and_note(due, contact_id, clock)


def send_and_note(
    due: QuerySet[ContactMethod], contact_id: UUID, clock: Callable[[], datetime]
) -> bool:
    """Do so inside the clinic of the address; False when another sender was first."""
    if not due.update(send_due_at=None):
        return False
    contact = ContactMethod.objects.select_related("member__user", "gateway").get(pk=contact_id)
    answer = send(contact)
    accepted = answer.result == Result.SENT
    # A report that the message arrived may have overtaken this answer.
    waiting = ContactMethod.objects.filter(
        pk=contact_id, test_result=ContactMethod.TestResult.WAITING
    )
    waiting.update(
        tested_at=clock(),
        test_result=ContactMethod.TestResult.ACCEPTED
        if accepted
        else ContactMethod.TestResult.REFUSED,
        test_reply="" if accepted else answer.reply,
    )
    return True


def send(contact: ContactMethod) -> Answer:
    """Hand the message over to the mail server or the gateway."""
    if contact.gateway is None:
        with MailSession() as session:
            return session.send(contact_mail(contact))
    try:
        url = unseal(contact.gateway.sealed_url)
    except SealError as error:
        return Answer(Result.TEMPORARY, f"the gateway's address is not readable: {error}")
    return send_text(url, to=contact.address, ref=str(contact.pk), text=contact_text(contact))


def send_contacts_due(clock: Callable[[], datetime]) -> int:
    """Send every code and test that no worker has sent; return how many."""
    due = ContactMethod.objects.filter(send_due_at__lte=clock()).values_list("pk", flat=True)
    return sum(send_contact_message(key, clock) for key in due[:20])
