"""How often the intake ever told that a drug is taken: a lower word alone forgets none of it.

It reads the history in the words in which it is kept (ADR 76).
"""

from typing import Final

from apps.patients.intake_words import REGULARLY, days_in_words, drug_words, is_further
from apps.patients.models import IntakeEntry, Patient, Section
from apps.patients.models.medicine import SlotDoses
from apps.patients.permissions import RIGHTS, Right

# Who may document a stop may also correct of how many days a week the intake told.
MAY_CORRECT: Final = [role for role, rights in RIGHTS.items() if Right.PLAN_TAPERS in rights]
TOLD_BEFORE: Final = (
    "The intake told of {} days of a week before. Fewer count once a prescriber has corrected "
    "the days on the intake."
)
Days = dict[str, int]


def most_days_told(patient: Patient) -> Days:
    """Return the most days a week that the intake told of each drug before what it says now.

    By `drug_words`, and under `REGULARLY` of the drug to be tapered, whichever it was. They
    count without end [proposal], until somebody who may document a stop has changed the days:
    that corrects all that was told before, in the clinic that a record came from, too. Empty for
    an intake that was never changed.
    """
    rows = patient.intake_entries.filter(section=Section.MEDICINE).order_by("-number")
    entries = [(entry.saved_by_id, *days_told(entry)) for entry in rows]
    elsewhere: Days = patient.days_told_elsewhere
    if not any(before for _, before, _ in entries):
        return dict(elsewhere)
    staff = patient.clinic.staff.filter(role__in=MAY_CORRECT)
    prescribers = set(staff.values_list("user_id", flat=True))
    most: Days = {}
    corrected: set[str] = set()
    # What was told elsewhere was told before all that was written here.
    for saved_by, before, after in [*entries, (None, elsewhere, {})]:
        if saved_by in prescribers:
            corrected |= {key for key in before if after.get(key, before[key]) != before[key]}
        for key in before.keys() - corrected:
            most[key] = max(most.get(key, 0), before[key])
    return most


def days_told(entry: IntakeEntry) -> tuple[Days, Days]:
    """Return the days a week that an entry tells, before and after, where it changed them."""
    told: tuple[Days, Days] = ({}, {})
    for label, *texts in entry.changes:
        for days, text in zip(told, texts, strict=True):
            if text and label == REGULARLY:
                days[label] = days_in_words(text)
            elif text and is_further(label):
                drug, regularity = text.partition(": ")[0], text.split("; ")[-2]
                days[drug] = max(days.get(drug, 0), days_in_words(regularity))
    return told


def days_before(told: Days, row: SlotDoses, *, is_main: bool = False) -> int:
    """Return the most days a week that were told of a row's drug before, 0 for none."""
    return max(told.get(drug_words(row), 0), told.get(REGULARLY, 0) if is_main else 0)
