"""Writes about plans: a draft, and the hold that triage asks for.

Signing is in actions_signing.py, decisions on a live plan in actions_changes.py, what
the clock does in actions_clock.py.
"""

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.clinical.breaches import breaches
from apps.clinical.plan import Plan
from apps.clinical.requests import parse_request, plan_to_json
from apps.clinical.taper import build_plan
from apps.database.statements import Insert, Read
from apps.patients.models import Patient
from apps.tapers.earlier import with_doses_before
from apps.tapers.engine import course_of
from apps.tapers.models import PlanHold, PlanVersion, SlotPiece, TaperPlan, TaperStep
from apps.tapers.stopping import check_no_abrupt_stop
from apps.tapers.today import today_of

LOCKED_PLAN = Read[TaperPlan](
    lambda patient_id: (
        TaperPlan.objects.active()
        .select_for_update(of=("self",))
        .select_related("in_force")
        .filter(patient_id=patient_id)
    ),
    patient_id=UUID,
)
HOLD_OF_SOURCE = Read[PlanHold](
    lambda plan_id, source_type, source_id: PlanHold.objects.filter(
        plan_id=plan_id, source_type=source_type, source_id=source_id
    ),
    plan_id=UUID, source_type=str, source_id=UUID,
)  # fmt: skip
INSERT_HOLD = Insert(PlanHold)


class NotSeenError(ValueError):
    """What would be saved is not what the person saw; the text says what to do."""

    def __init__(self, seen: str) -> None:
        """Tell a plan nobody has looked at from one that is another by now."""
        super().__init__(
            "These are not the steps you saw: what was typed, the intake, the formulary, a hold or "
            "the day has changed since. Look again, then save."
            if seen
            else "Here are the steps. Look at them, then save: nothing is saved unseen."
        )


def preview_plan(patient: Patient, request: dict[str, Any], day: date) -> dict[str, Any]:
    """Return the schedule the engine gives for `request`, as the command line prints it.

    Raises `apps.clinical.errors.ClinicalError` with the reason when the request is wrong,
    or would stop the medicine at once. Stores nothing.
    """
    schedule = build_plan(parse_request(with_doses_before(patient, request, day)))
    check_no_abrupt_stop(patient, schedule.steps, day)
    answer: dict[str, Any] = plan_to_json(schedule)
    return answer


@transaction.atomic
def create_plan(
    *, patient: Patient, request: dict[str, Any], reason: str, by: User, now: datetime,
    seen: str | None = None,
) -> TaperPlan:  # fmt: skip
    """Store a draft plan with its first version, its steps and their tablets.

    `seen` is the hash of the steps a person looked at; None where no page was shown.
    Raises `ClinicalError` for a wrong request, `AbruptStopError` for a plan that stops
    the medicine at once, and `NotSeenError` for steps other than those seen.
    """
    day = now.astimezone(patient.tz).date()
    request = with_doses_before(patient, request, day)
    schedule = build_plan(parse_request(request))
    check_no_abrupt_stop(patient, schedule.steps, day)
    check_seen(schedule, seen)
    plan = TaperPlan.objects.create(
        clinic_id=patient.clinic_id, patient=patient, created_at=now, created_by=by
    )
    version = store_version(
        plan, schedule, request=request, reason=reason, needs_second=bool(breaches(schedule.steps)),
        by=by, now=now,
    )  # fmt: skip
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


def store_version(
    plan: TaperPlan, schedule: Plan, *, request: dict[str, Any], reason: str,
    needs_second: bool, by: User, now: datetime, kind: str = PlanVersion.Kind.START,
    change: dict[str, Any] | None = None, number: int = 1,
) -> PlanVersion:  # fmt: skip
    """Save a version with its steps; part of the caller's transaction and audit row."""
    content = plan_to_json(schedule)
    version = PlanVersion.objects.create(
        plan=plan,
        number=number,
        drug_id=request["drug"],
        request=request,
        findings=content["findings"],
        content_hash=content_hash(content),
        kind=kind,
        change=change or {},
        course=course_of(schedule),
        needs_second=needs_second,
        reason=reason,
        created_at=now,
        created_by=by,
    )
    store_steps(version, content["steps"])
    return version


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
    pieces: list[SlotPiece] = []
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


def check_seen(schedule: Plan, seen: str | None) -> None:
    """Raise `NotSeenError` unless the steps are those that a person saw."""
    if seen is not None and steps_hash(plan_to_json(schedule)) != seen:
        raise NotSeenError(seen)


def steps_hash(schedule: dict[str, Any]) -> str:
    """Return what stands for the days and tablets of a plan, whatever is said of them."""
    return content_hash({"steps": schedule["steps"]})


def content_hash(schedule: dict[str, Any]) -> str:
    """Return the SHA-256 of what the plan says, whatever the order of its keys."""
    text = json.dumps(schedule, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic(savepoint=False)
def hold_plan(
    *,
    patient: Patient,
    action: str,
    rules: list[str],
    source_type: str,
    source_id: UUID,
    by: User | None,
    now: datetime,
    note: str = "",
) -> PlanHold | None:
    """Lock the next reduction of the patient's active plan, if there is one.

    `by` is who decided, None for triage and the clock; `note` says why where no rule does.
    Today's dose stays. Calling again for the same source changes nothing. Returns the hold,
    or None when no plan is active.
    """
    plan = LOCKED_PLAN.first(patient_id=patient.pk)
    if plan is None:
        return None
    plan.patient = patient
    existing = HOLD_OF_SOURCE.first(plan_id=plan.pk, source_type=source_type, source_id=source_id)
    if existing is not None:
        return existing
    hold = PlanHold(
        plan=plan,
        source_type=source_type,
        source_id=source_id,
        action=action,
        rules=rules,
        note=note,
        held_step=today_of(plan, now).step_to_hold,
        opened_at=now,
    )
    return store_hold(hold, by)


def store_hold(hold: PlanHold, by: User | None) -> PlanHold:
    """Store a new hold of a locked plan with its audit row; part of the caller's transaction."""
    plan = hold.plan
    INSERT_HOLD.run_later(hold)
    record(
        "plan.held", by=by, now=hold.opened_at, clinic_id=plan.clinic_id,
        patient_id=plan.patient_id, obj=plan, action=hold.action, held_step=hold.held_step,
    )  # fmt: skip
    return hold
