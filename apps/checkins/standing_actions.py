"""Writes of standing orders: kept, given to a patient, ended, and the tasks they call for."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.checkins.models import CareTask, StandingDuty, StandingOrder
from apps.checkins.task_team_actions import open_team_task
from apps.patients.models import Clinic, Patient, StaffMember
from apps.tapers.today import midnight, plan_today


class StandingOrderError(ValueError):
    """The order cannot be kept or given; the text is for the reader."""


@transaction.atomic
def add_order(
    *, clinic: Clinic, name: str, title: str, days: list[int], by: User, now: datetime
) -> StandingOrder:
    """Keep a template under a name of its own. The same one again changes nothing.

    Raises `StandingOrderError` when another order in force has this name.
    """
    clinic = Clinic.objects.select_for_update().get(pk=clinic.pk)
    found = StandingOrder.objects.filter(clinic=clinic, name=name, ended_at__isnull=True).first()
    if found is not None and (found.title, found.days) == (title, days):
        return found
    if found is not None:
        raise StandingOrderError("There is an order of this name. Choose another name, or end it.")
    order = StandingOrder.objects.create(
        clinic=clinic, name=name, title=title, days=days, created_at=now, created_by=by
    )
    record("standing_order.added", by=by, now=now, clinic_id=clinic.pk, obj=order)
    return order


@transaction.atomic
def end_order(*, order: StandingOrder, by: User, now: datetime) -> None:
    """End an order and every duty that came of it; its open tasks stay. Twice is once."""
    order = StandingOrder.objects.select_for_update().get(pk=order.pk)
    if order.ended_at is not None:
        return
    for duty in StandingDuty.objects.in_force().filter(order=order):
        end_duty(duty=duty, by=by, now=now)
    order.ended_at, order.ended_by = now, by
    order.save(update_fields=["ended_at", "ended_by"])
    record("standing_order.ended", by=by, now=now, clinic_id=order.clinic_id, obj=order)


@transaction.atomic
def start_duty(
    *, order: StandingOrder, patient: Patient, owner: StaffMember | None, by: User, now: datetime
) -> StandingDuty:
    """Put an order in force for a patient; with no owner the whole team does it.

    In force already, it goes to the new owner; the same again changes nothing.
    """
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    order = StandingOrder.objects.select_for_update().get(pk=order.pk)
    if order.ended_at is not None or order.clinic_id != patient.clinic_id:
        raise StandingOrderError("This order is not in force any more.")
    duty = StandingDuty.objects.in_force().filter(order=order, patient=patient).first()
    if duty is not None and duty.owner_id == (owner.pk if owner else None):
        return duty
    if duty is None:
        duty = StandingDuty(
            clinic_id=patient.clinic_id, order=order, patient=patient, started_at=now,
            started_by=by, next_look_at=now,
        )  # fmt: skip
    duty.owner = owner
    duty.save()
    record(
        "standing_duty.started", by=by, now=now, clinic_id=duty.clinic_id, patient_id=patient.pk,
        obj=duty,
    )  # fmt: skip
    return duty


@transaction.atomic
def end_duty(*, duty: StandingDuty, by: User, now: datetime) -> None:
    """End a duty; tasks that it called for stay. Ending it twice changes nothing."""
    duty = StandingDuty.objects.select_for_update().get(pk=duty.pk)
    if duty.ended_at is not None:
        return
    duty.ended_at, duty.ended_by = now, by
    duty.save(update_fields=["ended_at", "ended_by"])
    record(
        "standing_duty.ended", by=by, now=now, clinic_id=duty.clinic_id,
        patient_id=duty.patient_id, obj=duty,
    )  # fmt: skip


@transaction.atomic
def look_at_duty(duty_id: UUID, now: datetime) -> bool:
    """Make the tasks that the order calls for by today; answer whether there were any.

    A day that passed while nothing ran is made up for, as long as its step is in force. Who
    is paused, in hospital or without a plan is left in peace.
    """
    rows = StandingDuty.objects.select_for_update(of=("self",)).in_force()
    duty = rows.select_related("order", "patient__clinic", "owner__user").filter(pk=duty_id).first()
    if duty is None:
        return False
    patient = duty.patient
    today = now.astimezone(patient.tz).date()
    duty.next_look_at = midnight(today + timedelta(days=1), patient.tz)
    duty.save(update_fields=["next_look_at"])
    state = plan_today(patient, now) if patient.status == Patient.Status.ACTIVE else None
    if state is None or state.step is None:
        return False
    first = max(state.step.start_on, duty.started_at.astimezone(patient.tz).date())
    begun = state.step.start_on
    wanted = [
        f"{duty.pk}:{begun}:{day}"
        for day in duty.order.days
        if first <= begun + timedelta(days=day) <= today
    ]
    made = set(CareTask.objects.filter(order_key__in=wanted).values_list("order_key", flat=True))
    missing = [key for key in wanted if key not in made]
    for key in missing:
        open_team_task(
            patient=patient, kind=CareTask.Kind.FOLLOW_UP, by=None, now=now,
            title=duty.order.title, owner=owner_of(duty), order_key=key,
        )  # fmt: skip
    return bool(missing)


def owner_of(duty: StandingDuty) -> User | None:
    """Return who does it; of somebody who has left the clinic, the team."""
    owner = duty.owner
    return owner.user if owner and owner.is_active and owner.user.is_active else None
