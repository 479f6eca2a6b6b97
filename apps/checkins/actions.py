"""Writes of check-ins: one act, one transaction, one audit row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.crypto import salted_hmac

from apps.accounts.models import User
from apps.accounts.tokens import hash_token, new_token
from apps.alerts.actions import note_correction, note_repeat, open_alert
from apps.audit.actions import record
from apps.checkins.assessment import assessment_of, not_asked_of
from apps.checkins.free_text import must_be_read_today
from apps.checkins.models import (
    CareTask,
    CheckIn,
    CheckInLink,
    Reminder,
    TriageResult,
)
from apps.checkins.reminder_actions import answer_window, lock_patient
from apps.checkins.task_actions import open_requests
from apps.checkins.windows import weekly_is_due
from apps.clinical.questionnaires import Questionnaire, missing_mandatory
from apps.clinical.triage import Level, TaperAction, Triage, assess
from apps.database.statements import Change, Insert, Read
from apps.patients.models import Patient
from apps.tapers.actions import hold_plan

SOURCE_CHECK_IN: Final = "check_in"
SOURCE_TRUSTED: Final = "trusted_person"  # a check-in too, in another person's words
LINK_LIFETIME: Final = timedelta(hours=48)  # [proposal]
CORRECTIONS: Final = 3  # [proposal] by one link
# [proposal] A page opened in time may be sent a little late by a browser that says nothing of
# its clock, and much later by one that kept the answers until its network came back.
SEND_GRACE: Final = timedelta(hours=12)
KEPT_AT_MOST: Final = timedelta(days=14)
PART_FIRST: Final = "first"
PART_WEEKLY: Final = "weekly"
PART_CORRECTION: Final = "correction"

# The link as it is under the patient's lock, and whether a check-in by either id is stored.
FRESH_LINK = Read[CheckInLink](
    lambda key, submission_id: CheckInLink.objects.filter(pk=key).annotate(
        has_check_in=Exists(
            CheckIn.objects.filter(
                patient_id=OuterRef("patient_id"),
                submission_id__in=[submission_id, OuterRef("submission_id")],
            )
        )
    ),
    key=UUID, submission_id=UUID,
)  # fmt: skip
USE_LINK = Change(
    lambda key, used_at, submission_id, weekly: (
        CheckInLink.objects.filter(pk=key),
        {"used_at": used_at, "submission_id": submission_id, "weekly_submission_id": weekly},
    ),
    key=UUID, used_at=datetime, submission_id=UUID, weekly=UUID,
)  # fmt: skip
INSERT_CHECK_IN = Insert(CheckIn)
INSERT_TRIAGE = Insert(TriageResult)


@dataclass(frozen=True, slots=True)
class Submission:
    """What a patient's page sent, read but not judged."""

    questionnaire: Questionnaire
    answers: Mapping[str, object]
    submission_id: UUID
    language: str
    reported_at: datetime | None = None
    sent_at: datetime | None = None
    requests: Sequence[str] = ()


class LinkUsedError(ValueError):
    """The link has served for another check-in already."""


class LinkExpiredError(ValueError):
    """The answers were given after the link's time."""


@transaction.atomic
def create_link(*, patient: Patient, by: User | None, now: datetime) -> str:
    """Return the token of a new link for one check-in; only its hash is stored."""
    token = new_token()
    link = CheckInLink.objects.create(
        clinic_id=patient.clinic_id,
        patient=patient,
        token_hash=hash_token(token),
        created_at=now,
        created_by=by,
        expires_at=now + LINK_LIFETIME,
        with_weekly=weekly_is_due(patient, now),
    )
    record(
        "check_in_link.created", by=by, now=now, clinic_id=patient.clinic_id,
        patient_id=patient.pk, obj=link,
    )  # fmt: skip
    return token


@transaction.atomic
def link_for(live: Reminder, now: datetime) -> str:
    """Return the token of the link that every mail of a due window carries.

    Worked out from the window's id and the installation's secret, so that a second
    attempt and the second mail need not know the first: the table holds only the hash.
    """
    # After a lost phone the same window gets another link: the old one stays dead.
    revoked = CheckInLink.objects.filter(patient_id=live.patient_id, revoked_at__isnull=False)
    lost = revoked.filter(revoked_at__gte=live.created_at).count()
    key = f"{live.pk}.{lost}" if lost else str(live.pk)
    token = salted_hmac("checkins.reminder", key, algorithm="sha256").hexdigest()
    link, is_new = CheckInLink.objects.get_or_create(
        token_hash=hash_token(token),
        defaults={
            "clinic_id": live.clinic_id,
            "patient_id": live.patient_id,
            "created_at": now,
            "expires_at": max(live.closes_at, now + LINK_LIFETIME),
            "with_weekly": live.kind == Reminder.Kind.WEEKLY,
        },
    )
    if is_new:
        record(
            "check_in_link.created", by=None, now=now, clinic_id=live.clinic_id,
            patient_id=live.patient_id, obj=link,
        )  # fmt: skip
    return token


