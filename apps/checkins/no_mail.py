"""Why no reminder goes out to a patient."""

from typing import Final

from apps.checkins.models import CheckInSchedule, Reminder
from apps.patients.models import Patient

NO_ADDRESS: Final = "no_address"
NOT_WANTED: Final = "not_wanted"
NOT_PROVED: Final = "not_proved"
REFUSED: Final = "refused"


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
    and nobody need be phoned. Also where the mail of the window that waits was refused for good,
    or could not be delivered in all its tries. One query more where mails may go out.
    """
    schedule = getattr(patient, "check_in_schedule", None)
    if patient.status != Patient.Status.ACTIVE or schedule is None:
        return ""
    refused = Reminder.objects.live().filter(patient=patient, state=Reminder.State.FAILED)
    return why_no_mail(patient, schedule) or (REFUSED if refused.exists() else "")
