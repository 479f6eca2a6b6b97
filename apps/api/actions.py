"""What a program does in its person's name: the pages' own acts, and who it was that saw.

A program that took alerts nobody has seen would silence the ladder. So each act names the
person who saw the alert and when; a taken alert is told to that person by their own ways, and
opens again as on the pages unless they write down what they did.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction

from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.escalation import lock_alert, log, tell_new_owner
from apps.alerts.ladder import Level
from apps.alerts.models import Alert
from apps.alerts.states import AlertStatus
from apps.alerts.tasks import doorbell
from apps.audit.actions import record
from apps.checkins.actions import NotInTimeError, Submission, submit_check_in
from apps.checkins.forms import CheckInForm
from apps.checkins.kept_actions import keep_as_given
from apps.checkins.link_actions import KEPT_AT_MOST
from apps.checkins.models import CheckIn
from apps.patients.errors import FieldError
from apps.patients.models import Patient
from apps.programs.models import Program

SEEN_AGO_AT_MOST: Final = timedelta(minutes=15)  # [proposal]
CLOCKS_DIFFER: Final = timedelta(minutes=2)  # [proposal] between the program's machine and ours


class SightingError(FieldError):
    """This does not say that the program's person saw the alert; `field` is what is wrong."""


class PersonNeededError(ValueError):
    """An emergency is closed by a person, in the app; the text is for the reader."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Who saw an alert, and when, as the program says."""

    seen_by: UUID
    seen_at: datetime


def check_seen(alert: Alert, seen: Sighting, program: Program, now: datetime) -> None:
    """Raise `SightingError` unless the program's own person saw this alert a moment ago."""
    if seen.seen_by != program.member_id:
        raise SightingError(
            "A program takes and closes only what its own person has seen.", "seen_by"
        )
    if seen.seen_at < alert.opened_at - CLOCKS_DIFFER:
        raise SightingError("Nobody saw this alert before it was opened.", "seen_at")
    if seen.seen_at > now + CLOCKS_DIFFER:
        raise SightingError("This moment has not come yet.", "seen_at")
    if seen.seen_at < now - SEEN_AGO_AT_MOST:
        raise SightingError("That was too long ago. Look again, then send it anew.", "seen_at")


@transaction.atomic
def take_alert(*, alert: Alert, seen: Sighting, program: Program, now: datetime) -> Alert:
    """Make the program's person the owner, and tell them by their own ways that it is theirs.

    Taking it again changes nothing and tells nobody twice. Raises what `acknowledge_alert`
    raises, and `SightingError`.
    """
    check_seen(alert, seen, program, now)
    alert, person = lock_alert(alert.pk), program.member.user
    is_theirs = alert.status == AlertStatus.ACKNOWLEDGED and alert.owner_id == person.pk
    taken = acknowledge_alert(alert=alert, by=person, now=now)
    if not is_theirs:
        log(taken, in_words("Taken", seen, program), now)
        key = tell_new_owner(taken, program.member, now).pk
        transaction.on_commit(lambda: doorbell.ring([key]), robust=True)
    return taken


@transaction.atomic
def close_alert(
    *, alert: Alert, seen: Sighting, outcome: str, note: str, program: Program, now: datetime
) -> Alert:
    """Close the alert with what the program's person did.

    Never an emergency: what ends it is a person's own act, which nobody but they can do
    (docs/adr/0049). Raises `PersonNeededError`, what `resolve_alert` raises, and `SightingError`.
    """
    check_seen(alert, seen, program, now)
    alert, person = lock_alert(alert.pk), program.member.user
    if alert.level == Level.EMERGENCY:
        raise PersonNeededError(
            "A program may not close an emergency, because no program's word is taken that "
            "somebody acted: a person must close it in the app, with what they did. Show yours "
            "the page that url names; to send this again is no use."
        )
    closed = resolve_alert(alert=alert, by=person, outcome=outcome, note=note, now=now)
    log(closed, in_words("Closed", seen, program), now)
    return closed


def in_words(act: str, seen: Sighting, program: Program) -> str:
    """Return the line of the timeline that says through which program it was done."""
    at = seen.seen_at.astimezone(program.clinic.tz)
    person = program.member.user.full_name
    return f"{act} through the program “{program.name}”; seen by {person} at {at:%H:%M:%S}."


class TooOldError(NotInTimeError):
    """Calm answers are older than a phone may keep them: at most kept."""


@transaction.atomic
def send_in(
    *, patient: Patient, form: CheckInForm, submission_id: UUID, reported_at: datetime | None,
    program: Program, now: datetime,
) -> CheckIn:  # fmt: skip
    """Store a check-in that a program brings, judged as from the patient's own page.

    Sending the same answers again under the same `submission_id` returns the first check-in of
    that patient and questionnaire; other answers correct it. A moment of the future counts as now.
    What triage finds is taken at any age, as by a link (ADR 75). Calm answers older than a phone
    may keep them are only kept (ADR 88); raises `KeptEnoughError` where too many were today.
    """
    felt_at = reported_at if reported_at is not None and reported_at <= now else now
    # An id of the program's making: it must not meet that of another patient or page.
    own_id = uuid5(patient.pk, f"{form.questionnaire.kind}.{submission_id}")
    try:
        check_in = submit_check_in(
            patient=patient, questionnaire=form.questionnaire, answers=form.answers,
            submission_id=own_id, language=patient.language, reported_at=felt_at, now=now,
            requests=form.requests,
            refusal=TooOldError() if is_too_old(reported_at, now) else None,
        )  # fmt: skip
    except TooOldError as refusal:
        sent = Submission(form.questionnaire, form.answers, own_id, patient.language)
        check_in = keep_as_given(
            patient=patient, sent=sent, felt_at=felt_at, refusal=refusal, by="program", now=now
        )
    if check_in.received_at == now:
        record(
            "check_in.sent_in", by=program.member.user, now=now, clinic_id=patient.clinic_id,
            patient_id=patient.pk, obj=check_in,
        )  # fmt: skip
    return check_in


def is_too_old(reported_at: datetime | None, now: datetime) -> bool:
    """Answer whether the answers are older than a phone may keep them."""
    return reported_at is not None and reported_at < now - KEPT_AT_MOST