def revoke_links(patient: Patient, now: datetime) -> int:
    """Kill every check-in link of a patient, open pages included; part of the caller's act.

    Returns how many could still have taken an answer.
    """
    links = CheckInLink.objects.not_revoked().filter(patient=patient)
    return links.update(revoked_at=now)


@transaction.atomic
def submit_by_link(
    *,
    link: CheckInLink,
    sent: Submission,
    now: datetime,
    part: str = PART_FIRST,
) -> CheckIn:
    """Use the link's `part` up and store the check-in; both or neither.

    A link serves for one daily check-in, where it says so for one weekly one after it,
    and for a few corrections. Sending the same submission again returns the first
    check-in. Raises `LinkUsedError` when the part has served for another one, and
    `LinkExpiredError` when it was answered after the link's time.
    """
    # The patient first, as everywhere: then nobody uses this link meanwhile.
    patient = lock_patient(link.patient_id)
    link, known = fresh_link(link, sent.submission_id)
    existing = known.get(sent.submission_id)
    if existing and is_of(existing, sent):
        existing.patient = patient
        return existing
    if existing:  # an id that another check-in has: this one gets one of its own, always the same
        key = uuid5(link.pk, f"{sent.questionnaire.kind}.{sent.submission_id}")
        return submit_by_link(link=link, sent=replace(sent, submission_id=key), now=now, part=part)
    felt_at = honest_time(sent, link, now)
    check_is_in_time(link, sent, felt_at, now)
    part = part_for(link, part, sent.submission_id)
    check_part_is_free(link, part)
    corrects = known[link.submission_id] if part == PART_CORRECTION and link.submission_id else None
    check_in = store_check_in(patient, sent, felt_at, now, corrects)
    if part == PART_FIRST:
        link.used_at, link.submission_id = now, sent.submission_id
    elif part == PART_WEEKLY:
        link.weekly_submission_id = sent.submission_id
    USE_LINK.run(
        key=link.pk, used_at=link.used_at, submission_id=link.submission_id,
        weekly=link.weekly_submission_id,
    )  # fmt: skip
    return check_in


def fresh_link(
    link: CheckInLink, submission_id: UUID
) -> tuple[CheckInLink, Mapping[UUID, CheckIn]]:
    """Return the link as it is now, and the check-ins stored under this id or by this link."""
    found = FRESH_LINK.first(key=link.pk, submission_id=submission_id)
    if found is None:
        raise CheckInLink.DoesNotExist
    if not found.has_check_in:  # type: ignore[attr-defined]
        return found, {}
    ids = [key for key in (submission_id, found.submission_id) if key]
    rows = CheckIn.objects.filter(patient_id=found.patient_id, submission_id__in=ids)
    return found, {row.submission_id: row for row in rows.select_related("triage")}


def is_of(check_in: CheckIn, sent: Submission) -> bool:
    """Answer whether a stored check-in answers the same questionnaire as what was sent."""
    return check_in.questionnaire == sent.questionnaire.kind


def check_part_is_free(link: CheckInLink, part: str) -> None:
    """Raise `LinkUsedError` unless this part of the link may still take a check-in."""
    if part == PART_FIRST:
        taken = link.used_at is not None
    elif part == PART_WEEKLY:
        taken = bool(link.weekly_submission_id or not link.with_weekly or link.used_at is None)
    else:
        own = {"patient_id": link.patient_id, "corrects__submission_id": link.submission_id}
        again = CheckIn.objects.filter(**own)
        taken = link.used_at is None or again.count() >= CORRECTIONS
    if taken:
        raise LinkUsedError("This check-in was sent already.")


def part_for(link: CheckInLink, part: str, submission_id: UUID) -> str:
    """Return what a submission counts as: daily answers by a used link correct the first ones.

    A phone without network answers yesterday's page again, or two phones share a link:
    what they send is kept and judged like any check-in.
    """
    used = link.used_at is not None and link.submission_id != submission_id
    return PART_CORRECTION if part == PART_FIRST and used else part


def check_is_in_time(link: CheckInLink, sent: Submission, felt_at: datetime, now: datetime) -> None:
    """Raise `LinkExpiredError` for answers given after the link's time, or kept for too long."""
    in_time = now < link.expires_at + SEND_GRACE
    kept = sent.reported_at is not None and felt_at < link.expires_at
    if not in_time and not (kept and now < link.expires_at + KEPT_AT_MOST):
        raise LinkExpiredError("This link is too old.")


def honest_time(sent: Submission, link: CheckInLink, now: datetime) -> datetime:
    """Return when the patient answered: by how long the device says that it kept the answers.

    Both moments are of the same clock, so one that is set to last year does no harm. Where
    that cannot be (before the link was made, or in the future) the device's own time counts
    if it can be right, and else the time of arrival.
    """
    if sent.reported_at is None:
        return now
    guesses = [sent.reported_at]
    if sent.sent_at is not None:
        guesses.insert(0, now - (sent.sent_at - sent.reported_at))
    return next((guess for guess in guesses if link.created_at <= guess <= now), now)


