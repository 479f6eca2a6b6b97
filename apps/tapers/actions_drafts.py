"""Writes about a plan nobody has signed yet: it is made again, or put away."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.clinical.breaches import breaches
from apps.clinical.requests import parse_request
from apps.clinical.taper import build_plan
from apps.tapers.actions import check_seen, store_version
from apps.tapers.actions_changes import ConflictError
from apps.tapers.actions_signing import locked
from apps.tapers.earlier import with_doses_before
from apps.tapers.models import PlanVersion, TaperPlan
from apps.tapers.signable import ActivationError
from apps.tapers.stopping import check_no_abrupt_stop


def check_can_edit(plan: TaperPlan) -> None:
    """Raise `ActivationError` unless the plan is a draft without a signature."""
    if plan.status != TaperPlan.Status.DRAFT:
        raise ActivationError(f"This plan is {plan.get_status_display().lower()}, no draft.")
    signature = plan.latest.signatures.select_related("signer").first()
    if signature is not None:
        raise ActivationError(
            f"{signature.signer} has signed this draft. Put it away and make a new one instead."
        )


def can_edit(plan: TaperPlan) -> bool:
    """Answer whether the plan is a draft that may still be changed."""
    try:
        check_can_edit(plan)
    except ActivationError:
        return False
    return True


@transaction.atomic
def edit_draft(
    *, plan: TaperPlan, request: dict[str, Any], reason: str, seen: str, based_on: int,
    by: User, now: datetime,
) -> PlanVersion:  # fmt: skip
    """Save a draft made again as its next version; the earlier one stays readable.

    Version, steps and audit row together or not at all; the same twice is one version.
    Raises `ConflictError` when somebody else saved since version `based_on`,
    `NotSeenError` for steps other than those seen, `ActivationError` for a plan that is
    signed, and ClinicalError for a wrong request.
    """
    plan = locked(plan)
    check_can_edit(plan)
    latest, day = plan.latest, now.astimezone(plan.patient.tz).date()
    request = with_doses_before(plan.patient, request, day)
    is_same = (latest.request, latest.reason, latest.created_by_id) == (request, reason, by.pk)
    if latest.number == based_on + 1 and is_same:
        return latest
    if latest.number != based_on:
        raise ConflictError(based_on, latest)
    schedule = build_plan(parse_request(request))
    check_no_abrupt_stop(plan.patient, schedule.steps, day)
    check_seen(schedule, seen)
    version = store_version(
        plan, schedule, request=request, reason=reason, needs_second=bool(breaches(schedule.steps)),
        by=by, now=now, number=latest.number + 1,
    )  # fmt: skip
    record(
        "plan.draft_changed", by=by, now=now, clinic_id=plan.clinic_id, patient_id=plan.patient_id,
        obj=plan, version=version.number, content_hash=version.content_hash,
    )  # fmt: skip
    return version


@transaction.atomic
def discard_draft(*, plan: TaperPlan, reason: str, by: User, now: datetime) -> TaperPlan:
    """Put a draft away, signed once or not, with the reason; it can never come in force.

    It stays on record, as everything does that somebody may have read. All or nothing;
    twice is once. Raises `ActivationError` for a plan that is no draft.
    """
    plan = locked(plan)
    if plan.status == TaperPlan.Status.DISCARDED:
        return plan
    if plan.status != TaperPlan.Status.DRAFT:
        raise ActivationError(f"This plan is {plan.get_status_display().lower()}, no draft.")
    plan.status = TaperPlan.Status.DISCARDED
    plan.left_at, plan.left_by, plan.left_reason = now, by, reason
    plan.save(update_fields=["status", "left_at", "left_by", "left_reason"])
    record(
        "plan.draft_discarded", by=by, now=now, clinic_id=plan.clinic_id,
        patient_id=plan.patient_id, obj=plan,
    )  # fmt: skip
    return plan
