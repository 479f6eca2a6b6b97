"""Tasks that clocks open, not patients: one at a time, for patients who are followed."""

from datetime import datetime, time
from typing import Final
from uuid import UUID, uuid5

from apps.alerts.rota import on_call_now
from apps.checkins.models import CareTask
from apps.checkins.task_actions import AT_LEAST, write_down
from apps.patients.models import Patient

END_OF_DAY: Final = time(17, 0)  # [proposal] of the clinic's clock, on the day a task is due


def lock_followed(patient_id: UUID) -> Patient | None:
    """Return the patient, locked, if the clinic follows them."""
    rows = Patient.objects.select_for_update(no_key=True, of=("self",)).select_related("clinic")
    return rows.filter(pk=patient_id, status=Patient.Status.ACTIVE).first()


def open_clock_task(
    patient: Patient, kind: str, source_id: UUID, due: datetime, now: datetime, title: str = ""
) -> bool:
    """Store a clock's task, owned by who is on call, unless one is open or this one was.

    Open is one of the same kind and the same words.

    A task that was overtaken while the patient was away is opened anew: the same clock
    calls again.
    """
    tasks = CareTask.objects.filter(patient=patient, kind=kind)
    if tasks.filter(done_at__isnull=True, title=title).exists():
        return False
    again = tasks.filter(source_id=source_id).first()
    if again is not None and again.outcome != CareTask.Outcome.OVERTAKEN:
        return False
    on_call = on_call_now(patient.clinic_id, now)
    if again is not None:
        source_id = uuid5(source_id, now.isoformat())
    task = CareTask.objects.create(
        clinic_id=patient.clinic_id, patient=patient, kind=kind, source_id=source_id,
        title=title, owner=on_call[0].member.user if on_call else None, created_at=now,
        due_at=max(due, now + AT_LEAST),
    )  # fmt: skip
    write_down("task.opened", task, None, now)
    return True
