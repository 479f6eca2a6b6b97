"""What the clock writes: a due step begins, or is locked and a prescriber is told."""

from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction

from apps.audit.actions import record
from apps.patients.moving import inside
from apps.tapers.models import NOT_UNLOCKED, SOURCE_CLOCK, PlanHold, TaperPlan
from apps.tapers.today import today_of


def settle_due(now: datetime) -> int:
    """Settle every plan with a due step; return how many changed.

    Each plan in a transaction of its own. Running it twice, or two of it at once,
    changes nothing more: what a step needs was decided at its own midnight.
    """
    settled = 0
    for key, clinic_id in list(TaperPlan.objects.due(now).values_list("pk", "clinic_id")):
        with inside(clinic_id):
            settled += settle_plan(plan_id=key, now=now)
    return settled


@transaction.atomic
def settle_plan(*, plan_id: UUID, now: datetime) -> bool:
    """Let the due steps of one plan begin, or hold it. Atomic and idempotent."""
    plan = (
        TaperPlan.objects.active()
        .select_for_update(of=("self",))
        .select_related("patient", "in_force")
        .filter(pk=plan_id)
        .first()
    )
    return plan is not None and settle_locked(plan, now)


def settle_locked(plan: TaperPlan, now: datetime) -> bool:
    """Do the same for a plan whose row the caller has locked; return whether it changed."""
    if plan.status != TaperPlan.Status.ACTIVE:
        return False
    state = today_of(plan, now)
    if state.step is None:
        return False
    is_begun = state.step.number > plan.begun_step
    if is_begun:
        plan.begun_step = state.step.number
        plan.save(update_fields=["begun_step"])
        write_down("plan.step_begun", plan, now, step=state.step.number)
    if not state.locked_because:
        return is_begun
    _, is_new = PlanHold.objects.get_or_create(
        plan=plan,
        source_type=SOURCE_CLOCK,
        source_id=uuid5(state.version.pk, str(state.step.number)),
        defaults={
            "action": NOT_UNLOCKED,
            "note": state.locked_because,
            "held_step": state.step.number,
            "opened_at": now,
        },
    )
    if is_new:
        write_down("plan.held", plan, now, action=NOT_UNLOCKED, held_step=state.step.number)
    return is_begun or is_new


def write_down(event: str, plan: TaperPlan, now: datetime, **details: object) -> None:
    """Append the audit row of what the clock did."""
    record(
        event, by=None, now=now, clinic_id=plan.clinic_id, patient_id=plan.patient_id, obj=plan,
        **details,
    )  # fmt: skip
