"""The intake in words, section by section: for the page, the print, the history, a conflict.

One place turns rows into text, so that none of these can say something else than another.
"""

import re
from collections.abc import Iterable

from apps.clinical.doses import plain
from apps.clinical.drugs import get_drug
from apps.patients.models import (
    HEALTH_FLAGS,
    HISTORY_FLAGS,
    SUBSTANCE_FLAGS,
    Patient,
    RiskProfile,
    Section,
    usual_days,
)
from apps.patients.models.medicine import Pattern, SlotDoses

NOT_ASKED = "not asked"
FURTHER = "Drug {}"
TAPERED, REGULARLY = "To be tapered", "How regularly"
Rows = list[tuple[str, str]]


def section_words(patient: Patient, section: str) -> Rows:
    """Return what a section says now: label and value of each field, in page order."""
    words = {
        Section.PERSON: person_words,
        Section.MEDICINE: medicine_words,
        Section.HISTORY: history_words,
        Section.HEALTH: lambda p: flag_words(p.risk, HEALTH_FLAGS),
        Section.SUBSTANCES: lambda p: flag_words(p.risk, SUBSTANCE_FLAGS),
        Section.CHECKS: check_words,
    }
    return words[Section(section)](patient)


def intake_words(patient: Patient) -> Rows:
    """Return what the whole intake says now."""
    return [row for section in Section for row in section_words(patient, section)]


def changes_between(before: Rows, after: Rows) -> list[list[str]]:
    """Return [label, before, after] of every field that differs."""
    was, now = dict(before), dict(after)
    return [
        [label, was.get(label, ""), now.get(label, "")]
        for label in dict.fromkeys([*was, *now])
        if was.get(label, "") != now.get(label, "")
    ]


def not_asked(patient: Patient, section: str) -> int:
    """Return how many questions of a section nobody has answered."""
    return sum(value == NOT_ASKED for _, value in section_words(patient, section))


def flag_label(flag: str) -> str:
    """Return a risk question as the form and every list say it."""
    words = RiskProfile.question(flag)
    return words[0].upper() + words[1:]


def flag_words(risk: RiskProfile, flags: Iterable[str]) -> Rows:
    """Return the answers to risk questions: yes, no, not asked."""
    words = {True: "yes", False: "no", None: NOT_ASKED}
    return [(flag_label(flag), words[getattr(risk, flag)]) for flag in flags]


def person_words(patient: Patient) -> Rows:
    """Return who the patient is and how to reach them."""
    return [
        ("Given name", patient.given_name),
        ("Family name", patient.family_name),
        ("Date of birth", f"{patient.birth_date:%d %b %Y}"),
        ("Sex", patient.get_sex_display() or NOT_ASKED),
        ("E-mail", patient.email or "none"),
        ("Phone", patient.phone or "none"),
        ("Address", patient.address or NOT_ASKED),
        ("Emergency contact", patient.emergency_contact or NOT_ASKED),
        ("Language", patient.get_language_display()),
        ("Time zone", patient.time_zone),
    ]


def medicine_words(patient: Patient) -> Rows:
    """Return the drugs with their doses, how often, how long and why."""
    medication = patient.medication
    reason = medication.get_reason_display() or NOT_ASKED
    if medication.reason_other:
        reason = f"Other: {medication.reason_other}"
    rows = [
        (TAPERED, dose_words(medication)),
        (REGULARLY, regularity(medication)),
        ("Taken for", months_words(medication.taken_months)),
        ("First prescribed for", reason),
    ]
    for number, medicine in enumerate(patient.further_medicines.all(), start=2):
        text = (
            f"{dose_words(medicine)}; {regularity(medicine)}; {months_words(medicine.taken_months)}"
        )
        rows.append((FURTHER.format(number), text))
    return rows


def tells_of_dose(label: str, before: str, after: str) -> bool:
    """Answer whether a change is of a drug, its dose or how often it is taken.

    How long it was taken and what it was first prescribed for change nothing that is taken.
    """
    if is_further(label):
        return before.rpartition("; ")[0] != after.rpartition("; ")[0]
    return label in (TAPERED, REGULARLY)


def is_further(label: str) -> bool:
    """Answer whether a label is that of a drug beside the one to be tapered."""
    return label.startswith(FURTHER.format(""))


def dose_words(medicine: SlotDoses) -> str:
    """Return "clonazepam: 1 mg morning, 1.5 mg night, 2.5 mg a day"."""
    slots = ", ".join(f"{plain(mg)} mg {slot}" for slot, mg in medicine.slots.items())
    return f"{drug_words(medicine)}: {slots}, {plain(medicine.daily_mg)} mg a day"


def drug_words(medicine: SlotDoses) -> str:
    """Return the drug as each list of the intake names it: "clonazepam (tablet)"."""
    drug = get_drug(medicine.drug_id)
    return f"{drug.name} ({drug.formulation})"


def regularity(medicine: SlotDoses) -> str:
    """Return the pattern with the days a week."""
    if medicine.pattern == medicine.Pattern.DAILY:
        return str(medicine.get_pattern_display())
    days = medicine.days_per_week
    counted = "less than one day a week" if days == 0 else f"{days} days a week"
    return f"{medicine.get_pattern_display()} ({counted})"


def days_in_words(text: str) -> int:
    """Return the days a week that `regularity` put into words."""
    if text == Pattern.DAILY.label:
        return usual_days(Pattern.DAILY)
    counted = re.search(r"\((\d) days a week\)$", text)
    return int(counted[1]) if counted else 0


def months_words(months: int) -> str:
    """Return a duration in months, in years where that is how people say it."""
    if months == 0:
        return "less than a month"
    if months >= 24 and months % 12 == 0:
        return f"{months // 12} years"
    return f"{months} month{'' if months == 1 else 's'}"


def history_words(patient: Patient) -> Rows:
    """Return earlier tapers and what happened in them."""
    tapers = [
        f"{taper.when}: {taper.get_ended_display()}" + (f" ({taper.note})" if taper.note else "")
        for taper in patient.prior_tapers.all()
    ]
    rows = [(f"Earlier taper {number}", text) for number, text in enumerate(tapers, start=1)]
    return [*rows, *flag_words(patient.risk, HISTORY_FLAGS)]


def check_words(patient: Patient) -> Rows:
    """Return other medicines, which of them lower the seizure threshold, and the PDMP."""
    risk = patient.risk
    told = ", ".join(line.strip() for line in risk.other_medicines.splitlines() if line.strip())
    found = ", ".join(
        drug.name + (f" (counts in {drug.qualifier})" if drug.qualifier else "")
        for drug in risk.threshold_drugs
    )
    check = patient.pdmp_checks.select_related("checked_by").first()
    return [
        ("Other medicines", (told or "none") if risk.other_medicines_asked else NOT_ASKED),
        ("Lower the seizure threshold",
         (found or "none found") if risk.other_medicines_asked else NOT_ASKED),
        ("PDMP checked",
         f"{check.checked_on:%d %b %Y} by {check.checked_by.full_name}" if check else NOT_ASKED),
    ]  # fmt: skip