@transaction.atomic
def submit_check_in(
    *,
    patient: Patient,
    questionnaire: Questionnaire,
    answers: Mapping[str, object],
    submission_id: UUID,
    language: str,
    reported_at: datetime,
    now: datetime,
    requests: Sequence[str] = (),
    corrects: CheckIn | None = None,
    trusted_name: str = "",
) -> CheckIn:
    """Store a check-in with its triage, and what triage asks for: a hold, an alert.

    Check-in, result, hold, alert, deliveries and audit rows are saved together or not
    at all. Calling again with the same `submission_id` returns the first check-in and
    opens nothing new. With `trusted_name` it is the word of the patient's trusted person:
    judged by the same rules, marked as theirs.
    """
    # One check-in of a patient at a time: five taps arrive together.
    patient = lock_patient(patient.pk)
    existing = CheckIn.objects.filter(submission_id=submission_id, patient=patient).first()
    if existing is not None:
        return existing
    sent = Submission(questionnaire, answers, submission_id, language, requests=requests)
    return store_check_in(patient, sent, reported_at, now, corrects, trusted_name)


def store_check_in(
    patient: Patient, sent: Submission, felt_at: datetime, now: datetime,
    corrects: CheckIn | None = None, trusted_name: str = "",
) -> CheckIn:  # fmt: skip
    """Judge and save a new check-in of a locked patient; part of the caller's transaction."""
    questionnaire, answers = sent.questionnaire, sent.answers
    known = assessment_of(patient, now)
    result = assess(answers, known.profile, known.context)
    left_out = not_asked_of(patient, known.context)
    check_in = CheckIn(
        clinic_id=patient.clinic_id,
        patient=patient,
        submission_id=sent.submission_id,
        questionnaire=questionnaire.kind,
        questionnaire_version=questionnaire.version,
        answers=as_json(answers),
        is_complete=not missing_mandatory(questionnaire, answers, left_out),
        language=sent.language,
        requests=list(sent.requests),
        corrects=corrects,
        reported_at=felt_at,
        received_at=now,
        **reporter(trusted_name),
    )
    INSERT_CHECK_IN.run(check_in)
    store_triage(check_in, result, now)
    act_on(check_in, result, patient, now)
    open_requests(check_in, tasks_of(questionnaire, answers, sent.requests), now)
    answer_window(check_in, now)
    return check_in


def reporter(trusted_name: str) -> dict[str, str]:
    """Return the columns that tell whose word a check-in is."""
    kind = CheckIn.Reporter.TRUSTED if trusted_name else CheckIn.Reporter.PATIENT
    return {"reporter": kind, "reporter_name": trusted_name}


def tasks_of(
    questionnaire: Questionnaire, answers: Mapping[str, object], requests: Sequence[str]
) -> list[str]:
    """Return what a person has to do: what was asked for, and words to be read today.

    Free text never sets a level (instruments.md section 5).
    """
    read = must_be_read_today(questionnaire, answers)
    return [*requests, *([CareTask.Kind.READ_TODAY.value] if read else [])]


def store_triage(check_in: CheckIn, result: Triage, now: datetime) -> TriageResult:
    """Save every fired rule with its evidence, the advice shown, the rules' version."""
    record(
        "check_in.submitted",
        by=None,
        now=now,
        clinic_id=check_in.clinic_id,
        patient_id=check_in.patient_id,
        obj=check_in,
        level=result.level.value,
    )
    row = TriageResult(check_in=check_in, **result.as_dict())
    INSERT_TRIAGE.run(row)
    return row


def act_on(check_in: CheckIn, result: Triage, patient: Patient, now: datetime) -> None:
    """Hold the plan and open an alert when the result asks for it."""
    rules = [fired.rule_id for fired in sorted(result.fired, key=lambda f: f.level, reverse=True)]
    is_own = check_in.reporter == CheckIn.Reporter.PATIENT
    source_type = SOURCE_CHECK_IN if is_own else SOURCE_TRUSTED
    if result.taper_action >= TaperAction.HOLD_NEXT:
        hold_plan(
            patient=patient,
            action=result.taper_action.value,
            rules=rules,
            source_type=source_type,
            source_id=check_in.pk,
            by=None,
            now=now,
        )
    is_repeat = (
        is_own
        and result.level == Level.WATCH
        and note_repeat(patient=patient, rules=rules, source_id=check_in.pk, now=now)
    )
    if result.level > Level.NONE and not is_repeat:
        open_alert(
            patient=patient,
            level=result.level.value,
            response_minutes=result.minutes or 0,
            rules=rules,
            source_type=source_type,
            source_id=check_in.pk,
            now=now,
        )
    elif check_in.corrects_id is not None:
        note_correction(source_id=check_in.corrects_id, now=now)


def as_json(answers: Mapping[str, object]) -> dict[str, Any]:
    """Return cleaned answers as JSON values; a Decimal becomes a number, a tuple a list."""
    return {key: to_json(value) for key, value in answers.items()}


def to_json(value: object) -> Any:
    """Return one cleaned answer as a JSON value."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, tuple):
        return list(value)
    return value
