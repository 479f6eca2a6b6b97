"""Writes of signing in: a code is asked for, typed in, and opens a session."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from apps.checkins.reminder_actions import prove_address
from apps.database.scope import every_clinic
from apps.patients.models import Patient
from apps.portal import outbox
from apps.portal.actions import write_down
from apps.portal.models import Consent, PatientSession, SignInCode
from apps.portal.models.entry import CODE_LIFETIME, CODE_TRIES, TOUCH_EVERY
from apps.portal.tokens import hash_address, is_code

MOST_CODES: Final = 3  # one person in so many clinics


class CodeError(ValueError):
    """This code does not open anything; `tries_left` is None when it is spent."""

    def __init__(self, tries_left: int | None) -> None:
        super().__init__("wrong code")
        self.tries_left = tries_left


@every_clinic()
@transaction.atomic
def ask_for_code(*, address: str, now: datetime) -> list[UUID]:
    """Return the ids of new codes for this address; their mails leave after the commit.

    A stranger's address costs the same work and returns the same shape: one code that
    nobody is sent. One person in several clinics gets one code of each.
    """
    people: list[Patient | None] = [*entitled(address)]
    return [new_code(patient, address, now) for patient in people or [None]]


@transaction.atomic
def send_code_to(*, patient: Patient, now: datetime) -> list[UUID]:
    """Do the same for a patient who has just agreed, in the browser that did so."""
    return [new_code(patient, patient.email, now)]


def entitled(address: str) -> list[Patient]:
    """Return the patients with this address who once agreed; nobody writes to the dead."""
    if not address.strip():
        return []
    found = Patient.objects.filter(email__iexact=address.strip())
    found = found.exclude(status=Patient.Status.DECEASED).filter(
        pk__in=Consent.objects.values("patient")
    )
    return list(found.order_by("pk")[:MOST_CODES])


def new_code(patient: Patient | None, address: str, now: datetime) -> UUID:
    """Store one code with its mail."""
    code = SignInCode.objects.create(
        patient=patient, address_hash=hash_address(address), created_at=now,
        expires_at=now + CODE_LIFETIME,
    )  # fmt: skip
    outbox.put(patient, now, code=code)
    return code.pk


@every_clinic()
def sign_in(*, codes: Sequence[UUID], typed: str, now: datetime) -> PatientSession:
    """Open a session with the code that was typed in; it works once.

    A wrong try is counted even though it raises `CodeError`; after five the code is
    spent. Only the browser that asked knows the code's id, so nobody else can spend it.
    """
    with transaction.atomic():
        lock_owners(codes)
        rows = SignInCode.objects.select_for_update(of=("self",)).select_related("patient")
        found = [row for row in rows.filter(pk__in=codes).order_by("pk") if row.works(now)]
        # Every one is compared, so that time tells nothing.
        right = [row for row in found if is_code(row.pk, typed) and is_still_theirs(row)]
        if right and right[0].patient is not None:
            return open_session(patient=right[0].patient, code=right[0], now=now)
        for row in found:
            row.tries += 1
            row.save(update_fields=["tries"])
    left = max((CODE_TRIES - row.tries for row in found), default=0)
    raise CodeError(left or None)


def lock_owners(codes: Sequence[UUID]) -> None:
    """Lock the patients of these codes: before the codes, as everywhere."""
    owners = SignInCode.objects.filter(pk__in=codes).values("patient")
    rows = Patient.objects.select_for_update(no_key=True).filter(pk__in=owners)
    list(rows.order_by("pk").values_list("pk"))


def is_still_theirs(code: SignInCode) -> bool:
    """Answer whether the patient still has the address that the code went to."""
    return code.patient is not None and hash_address(code.patient.email) == code.address_hash


@transaction.atomic
def open_session(
    *, patient: Patient, now: datetime, code: SignInCode | None = None
) -> PatientSession:
    """Return a new session; the code, if any, is spent.

    A code came by a mail to the patient's address, so it is theirs: of who has agreed, reminders
    may go there from now on.
    """
    if code is not None:
        code.ended_at = now
        code.save(update_fields=["ended_at"])
        if Consent.objects.in_force().filter(patient=patient).exists():
            prove_address(patient, now)
    session = PatientSession.objects.create(
        patient=patient, kind=PatientSession.Kind.FULL, created_at=now, last_seen_at=now
    )
    write_down("portal.signed_in", session, patient, patient, now)
    return session


def touch(session: PatientSession, now: datetime) -> None:
    """Remember that the session was used; at most once a minute."""
    if now >= session.last_seen_at + TOUCH_EVERY:
        PatientSession.objects.filter(pk=session.pk).update(last_seen_at=now)


@transaction.atomic
def end_session(*, session: PatientSession, now: datetime) -> bool:
    """Sign out. Doing it again changes nothing."""
    ended = PatientSession.objects.filter(pk=session.pk, ended_at__isnull=True).update(ended_at=now)
    if ended:
        write_down("portal.signed_out", session, session.patient, session.patient, now)
    return bool(ended)


@transaction.atomic
def end_every_session(now: datetime) -> int:
    """End each patient's session and each code, as after a restore; return how many sessions."""
    SignInCode.objects.filter(ended_at__isnull=True).update(ended_at=now)
    return PatientSession.objects.filter(ended_at__isnull=True).update(ended_at=now)
