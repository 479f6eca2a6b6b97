"""The days on which a check-in was due, as the reminders' clock would have left them."""

from datetime import datetime, timedelta

from apps.checkins.models import CheckIn, Reminder
from apps.checkins.models.task import USUAL_TIME
from apps.patients.models import Clinic, Patient


def store_windows(clinic: Clinic) -> None:
    """Keep a window for each day from a patient's first check-in to the day before the last."""
    rows: list[Reminder] = []
    for patient in Patient.objects.filter(clinic=clinic).select_related("clinic"):
        rows += windows_of(patient)
    Reminder.objects.bulk_create(rows)


def windows_of(patient: Patient) -> list[Reminder]:
    """Return a patient's windows: answered by the check-in of that day, or missed."""
    by_day = {
        row.received_at.astimezone(patient.tz).date(): row
        for row in CheckIn.objects.stopping_the_clock().filter(patient=patient)
    }
    if not by_day:
        return []
    first, last = min(by_day), max(by_day)
    found = []
    for n in range((last - first).days):
        day = first + timedelta(days=n)
        due = datetime.combine(day, USUAL_TIME, tzinfo=patient.tz)
        check_in = by_day.get(day)
        found.append(
            Reminder(
                clinic_id=patient.clinic_id, patient=patient, kind=Reminder.Kind.DAILY,
                interval_days=1, created_at=due - timedelta(days=1), due_at=due,
                closes_at=due + timedelta(days=1), replan_at=due, check_in=check_in,
                state=Reminder.State.ANSWERED if check_in else Reminder.State.MISSED,
                ended_at=check_in.received_at if check_in else due + timedelta(days=1),
            )
        )  # fmt: skip
    return found
