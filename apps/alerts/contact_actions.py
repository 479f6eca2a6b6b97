"""Adding a way to be reached, and proving that it reaches: a code goes out and comes back."""

from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.crypto import constant_time_compare

from apps.accounts.models import User
from apps.alerts.emails import contact_code
from apps.alerts.escalation import wake_dispatcher
from apps.alerts.models import (
    CODE_TRIES,
    Channel,
    ContactMethod,
    Delivery,
    Gateway,
    QuietHours,
)
from apps.alerts.states import DeliveryStatus
from apps.audit.actions import record
from apps.patients.models import StaffMember

RESEND_AFTER: Final = timedelta(minutes=1)


class ContactError(ValueError):
    """This does not prove the address; the text is for the reader."""


@transaction.atomic
def add_contact(
    *,
    member: StaffMember,
    address: str,
    by: User,
    now: datetime,
    gateway: Gateway | None = None,
) -> ContactMethod:
    """Store an address that still has to prove itself, with its code due. The same twice is one.

    `gateway` is the clinic's way to it; None for a mail address.
    """
    contact, is_new = ContactMethod.objects.get_or_create(
        member=member,
        channel=gateway.channel if gateway else Channel.EMAIL,
        gateway=gateway,
        address=address.strip() if gateway else address.strip().lower(),
        defaults={
            "created_at": now,
            "code_made_at": now,
            "position": member.contacts.count(),
            **waiting(now),
        },
    )
    if is_new:
        write_down(contact, "contact.added", by, now)
    return contact


def waiting(now: datetime) -> dict[str, Any]:
    """Return the columns that have a code or a test sent, and say so on the page."""
    return {
        "send_due_at": now,
        "tested_at": now,
        "test_result": ContactMethod.TestResult.WAITING,
        "test_reply": "",
    }


@transaction.atomic
def renew_code(*, contact: ContactMethod, by: User, now: datetime) -> ContactMethod:
    """Have a new code sent, so that tries begin anew; a proved address gets a test instead.

    Raises `ContactError` within a minute.
    """
    contact = lock(contact.pk)
    if now < contact.code_made_at + RESEND_AFTER:
        raise ContactError("A message went out less than a minute ago. Look for that one first.")
    contact.code_made_at, contact.code_tries = now, 0
    for name, value in waiting(now).items():
        setattr(contact, name, value)
    contact.save(update_fields=["code_made_at", "code_tries", *waiting(now)])
    event = "contact.tested" if contact.verified_at else "contact.code_renewed"
    write_down(contact, event, by, now)
    return contact


@transaction.atomic
def prefer_contact(*, contact: ContactMethod, by: User, now: datetime) -> None:
    """Put this way one place forward in its person's order. The first stays the first."""
    StaffMember.objects.select_for_update().get(pk=contact.member_id)
    rows = list(ContactMethod.objects.filter(member_id=contact.member_id))
    place = next((n for n, row in enumerate(rows) if row.pk == contact.pk), 0)
    if place == 0:
        return
    rows[place - 1], rows[place] = rows[place], rows[place - 1]
    for number, row in enumerate(rows):
        row.position = number
    ContactMethod.objects.bulk_update(rows, ["position"])
    write_down(contact, "contact.preferred", by, now)


@transaction.atomic
def set_quiet_hours(
    *, member: StaffMember, begins: time, ends: time, time_zone: str, by: User, now: datetime
) -> QuietHours:
    """Store when this person hears of nothing below an emergency. Safe to repeat."""
    hours, _ = QuietHours.objects.update_or_create(
        member=member, defaults={"begins": begins, "ends": ends, "time_zone": time_zone}
    )
    record("quiet_hours.set", by=by, now=now, clinic_id=member.clinic_id, obj=member)
    return hours


@transaction.atomic
def end_quiet_hours(*, member: StaffMember, by: User, now: datetime) -> None:
    """Take the quiet hours away, and let what waited for their end go now. Safe to repeat."""
    removed, _ = QuietHours.objects.filter(member=member).delete()
    if removed:
        asleep = Delivery.objects.filter(
            recipient=member, status=DeliveryStatus.PENDING, quiet_until__isnull=False
        )
        asleep.update(next_attempt_at=now, quiet_until=None)
        record("quiet_hours.ended", by=by, now=now, clinic_id=member.clinic_id, obj=member)
        wake_dispatcher()


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
    raise ContactError(f"This is not the code in the newest message. {left} tries left.")


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
