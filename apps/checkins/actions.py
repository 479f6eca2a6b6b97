"""Writes of check-ins: one act, one transaction, one audit row."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction

from apps.alerts.actions import fold_into_open, note_correction, note_repeat, open_alert
from apps.audit.actions import record
from apps.checkins.assessment import Assessment, assessment_of, not_asked_of
from apps.checkins.free_text import must_be_read_today
from apps.checkins.models import CareTask, CheckIn, TriageResult
from apps.checkins.reminder_actions import answer_window, lock_patient, window_ahead
from apps.checkins.task_actions import open_requests, wants_to_stay
from apps.clinical.questionnaires import Questionnaire, missing_mandatory
from apps.clinical.triage import Level, TaperAction, Triage, assess
from apps.database.statements import Insert
from apps.patients.models import Patient
from apps.tapers.actions import hold_plan

SOURCE_CHECK_IN: Final = "check_in"
SAME_VISIT: Final = timedelta(hours=1)  # [proposal] both parts of the form in one sitting
SOURCE_TRUSTED: Final = "trusted_person"  # a check-in too, in another person's words

# Of the ids of one patient's check-ins PostgreSQL takes each once: five taps arrive together.
INSERT_CHECK_IN = Insert(CheckIn, skip_taken=True)
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


class NotInTimeError(ValueError):
    """Answers came too late, or by a link used too often: they may raise, and never calm."""

    arrival = CheckIn.Arrival.OLD


class IdTakenError(ValueError):
    """The patient has a check-in with this submission id already."""


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
    refusal: NotInTimeError | None = None,
) -> CheckIn:
    """Store a check-in with its triage, and what triage asks for: a hold, an alert.

    Check-in, result, hold, alert, deliveries and audit rows are saved together or not
    at all. Calling again with the same `submission_id` and the same words returns the first
    check-in and opens nothing new; other words under that id are a check-in of their own,
    which corrects the first where both are the patient's. With `trusted_name` it is the
    word of the patient's trusted person: judged by the same rules, marked as theirs.
    With `refusal` it came too late: it may raise, and is refused with that error where it is calm.
    """
    # One check-in of a patient at a time: five taps arrive together.
    patient = lock_patient(patient.pk)
    sent = Submission(questionnaire, answers, submission_id, language, requests=requests)
    ids = CheckIn.as_given.filter(patient=patient)
    while existing := ids.filter(submission_id=sent.submission_id).first():
        if is_same(existing, sent, trusted_name):
            return existing
        is_own = existing.reporter == CheckIn.Reporter.PATIENT and not trusted_name
        if is_own and existing.questionnaire == questionnaire.kind:
            corrects = corrects or existing
        sent = under_further_id(sent, trusted_name)
    return store_check_in(patient, sent, reported_at, now, corrects, trusted_name, refusal=refusal)


def is_same(stored: CheckIn, sent: Submission, trusted_name: str = "") -> bool:
    """Answer whether this is the stored check-in sent once more, not another with its id.

    The id alone does not tell: two tabs, a page gone back to, a form kept by an old browser.
    """
    return content_of(sent, trusted_name) == [
        stored.questionnaire, stored.answers, sorted(stored.requests), stored.reporter_name,
    ]  # fmt: skip


def content_of(sent: Submission, by: str) -> list[object]:
    """Return what makes two submissions the same: questions, answers, requests, and by whom."""
    return [
        sent.questionnaire.kind, as_json(sent.answers), sorted(sent.requests), by,
    ]  # fmt: skip


def under_further_id(sent: Submission, by: str) -> Submission:
    """Return the submission under an id made of its own, its words and by whom or what it came.

    Always the same one, so a retry finds what the first try stored.
    """
    words = json.dumps(content_of(sent, by), sort_keys=True)
    return replace(sent, submission_id=uuid5(sent.submission_id, words))


def store_check_in(
    patient: Patient, sent: Submission, felt_at: datetime, now: datetime,
    corrects: CheckIn | None = None, trusted_name: str = "", *,
    refusal: NotInTimeError | None = None, folds: bool = False,
) -> CheckIn:  # fmt: skip
    """Judge and save a new check-in of a locked patient; part of the caller's transaction.

    Raises `IdTakenError`, before anything is written, when its submission id is no new one,
    and `refusal`, where one is given, when it is calm; what is stored in spite of one raises
    alerts and opens tasks, but stops no clock, ends no window and unlocks no cut. With `folds`
    an alert that is open already takes the same finding up.
    """
    questionnaire, answers = sent.questionnaire, sent.answers
    known = assessment_of(patient, now, felt_at, tells_amount="dose_taken_mg" in answers)
    result = assess(answers, known.profile, known.context)
    left_out = not_asked_of(patient, known.context)
    if refusal is not None and is_calm(sent, result, known, left_out):
        raise refusal
    check_in = row_of(
        patient, sent, felt_at, now, left_out, refusal, corrects=corrects, **reporter(trusted_name)
    )
    window = window_ahead(check_in)
    if not INSERT_CHECK_IN.run(check_in):
        raise IdTakenError(sent.submission_id)
    store_triage(check_in, result, now)
    act_on(check_in, result, patient, now, folds=folds)
    kinds = tasks_of(check_in, questionnaire, answers, left_out)
    open_requests(check_in, kinds, now, folds=folds)
    answer_window(check_in, window(), now)
    return check_in


def row_of(
    patient: Patient, sent: Submission, felt_at: datetime, now: datetime,
    left_out: Collection[str], refusal: NotInTimeError | None, **more: Any,
) -> CheckIn:  # fmt: skip
    """Return answers as they were given, as a row that is not saved; `more` are further columns."""
    return CheckIn(
        clinic_id=patient.clinic_id,
        patient=patient,
        submission_id=sent.submission_id,
        questionnaire=sent.questionnaire.kind,
        questionnaire_version=sent.questionnaire.version,
        answers=as_json(sent.answers),
        is_complete=not missing_mandatory(sent.questionnaire, sent.answers, left_out),
        may_calm=refusal is None,
        arrival=refusal.arrival if refusal is not None else "",
        language=sent.language,
        requests=list(sent.requests),
        reported_at=felt_at,
        received_at=now,
        **more,
    )


def is_calm(sent: Submission, result: Triage, known: Assessment, left_out: Collection[str]) -> bool:
    """Answer whether it tells of nothing, asks for nothing and has no words to be read today.

    What the record alone fires, whatever is answered (W15, W16), is no finding of these answers.
    """
    if sent.requests or must_be_read_today(sent.questionnaire, sent.answers):
        return False
    if wants_to_stay(sent.answers) and "ready_next" not in left_out:
        return False
    of_record = assess({}, known.profile, known.context).fired
    return all(fired in of_record for fired in result.fired)


def reporter(trusted_name: str) -> dict[str, str]:
    """Return the columns that tell whose word a check-in is."""
    kind = CheckIn.Reporter.TRUSTED if trusted_name else CheckIn.Reporter.PATIENT
    return {"reporter": kind, "reporter_name": trusted_name}


def tasks_of(
    check_in: CheckIn,
    questionnaire: Questionnaire,
    answers: Mapping[str, object],
    left_out: Collection[str],
) -> list[str]:
    """Return what a person has to do: what was asked for, and words to be read today.

    "I want to stay at this dose" of the weekly questions asks as the button of the daily ones
    does; both parts of one visit ask once. Free text never sets a level (instruments.md
    section 5).
    """
    stay, found = CareTask.Kind.STAY.value, list(check_in.requests)
    if wants_to_stay(answers) and "ready_next" not in left_out and stay not in found:
        # Of this visit: an older task may have lost its hold meanwhile.
        visit = check_in.received_at - SAME_VISIT
        asked = CareTask.objects.open().filter(
            patient=check_in.patient, kind=stay, created_at__gt=visit
        )
        found += [] if asked.exists() else [stay]
    if must_be_read_today(questionnaire, answers):
        found.append(CareTask.Kind.READ_TODAY.value)
    return found


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
    INSERT_TRIAGE.run_later(row)
    return row


def act_on(
    check_in: CheckIn, result: Triage, patient: Patient, now: datetime, *, folds: bool = False
) -> None:
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
    is_repeat = is_own and shown_already(check_in, result.level, rules, patient, folds=folds)
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


def shown_already(
    check_in: CheckIn, level: Level, rules: list[str], patient: Patient, *, folds: bool
) -> bool:
    """Write a finding into the alert that shows it already; False when it is news."""
    key, now = check_in.pk, check_in.received_at
    if level == Level.WATCH and note_repeat(patient=patient, rules=rules, source_id=key, now=now):
        return True
    if not (folds and rules):  # a wish alone is no finding: no alert shows it
        return False
    taken_up_by = fold_into_open(
        patient=patient, level=level.value, rules=rules, source_id=key, now=now
    )
    return taken_up_by is not None


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
