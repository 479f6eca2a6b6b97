"""The write by which a patient's plans are left: what is taken is another thing than they say."""

from datetime import datetime

from apps.accounts.models import User
from apps.audit.actions import record
from apps.patients.models import Patient
from apps.tapers.actions_signing import release_holds
from apps.tapers.models import TaperPlan

Status = TaperPlan.Status
EVENTS = {Status.INPATIENT: "plan.moved_to_inpatient", Status.ENDED: "plan.ended"}


def leave_plans(
    *, patient: Patient, is_over: bool, reason: str, by: User, now: datetime,
    because: str = "discharge",
) -> list[TaperPlan]:  # fmt: skip
    """Leave the plan in force, whose dose nobody takes any more; return what was left.

    Part of the caller's transaction, with the patient locked; again is once. With `is_over`
    nothing is taken, and a plan left for a hospital before ends, too. Who called has settled
    that this is no stop at once (ASAM-03); `because` is what the audit row says.
    """
    found = {Status.ACTIVE, Status.INPATIENT} if is_over else {Status.ACTIVE}
    status = Status.ENDED if is_over else Status.INPATIENT
    rows = TaperPlan.objects.select_for_update(of=("self",)).filter(
        patient=patient, status__in=found
    )
    plans = list(rows)
    for plan in plans:
        plan.status = status
        if plan.left_at is None:
            plan.left_at, plan.left_by, plan.left_reason = now, by, reason
        plan.save(update_fields=["status", "left_at", "left_by", "left_reason"])
        release_holds(plan, reason, by, now)
        record(
            EVENTS[status], by=by, now=now, clinic_id=plan.clinic_id, patient_id=patient.pk,
            obj=plan, reason=because,
        )  # fmt: skip
    return plans
