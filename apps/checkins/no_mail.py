"""Why no reminder goes out to a patient. Pure."""

from typing import Final

from apps.checkins.models import CheckInSchedule
from apps.patients.models import Patient

NO_ADDRESS: Final = "no_address"
NOT_WANTED: Final = "not_wanted"
NOT_PROVED: Final = "not_proved"


def why_no_mail(patient: Patient, schedule: CheckInSchedule | None = None) -> str:
    """Return why reminders may not go out, empty where they may.

    Only the patient's own word by a mail to the address on record proves it (ADR 88). Who has no
    schedule yet has turned nothing off. Without `schedule` the patient's own is read; a view
    selects it along.
    """
    schedule = schedule or getattr(patient, "check_in_schedule", None)
    if not patient.email:
        return NO_ADDRESS
    if schedule is not None and not schedule.wants_mail:
        return NOT_WANTED
    return "" if patient.email_proved == patient.email else NOT_PROVED


def no_mail_to_mend(patient: Patient) -> str:
    """Return why a patient whose check-ins the clinic waits for gets no reminders, else empty.

    For the note that asks staff to do something about it. Nobody waits for who is not active
    (paused, in hospital, ended, deceased) or has no schedule yet: no silence of theirs is judged,
    and nobody need be phoned.
    """
    schedule = getattr(patient, "check_in_schedule", None)
    if patient.status != Patient.Status.ACTIVE or schedule is None:
        return ""
    return why_no_mail(patient, schedule)
