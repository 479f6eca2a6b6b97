"""Which patients the entry page offers, with a note on each that is true today."""

from datetime import datetime
from typing import Final

from apps.patients.models import Clinic, Patient
from apps.tapers.today import plan_today
from config.demo.people import CLINICS

# Only people with an address nobody can have are entered by a click.
INVENTED: Final = ".example"
NOTES: Final = {
    (story.given, story.family): story.entry_note
    for clinic in CLINICS
    for story in clinic.patients
    if story.entry_note
}


def doors_of(clinic: Clinic, now: datetime) -> list[tuple[Patient, str]]:
    """Return the patients of a clinic to enter as, in the order of the stories."""
    invented = clinic.patients.filter(email__endswith=INVENTED)
    by_name = {(patient.given_name, patient.family_name): patient for patient in invented}
    return [
        (by_name[name], note_on(by_name[name], note, now))
        for name, note in NOTES.items()
        if name in by_name
    ]


def note_on(patient: Patient, note: str, now: datetime) -> str:
    """Return the note with the day after the last cut: "Speaks Spanish; day 4 after a cut"."""
    state = plan_today(patient, now)
    step = state.step if state else None
    if state is None or step is None or step.number == 1:
        return note
    return f"{note}; day {(state.day - step.start_on).days} after a cut"
