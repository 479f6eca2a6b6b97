"""One patient's check-ins, one after the other, each judged by the real rules.

A quiet check-in, most of them, waits in memory and is saved with many others in one
statement. One that asks for an act goes through `submit_check_in`, like a patient's own.
"""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.actions import as_json, submit_check_in
from apps.checkins.assessment import Row, context_from, profile_of, review_age
from apps.checkins.models import CheckIn, TriageResult
from apps.clinical.questionnaires import (
    LATEST,
    Questionnaire,
    clean_answers,
    get_questionnaire,
    missing_mandatory,
)
from apps.clinical.triage import Level, TaperAction, Triage, assess
from apps.patients.models import Patient
from apps.tapers.actions_clock import settle_plan
from apps.tapers.models import PlanHold, TaperPlan, TaperStep
from apps.tapers.today import step_in_force

ROWS_LOOKED_AT: Final = 30  # the last check-ins, the week before a step among them


class History:
    """A patient's past, growing by one check-in at a time, in the order of time."""

    def __init__(self, patient: Patient, rng: random.Random) -> None:
        """Begin an empty past."""
        self.patient = patient
        self.rng = rng
        self.plan: TaperPlan | None = None
        self.steps: list[TaperStep] = []
        self.holds: list[PlanHold] = []
        self.rows: list[Row] = []
        self.waiting: list[tuple[CheckIn, TriageResult]] = []
        self.count = 0
        self.review = (date.max, 1)

    def follow(self, plan: TaperPlan) -> None:
        """From now on the patient is on this plan."""
        self.plan, self.steps = plan, list(plan.version.steps.all())

    def step_on(self, day: date) -> TaperStep | None:
        """Return the step in force; a hold that is still open keeps it where it is."""
        if self.plan is None:
            return None
        return step_in_force(self.steps, self.holds, day)

    def read_plan(self) -> None:
        """Look again: an alert, its closing or the clock has changed holds and steps."""
        if self.plan is not None:
            self.plan.refresh_from_db()
            self.steps = list(self.plan.version.steps.all())
            self.holds = list(self.plan.holds.open())

    def let_time_pass(self, now: datetime) -> None:
        """Let the clock settle a step that begins on this day, as it does each minute."""
        day = now.astimezone(self.patient.tz).date()
        if self.plan is not None and any(step.start_on == day for step in self.steps):
            self.save()
            settle_plan(plan_id=self.plan.pk, now=now)
            self.read_plan()

    def take(
        self, kind: str, raw: Mapping[str, Any], step: TaperStep | None, at: datetime
    ) -> Alert | None:
        """Add one check-in sent `at`; return the alert it opened, if it opened one."""
        questionnaire = get_questionnaire(kind, LATEST[kind])
        cleaned = clean_answers(questionnaire, raw)
        if cleaned.errors or cleaned.unknown:
            raise ValueError(f"Nobody could have answered this: {cleaned.errors} {cleaned.unknown}")
        drug_id = self.patient.medication.drug_id
        profile = profile_of(self.patient, drug_id, at.astimezone(self.patient.tz).date())
        newest_first = self.rows[: -ROWS_LOOKED_AT - 1 : -1]
        context = context_from(self.patient, step, newest_first, at)
        if context.days_since_stop is None:
            day = at.astimezone(self.patient.tz).date()
            context = replace(context, **review_age(*self.review, day))
        result = assess(cleaned.answers, profile, context)
        answers = as_json(cleaned.answers)
        self.rows.append((at, result.dws, answers.get("s_sleep"), True))
        self.count += 1
        submission_id = UUID(int=self.rng.getrandbits(128), version=4)
        if result.level is Level.NONE and result.taper_action < TaperAction.HOLD_NEXT:
            self.wait(questionnaire, answers, result, submission_id, at)
            return None
        self.save()
        check_in = submit_check_in(
            patient=self.patient,
            questionnaire=questionnaire,
            answers=cleaned.answers,
            submission_id=submission_id,
            language=self.patient.language,
            reported_at=at,
            now=at,
        )
        return Alert.objects.filter(source_id=check_in.pk).first()

    def wait(
        self,
        questionnaire: Questionnaire,
        answers: dict[str, Any],
        result: Triage,
        submission_id: UUID,
        at: datetime,
    ) -> None:
        """Keep the rows that `submit_check_in` would store for a quiet check-in."""
        check_in = CheckIn(
            clinic_id=self.patient.clinic_id,
            patient=self.patient,
            submission_id=submission_id,
            questionnaire=questionnaire.kind,
            questionnaire_version=questionnaire.version,
            answers=answers,
            is_complete=not missing_mandatory(questionnaire, answers),
            language=self.patient.language,
            reported_at=at,
            received_at=at,
        )
        self.waiting.append((check_in, TriageResult(check_in=check_in, **result.as_dict())))

    def save(self) -> None:
        """Save what waits: check-ins, their triage and their audit rows."""
        check_ins = [check_in for check_in, _ in self.waiting]
        CheckIn.objects.bulk_create(check_ins)
        TriageResult.objects.bulk_create(triage for _, triage in self.waiting)
        AuditEvent.objects.bulk_create(submitted(*pair) for pair in self.waiting)
        self.waiting.clear()


def submitted(check_in: CheckIn, triage: TriageResult) -> AuditEvent:
    """Return the audit row of a check-in, in the shape `submit_check_in` records."""
    return AuditEvent(
        at=check_in.received_at,
        event="check_in.submitted",
        clinic_id=check_in.clinic_id,
        patient_id=check_in.patient_id,
        object_type="CheckIn",
        object_id=check_in.pk,
        details={"level": triage.level},
    )
