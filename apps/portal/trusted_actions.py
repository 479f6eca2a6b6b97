"""Writes about the person a patient trusts, and what that person reports."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.accounts.tokens import hash_token
from apps.checkins.actions import submit_check_in
from apps.checkins.models import CheckIn
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.patients.models import Patient
from apps.portal import outbox
from apps.portal.actions import lock_patient, write_down
from apps.portal.models import PortalMail, TrustedPerson
from apps.portal.tokens import link_token

LIFETIME: Final = timedelta(days=180)  # [proposal] then the patient invites again
MOST: Final = 3
DOOR: Final = "portal:trusted_door"

# What another person can see from outside. Seizure: design §2. The others are what triage.md
# lets show when the patient cannot answer: delirium (section 5), breathing and waking (E05).
SEIZURE: Final = "seizure"
RED_FLAGS: Final = ("rf_confused", "rf_breath", "rf_unrousable")


class TrustedError(ValueError):
    """This person cannot be added; `reason` is "many" or "twice"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@transaction.atomic
def invite_trusted(
    *, patient: Patient, name: str, email: str, language: str, sees_dose: bool, now: datetime
) -> TrustedPerson:
    """Give somebody a link of their own, by mail, until the patient or the clinic ends it.

    Person, mail and audit row are saved together or not at all. Raises `TrustedError`
    beyond three people or for an address that has a link already.
    """
    patient = lock_patient(patient)
    live = TrustedPerson.objects.live().filter(patient=patient)
    if live.filter(email=email.strip().lower()).exists():
        raise TrustedError("twice")
    if live.count() >= MOST:
        raise TrustedError("many")
    person = TrustedPerson(
        clinic_id=patient.clinic_id, patient=patient, name=name.strip(),
        email=email.strip().lower(), language=language, sees_dose=sees_dose, created_at=now,
        expires_at=now + LIFETIME,
    )  # fmt: skip
    person.token_hash = hash_token(link_token(DOOR, person.pk))
    person.save(force_insert=True)
    outbox.put(patient, now, trusted=person)
    write_down("trusted.invited", person, patient, patient, now, sees_dose=sees_dose)
    return person


@transaction.atomic
def allow_dose(*, person: TrustedPerson, sees_dose: bool, now: datetime) -> bool:
    """Let a trusted person see today's dose, or not any more; False if nothing changes."""
    live = TrustedPerson.objects.live().filter(pk=person.pk).exclude(sees_dose=sees_dose)
    changed = live.update(sees_dose=sees_dose)
    if changed:
        patient = person.patient
        write_down("trusted.dose_allowed", person, patient, patient, now, sees_dose=sees_dose)
    return bool(changed)


@transaction.atomic
def revoke_trusted(*, person: TrustedPerson, by: User | None, now: datetime) -> bool:
    """End one link at once; `by` is None when the patient does it. Twice is once."""
    live = TrustedPerson.objects.live().filter(pk=person.pk)
    ended = live.update(revoked_at=now, revoked_by=by)
    if ended:
        outbox.cancel(PortalMail.objects.filter(trusted=person), now)
        write_down("trusted.revoked", person, person.patient, by or person.patient, now)
    return bool(ended)


@transaction.atomic
def note_opened(*, person: TrustedPerson, saw_dose: bool, now: datetime) -> None:
    """Write down that a trusted person opened their page, and whether it showed the dose."""
    TrustedPerson.objects.filter(pk=person.pk, opened_at__isnull=True).update(opened_at=now)
    write_down("trusted.opened", person, person.patient, person, now, saw_dose=saw_dose)


@transaction.atomic
def report(
    *, person: TrustedPerson, signs: Sequence[str], submission_id: UUID, now: datetime
) -> CheckIn:
    """Store what a trusted person saw, judged and alerted exactly like the patient's own word.

    Never refused for its number: each is a possible danger to life. Sending the same
    submission again returns the first and opens nothing new; other signs under its id are
    another report.
    """
    answers: dict[str, object] = {SEIZURE: "yes"} if SEIZURE in signs else {}
    flags = tuple(sign for sign in RED_FLAGS if sign in signs)
    if flags:
        answers["red_flags"] = flags
    check_in = submit_check_in(
        patient=person.patient,
        questionnaire=get_questionnaire("daily", LATEST["daily"]),
        answers=answers,
        submission_id=submission_id,
        language=person.language,
        reported_at=now,
        now=now,
        trusted_name=person.name,
    )
    if check_in.received_at == now:  # not one that was stored before
        write_down("trusted.reported", check_in, person.patient, person, now)
    return check_in


@transaction.atomic
def hide_every_dose(now: datetime) -> int:
    """Let no trusted person see a dose until the patient allows it anew, as after a restore.

    Whom the patient shut out since the backup nobody can know. Reporting stays: a report of
    somebody who should not is a question to the patient, and one that is missing may be a seizure.
    """
    return TrustedPerson.objects.live().filter(sees_dose=True).update(sees_dose=False)
