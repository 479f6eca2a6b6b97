"""The one write of use that began again: a fact and a plan, never a fault."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.task_actions import overtake_tasks
from apps.clinical.dependence import RARE_DAYS_PER_WEEK
from apps.detox.models import Restart
from apps.detox.referral_actions import locked
from apps.patients.errors import FieldError
from apps.patients.models import Patient

PLAN_WITHIN: Final = timedelta(hours=72)  # as after a discharge (INP-09) [proposal]
PLAN_AGREED: Final = "Make the new plan to taper that was agreed"
NOT_STOPPED: Final = (
    "This patient takes a dose on record. Change the plan, or make a new one: nothing is stopped "
    "at once here (ASAM-03)."
)
NOT_AT_ONCE: Final = (
    "Taken on four days a week or more: the body may be used to it again, so it is not stopped at "
    "once (ASAM-03, ASAM-04). Agree on a new plan to taper, on a dose for now, or on a specialist."
)


class RestartError(FieldError):
    """What cannot be; the text is for the reader."""


@transaction.atomic
def record_restart(
    *, patient: Patient, seen_how: str, taken: str, days_per_week: int, agreed: str, plan: str,
    last_dose_on: date | None, by: User, now: datetime,
) -> Restart:  # fmt: skip
    """Keep that use began again with the plan that was agreed; the year begins anew.

    Who takes none any more counts from that day; who goes on has no last dose until a plan
    ends at nothing, and a task asks for the plan that was agreed. Restart, day, tasks and audit
    row are saved together or not at all; the same by the same person twice is once.

    Raises `RestartError` for a day to come or before the last dose on record, for somebody who
    takes a dose on record, and for a stop at once of what is taken on four days a week or more:
    three or fewer are rare dependence at any dose and duration (ASAM-04).
    """
    patient = locked(patient.pk)
    content: dict[str, Any] = {
        "seen_how": seen_how, "taken": taken, "days_per_week": days_per_week, "agreed": agreed,
        "plan": plan, "last_dose_on": last_dose_on,
    }  # fmt: skip
    same = patient.restarts.filter(recorded_by=by, **content).first()
    if same is not None:
        return same
    check_restart(patient, agreed, days_per_week, last_dose_on, now)
    row = Restart.objects.create(
        clinic_id=patient.clinic_id, patient=patient, recorded_at=now, recorded_by=by, **content
    )
    patient.last_dose_on = last_dose_on
    patient.save(update_fields=["last_dose_on"])
    overtake_tasks(patient_id=patient.pk, kind=CareTask.Kind.AFTERCARE, by=by, now=now)
    if agreed == Restart.Next.NEW_TAPER:
        open_clock_task(
            patient, CareTask.Kind.AFTERCARE, row.pk, now + PLAN_WITHIN, now, title=PLAN_AGREED
        )
    record(
        "restart.recorded", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=row, agreed=str(agreed),
    )  # fmt: skip
    return row


def check_restart(
    patient: Patient, agreed: str, days_per_week: int, last_dose_on: date | None, now: datetime
) -> None:
    """Raise `RestartError` for what cannot be, or would stop a dose at once."""
    if patient.last_dose_on is None:
        raise RestartError(NOT_STOPPED)
    if agreed == Restart.Next.STOP_AGAIN and days_per_week > RARE_DAYS_PER_WEEK:
        raise RestartError(NOT_AT_ONCE, "agreed")
    if last_dose_on is None:
        return
    if last_dose_on > now.astimezone(patient.tz).date():
        raise RestartError("This day has not come yet.", "last_dose_on")
    if last_dose_on < patient.last_dose_on:
        raise RestartError("This is before the last dose on record.", "last_dose_on")
