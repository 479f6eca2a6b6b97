"""The one write of a level of care: answers, what they suggest, what was decided."""

from datetime import datetime, timedelta
from typing import Final
from uuid import uuid5

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.act_actions import ONE_TAP
from apps.audit.actions import record
from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.task_actions import overtake_tasks
from apps.clinical.detox import DAILY_CHECK_IN_DAYS
from apps.clinical.level_of_care import Care, CareLevel, level_of_care, needs_sign_off
from apps.detox.guards import severe_sign_after
from apps.detox.models import CareAssessment
from apps.detox.referral_actions import DECIDE_WITHIN, locked
from apps.patients.models import Patient
from apps.tapers.actions import hold_plan
from apps.tapers.models import TaperPlan

SOURCE_LEVEL: Final = "care_level"
HELD_BECAUSE: Final = "The level of care is inpatient."


class SignOffError(ValueError):
    """The decision differs from the suggestion and nobody said why; the text is for the reader."""

    def __init__(self, suggested: CareLevel) -> None:
        self.suggested = suggested
        level = CareAssessment.Level(suggested.level).label.lower()
        super().__init__(
            f"The answers suggest {level}. Write why you decide otherwise: it is kept with your "
            "name."
        )


def suggestion(
    patient: Patient, *, harm: bool, unmanageable: bool, severe_withdrawal: bool
) -> CareLevel:
    """Return what the answers suggest for this patient now, with the reasons."""
    answers = {"ASAM-07a": harm, "ASAM-07b": unmanageable, "ASAM-07c": severe_withdrawal}
    sign = severe_sign_after(patient.care_assessments.first(), patient)
    return level_of_care(answers, patient.risk.tier, severe_sign=sign is not None)


def is_repeated(last: CareAssessment, content: dict[str, object], by: User, now: datetime) -> bool:
    """Answer whether the same person has said the same within this minute: a second tap."""
    if last.assessed_by_id != by.pk or now - last.assessed_at >= ONE_TAP:
        return False
    return all(getattr(last, name) == value for name, value in content.items())


@transaction.atomic
def assess_care(
    *, patient: Patient, harm: bool, unmanageable: bool, severe_withdrawal: bool,
    decided: str, sign_off: str, by: User, now: datetime,
) -> CareAssessment:  # fmt: skip
    """Store the three answers with what they suggest and what was decided, and act on it.

    Inpatient holds the next cut of a running plan and, while no unit is asked, opens the task to
    find one; daily contact asks a patient on a plan each day. Today's dose stays. Assessment,
    hold, tasks and audit row are saved together or not at all; the same answers by the same
    person within the same minute are the first ones. Raises `SignOffError` for another decision
    than the suggested without a reason.
    """
    patient = locked(patient.pk)
    answers = {"harm": harm, "unmanageable": unmanageable, "severe_withdrawal": severe_withdrawal}
    last = patient.care_assessments.first()
    content = {**answers, "decided": decided, "sign_off": sign_off.strip()}
    if last and is_repeated(last, content, by, now):
        return last
    found = suggestion(patient, **answers)
    if needs_sign_off(found.level, Care(decided)) and not sign_off.strip():
        raise SignOffError(found)
    row = CareAssessment.objects.create(
        clinic_id=patient.clinic_id, patient=patient, tier=patient.risk.tier,
        severe_sign=found.severe_sign, suggested=found.level.value,
        because=list(found.because), assessed_at=now, assessed_by=by, **content,
    )  # fmt: skip
    overtake_tasks(patient_id=patient.pk, kind=CareTask.Kind.CARE_LEVEL, by=by, now=now)
    act_on(patient, row, by, now)
    record(
        "care_level.decided", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=row, suggested=row.suggested, decided=str(decided),
    )  # fmt: skip
    return row


def act_on(patient: Patient, row: CareAssessment, by: User, now: datetime) -> None:
    """Do what a decision calls for on a running plan; part of the caller's act.

    A hold of before stays until a prescriber goes on: answering a question lifts nothing.
    """
    if row.decided == CareAssessment.Level.INPATIENT:
        hold_plan(
            patient=patient, action="hold_next", rules=[], source_type=SOURCE_LEVEL,
            source_id=row.pk, by=by, now=now, note=HELD_BECAUSE,
        )  # fmt: skip
        is_home = patient.status == Patient.Status.ACTIVE
        if is_home and not patient.referrals.live().exists():
            due = now + DECIDE_WITHIN
            open_clock_task(patient, CareTask.Kind.NO_UNIT, uuid5(row.pk, "unit"), due, now)
        return
    overtake_tasks(patient_id=patient.pk, kind=CareTask.Kind.NO_UNIT, by=by, now=now)
    is_running = TaperPlan.objects.active().filter(patient=patient).exists()
    if row.decided == CareAssessment.Level.DAILY and is_running:
        until = now.astimezone(patient.tz).date() + timedelta(days=DAILY_CHECK_IN_DAYS)
        patient.daily_until = max(until, patient.daily_until or until)
        patient.save(update_fields=["daily_until"])
