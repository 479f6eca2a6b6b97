"""Writes about plans: one act, one transaction, one audit row."""

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.clinical.requests import parse_request, plan_to_json
from apps.clinical.taper import build_plan
from apps.patients.models import Patient, RiskProfile
from apps.tapers.models import PlanHold, PlanVersion, SlotPiece, TaperPlan, TaperStep, step_in_force

MINIMUM_AGE = 18


class ActivationError(ValueError):
    """Why a plan may not be activated; the text is for the prescriber."""


def preview_plan(request: dict[str, Any]) -> dict[str, Any]:
    """Return the schedule the engine gives for `request`, as the command line prints it.

    Raises `apps.clinical.errors.ClinicalError` with one sentence when the request is
    wrong. Stores nothing.
    """
    answer: dict[str, Any] = plan_to_json(build_plan(parse_request(request)))
    return answer


@transaction.atomic
def create_plan(
    *, patient: Patient, request: dict[str, Any], reason: str, by: User, now: datetime
) -> TaperPlan:
    """Store a draft plan with its first version, its steps and their tablets."""
    schedule = preview_plan(request)
    plan = TaperPlan.objects.create(
        clinic_id=patient.clinic_id, patient=patient, created_at=now, created_by=by
    )
    version = PlanVersion.objects.create(
        plan=plan,
        number=1,
        drug_id=request["drug"],
        request=request,
        findings=schedule["findings"],
        content_hash=content_hash(schedule),
        reason=reason,
        created_at=now,
        created_by=by,
    )
    store_steps(version, schedule["steps"])
    record(
        "plan.created",
        by=by,
        now=now,
        clinic_id=plan.clinic_id,
        patient_id=patient.pk,
        obj=plan,
        content_hash=version.content_hash,
    )
    return plan


def store_steps(version: PlanVersion, steps: list[dict[str, Any]]) -> None:
    """Save the engine's steps as rows; PostgreSQL checks each tablet count again."""
    rows = TaperStep.objects.bulk_create(
        TaperStep(
            version=version,
            number=step["number"],
            start_on=date.fromisoformat(step["start_on"]),
            end_on=date.fromisoformat(step["end_on"]) if step["end_on"] else None,
            daily_mg=Decimal(step["daily_mg"]),
            cut_pct=Decimal(step["cut_pct"]),
            fall_14d_pct=Decimal(step["fall_14d_pct"]),
            verdict=step["verdict"],
        )
        for step in steps
    )
    pieces = []
    for row, step in zip(rows, steps, strict=True):
        for slot, parts in step["slots"].items():
            for part in parts:
                pieces.append(
                    SlotPiece(
                        step=row,
                        position=len(pieces),
                        slot=slot,
                        product=part["product"],
                        strength_mg=Decimal(part["strength_mg"]),
                        quantity=Decimal(part["quantity"]),
                        mg=Decimal(part["mg"]),
                    )
                )
    SlotPiece.objects.bulk_create(pieces)


def content_hash(schedule: dict[str, Any]) -> str:
    """Return the SHA-256 of what the plan says, whatever the order of its keys."""
    text = json.dumps(schedule, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_can_activate(
    plan: TaperPlan, version: PlanVersion, care_level_note: str, day: date
) -> None:
    """Raise `ActivationError` with what stands in the way, if anything does.

    Sources: guideline.md invariants 3 and 6 (pace; named specialist for epilepsy,
    pregnancy, under 18 and street supply) and triage.md section 4 (a high tier needs a
    documented level of care).
    """
    risk: RiskProfile = plan.patient.risk
    if plan.status != TaperPlan.Status.DRAFT:
        raise ActivationError(f"This plan is {plan.get_status_display().lower()} already.")
    if TaperPlan.objects.active().filter(patient_id=plan.patient_id).exists():
        raise ActivationError("This patient has an active plan. End it before you start another.")
    if version.blocking:
        raise ActivationError(
            "This plan falls faster than the guideline allows: " + version.blocking[0]["message"]
        )
    specialist = {
        "the drug is taken for epilepsy or there were seizures": risk.epilepsy,
        "the patient is pregnant": risk.pregnancy_known,
        "the supply is from the street": risk.street_supply,
        "the patient is under 18": plan.patient.age_on(day) < MINIMUM_AGE,
    }
    for why, applies in specialist.items():
        if applies:
            raise ActivationError(f"A named specialist must sign this plan first, because {why}.")
    if risk.tier == RiskProfile.Tier.HIGH and not care_level_note.strip():
        raise ActivationError(
            "This patient's seizure risk is high. "
            "Write why outpatient care is right before you start."
        )


@transaction.atomic
def activate_plan(*, plan: TaperPlan, care_level_note: str, by: User, now: datetime) -> TaperPlan:
    """Put a draft in force. Raises `ActivationError` with the reason it may not be.

    A plan that `by` has activated already is returned as it is.
    """
    Patient.objects.select_for_update().get(pk=plan.patient_id)
    plan = TaperPlan.objects.select_related("patient__risk").get(pk=plan.pk)
    if plan.status == TaperPlan.Status.ACTIVE and plan.activated_by_id == by.pk:
        return plan
    version = plan.version
    check_can_activate(plan, version, care_level_note, now.astimezone(plan.patient.tz).date())
    plan.status, plan.activated_at, plan.activated_by = TaperPlan.Status.ACTIVE, now, by
    plan.care_level_note = care_level_note
    plan.save(update_fields=["status", "activated_at", "activated_by", "care_level_note"])
    record(
        "plan.activated",
        by=by,
        now=now,
        clinic_id=plan.clinic_id,
        patient_id=plan.patient_id,
        obj=plan,
        content_hash=version.content_hash,
    )
    return plan


@transaction.atomic
def hold_plan(
    *,
    patient: Patient,
    action: str,
    rules: list[str],
    source_type: str,
    source_id: UUID,
    now: datetime,
) -> PlanHold | None:
    """Lock the next reduction of the patient's active plan, if there is one.

    Today's dose stays. Calling again for the same source changes nothing. Returns the
    hold, or None when no plan is active.
    """
    plan = TaperPlan.objects.active().select_for_update().filter(patient=patient).first()
    if plan is None:
        return None
    existing = plan.holds.filter(source_type=source_type, source_id=source_id).first()
    if existing is not None:
        return existing
    today = now.astimezone(patient.tz).date()
    steps = list(plan.version.steps.all())
    current = step_in_force(steps, list(plan.holds.open()), today)
    hold = PlanHold.objects.create(
        plan=plan,
        source_type=source_type,
        source_id=source_id,
        action=action,
        rules=rules,
        held_step=current.number if current else 1,
        opened_at=now,
    )
    record(
        "plan.held",
        by=None,
        now=now,
        clinic_id=plan.clinic_id,
        patient_id=patient.pk,
        obj=plan,
        action=action,
        held_step=hold.held_step,
    )
    return hold
