"""Locks the next cut of a live plan for what a named specialist has not looked at.

A plan is signed for the patient as they were. What the intake says since then (epilepsy,
pregnancy, under 18, street supply: guideline.md invariant 6) may not meet the next cut
unseen; the dose of today stays, and a prescriber decides.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from apps.accounts.models import User
from apps.patients.models import IntakeEntry, Patient
from apps.tapers.actions import store_hold
from apps.tapers.approvals import not_signed_off
from apps.tapers.models import PlanHold, TaperPlan
from apps.tapers.today import Today, today_of

SOURCE_INTAKE: Final = "intake"
NOT_SIGNED_OFF: Final = "not_signed_off"


def hold_after_intake(patient: Patient, entry: IntakeEntry, by: User | None, now: datetime) -> None:
    """Lock the next cut when the intake calls for a specialist; part of the save."""
    plan = (
        TaperPlan.objects.active()
        .select_for_update(of=("self",))
        .select_related("in_force")
        .filter(patient=patient)
        .first()
    )
    if plan is not None:
        plan.patient = patient
        hold_unsigned(plan, entry.pk, by, now)


def hold_unsigned(
    plan: TaperPlan, source_id: UUID, by: User | None, now: datetime
) -> PlanHold | None:
    """Lock the next cut of a locked plan while a specialist's word is missing, if one is ahead.

    Never a dose that stays or rises: what goes before the cut still comes. Returns the
    new hold, None when none is called for and when an open one says the same already.
    """
    state = today_of(plan, now, pieces=True)
    missing, held_step = not_signed_off(plan, state.day), step_before_cut(state)
    if not missing or held_step is None:
        return None
    note = f"No named specialist has signed off yet: {'; '.join(missing)}."
    if plan.holds.open().filter(source_type=SOURCE_INTAKE, note=note).exists():
        return None
    hold = PlanHold(
        plan=plan, source_type=SOURCE_INTAKE, source_id=source_id, action=NOT_SIGNED_OFF,
        note=note, held_step=held_step, opened_at=now,
    )  # fmt: skip
    return store_hold(hold, by)


def step_before_cut(state: Today) -> int | None:
    """Return the number of the last step before the next cut, None when no cut is ahead."""
    current = state.step or state.steps[0]
    for following in state.steps:
        if following.number <= current.number:
            continue
        if following.is_cut_after(current):
            return current.number
        current = following
    return None
