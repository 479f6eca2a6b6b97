"""Adding a way to be reached, and proving that it reaches: a code goes out and comes back."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.crypto import constant_time_compare

from apps.accounts.models import User
from apps.alerts.emails import contact_code
from apps.alerts.models import CODE_TRIES, ContactMethod
from apps.audit.actions import record
from apps.patients.models import StaffMember

RESEND_AFTER: Final = timedelta(minutes=1)


class ContactError(ValueError):
    """This does not prove the address; the text is for the reader."""


@transaction.atomic
def add_contact(*, member: StaffMember, address: str, by: User, now: datetime) -> ContactMethod:
    """Store an address that still has to prove itself. The same address twice is one."""
    contact, is_new = ContactMethod.objects.get_or_create(
        member=member,
        channel=ContactMethod.Channel.EMAIL,
        address=address.strip().lower(),
        defaults={
            "created_at": now,
            "code_made_at": now,
            "position": member.contacts.count(),
        },
    )
    if is_new:
        write_down(contact, "contact.added", by, now)
    return contact


@transaction.atomic
def renew_code(*, contact: ContactMethod, by: User, now: datetime) -> ContactMethod:
    """Make a new code, so that tries begin anew. Raises `ContactError` within a minute."""
    contact = lock(contact.pk)
    if now < contact.code_made_at + RESEND_AFTER:
        raise ContactError("A code went out less than a minute ago. Look in your mail first.")
    contact.code_made_at, contact.code_tries = now, 0
    contact.save(update_fields=["code_made_at", "code_tries"])
    write_down(contact, "contact.code_renewed", by, now)
    return contact


def confirm_contact(*, contact: ContactMethod, code: str, by: User, now: datetime) -> ContactMethod:
    """Mark the address as one that reaches its person. Confirming again changes nothing.

    A wrong try is counted even though it raises `ContactError`: after five the code is
    spent.
    """
    with transaction.atomic():
        contact = lock(contact.pk)
        if contact.verified_at is not None:
            return contact
        if not contact.code_works(now):
            raise ContactError("This code is spent or too old. Ask for a new one.")
        if constant_time_compare(code.strip().replace(" ", ""), contact_code(contact)):
            contact.verified_at = now
            contact.save(update_fields=["verified_at"])
            write_down(contact, "contact.verified", by, now)
            return contact
        contact.code_tries += 1
        contact.save(update_fields=["code_tries"])
    left = CODE_TRIES - contact.code_tries
    raise ContactError(f"This is not the code in the newest mail. {left} tries left.")


@transaction.atomic
def remove_contact(*, contact: ContactMethod, by: User, now: datetime) -> None:
    """Take an address away. Safe to repeat; alerts then go to the sign-in address."""
    removed, _ = ContactMethod.objects.filter(pk=contact.pk).delete()
    if removed:
        write_down(contact, "contact.removed", by, now)


def lock(contact_id: UUID) -> ContactMethod:
    """Return the contact method, locked until the end of the transaction."""
    rows = ContactMethod.objects.select_for_update(of=("self",)).select_related("member")
    return rows.get(pk=contact_id)


def write_down(contact: ContactMethod, event: str, by: User, now: datetime) -> None:
    """Add the act to the audit record; the address itself stays out of it."""
    record(event, by=by, now=now, clinic_id=contact.member.clinic_id, obj=contact)
