"""Writes of check-ins: one act, one transaction, one audit row."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.crypto import salted_hmac

from apps.accounts.models import User
from apps.alerts.actions import open_alert
from apps.audit.actions import record
from apps.checkins.assessment import assessment_of
from apps.checkins.models import CheckIn, CheckInLink, Reminder, TriageResult, hash_token
from apps.checkins.reminder_actions import answer_window
from apps.clinical.questionnaires import Questionnaire, missing_mandatory
from apps.clinical.triage import Level, TaperAction, Triage, assess
from apps.patients.models import Patient
from apps.tapers.actions import hold_plan

SOURCE_CHECK_IN: Final = "check_in"
LINK_LIFETIME: Final = timedelta(hours=48)  # [proposal]


class LinkUsedError(ValueError):
    """The link has served for another check-in already."""


@transaction.atomic
def create_link(*, patient: Patient, by: User | None, now: datetime) -> str:
    """Return the token of a new link for one check-in; only its hash is stored."""
    token = CheckInLink.new_token()
    link = CheckInLink.objects.create(
        clinic_id=patient.clinic_id,
        patient=patient,
        token_hash=hash_token(token),
        created_at=now,
        created_by=by,
        expires_at=now + LINK_LIFETIME,
    )
    record(
        "check_in_link.created",
        by=by,
        now=now,
        clinic_id=patient.clinic_id,
        patient_id=patient.pk,
        obj=link,
    )
    return token


@transaction.atomic
def link_for(live: Reminder, now: datetime) -> str:
    """Return the token of the link that every mail of a due window carries.

    Worked out from the window's id and the installation's secret, so that a second
    attempt and the second mail need not know the first: the table holds only the hash.
    """
    token = salted_hmac("checkins.reminder", str(live.pk), algorithm="sha256").hexdigest()
    link, is_new = CheckInLink.objects.get_or_create(
        token_hash=hash_token(token),
        defaults={
            "clinic_id": live.clinic_id,
            "patient_id": live.patient_id,
            "created_at": now,
            "expires_at": max(live.closes_at, now + LINK_LIFETIME),
        },
    )
    if is_new:
        record(
            "check_in_link.created", by=None, now=now, clinic_id=live.clinic_id,
            patient_id=live.patient_id, obj=link,
        )  # fmt: skip
    return token


@transaction.atomic
def submit_by_link(
    *,
    link: CheckInLink,
    questionnaire: Questionnaire,
    answers: Mapping[str, object],
    submission_id: UUID,
    language: str,
    now: datetime,
) -> CheckIn:
    """Use the link up and store the check-in; both or neither.

    Sending the same submission again returns the first check-in. Raises
    `LinkUsedError` when the link has served for another one.
    """
    link = CheckInLink.objects.select_for_update().select_related("patient").get(pk=link.pk)
    if link.used_at is not None and link.submission_id != submission_id:
        raise LinkUsedError("This check-in was sent already.")
    check_in = submit_check_in(
        patient=link.patient,
        questionnaire=questionnaire,
        answers=answers,
        submission_id=submission_id,
        language=language,
        reported_at=now,
        now=now,
    )
    if link.used_at is None:
        link.used_at, link.submission_id = now, submission_id
        link.save(update_fields=["used_at", "submission_id"])
    return check_in


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
) -> CheckIn:
    """Store a check-in with its triage, and what triage asks for: a hold, an alert.

    Check-in, result, hold, alert, deliveries and audit rows are saved together or not
    at all. Calling again with the same `submission_id` returns the first check-in and
    opens nothing new.
    """
    # One check-in of a patient at a time: five taps arrive together.
    patient = (
        Patient.objects.select_for_update(of=("self",))
        .select_related("medication", "risk")
        .get(pk=patient.pk)
    )
    existing = CheckIn.objects.filter(submission_id=submission_id, patient=patient).first()
    if existing is not None:
        return existing
    known = assessment_of(patient, now)
    result = assess(answers, known.profile, known.context)
    check_in = CheckIn.objects.create(
        clinic_id=patient.clinic_id,
        patient=patient,
        submission_id=submission_id,
        questionnaire=questionnaire.kind,
        questionnaire_version=questionnaire.version,
        answers=as_json(answers),
        is_complete=not missing_mandatory(questionnaire, answers),
        language=language,
        reported_at=reported_at,
        received_at=now,
    )
    store_triage(check_in, result, now)
    act_on(check_in, result, patient, now)
    answer_window(check_in, now)
    return check_in


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
    return TriageResult.objects.create(check_in=check_in, **result.as_dict())


def act_on(check_in: CheckIn, result: Triage, patient: Patient, now: datetime) -> None:
    """Hold the plan and open an alert when the result asks for it."""
    rules = [fired.rule_id for fired in sorted(result.fired, key=lambda f: f.level, reverse=True)]
    if result.taper_action >= TaperAction.HOLD_NEXT:
        hold_plan(
            patient=patient,
            action=result.taper_action.value,
            rules=rules,
            source_type=SOURCE_CHECK_IN,
            source_id=check_in.pk,
            now=now,
        )
    if result.level > Level.NONE:
        open_alert(
            patient=patient,
            level=result.level.value,
            response_minutes=result.minutes or 0,
            rules=rules,
            source_type=SOURCE_CHECK_IN,
            source_id=check_in.pk,
            now=now,
        )


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
