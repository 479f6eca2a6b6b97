"""What the guideline says about a stay in a detox unit and the time after it: lists, no doses.

There is no calculator here and there will be none: phenobarbital is given only by or with
clinicians experienced in it (ASAM-20), and the published courses are marked "do not encode"
(INP-04, INP-05, INP-06). What stands here is what a team must look at, not what it gives.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from apps.clinical.errors import ClinicalError
from apps.clinical.triage import RULES
from apps.clinical.triage.rules_emergency import FEVER_C

# INP-09 [proposal]: contact after discharge, then a daily check-in for so many days.
CONTACT_WITHIN_HOURS = 72
DAILY_CHECK_IN_DAYS = 14
# "Takes none any more" after a stay shorter than this is an abrupt stop until a second prescriber
# has signed it (ASAM-03). The guideline gives no number; the shortest course it cites, with every
# patient watched, took three days (INP-03) [proposal].
SHORT_STAY_HOURS = 72

WHY_NO_CALCULATOR = (
    "This page records what the experienced team gave. It suggests no dose and calculates none: "
    "the guideline leaves phenobarbital to clinicians with experience in it (ASAM 2025 rec 13), "
    "and the published courses disagree and are not validated for other settings."
)


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing a team looks at, with where it comes from."""

    words: str
    source: str


# INP-08.
PHENOBARBITAL_CAUTIONS = (
    Caution("Acute intermittent porphyria", "INP-08, label"),
    Caution("Severe liver disease", "INP-08, label"),
    Caution("Severe lung disease", "INP-08, label"),
    Caution("Opioids on board", "INP-08, label"),
    Caution("Pregnancy", "INP-08, label"),
    Caution("Barbiturate rash or Stevens-Johnson syndrome before", "INP-08, label"),
    Caution(
        "Medicines broken down by CYP3A4, which it strongly induces: direct oral anticoagulants, "
        "oral contraceptives, methadone, HIV medicines",
        "INP-08, label",
    ),
)
# ASAM-21: hard stops for tapering.
NEVER_FOR_TAPERING = (
    Caution("Flumazenil is not used for tapering", "ASAM 2025 rec 14"),
    Caution("Propofol or ketamine is not used for tapering", "ASAM 2025 rec 15"),
)
# INP-07.
BEFORE_EACH_DOSE = (
    "sedation", "respirations", "oxygen saturation", "ataxia", "nystagmus", "slurred speech",
    "falls",
)  # fmt: skip
WATCH_AFTER_LAST_DOSE = (
    "Watch for 24 to 72 hours after the last dose of phenobarbital: its half-life is 80 to 120 "
    "hours (INP-07)."
)

# A scale of our own in plain words: the guideline asks for one and names none [proposal].
SEDATION = (
    (0, "Awake and alert"),
    (1, "Drowsy, wakes to the voice and stays awake"),
    (2, "Wakes to the voice, falls asleep again"),
    (3, "Wakes only to touch"),
    (4, "Cannot be woken"),
)
CANNOT_BE_WOKEN = 4
# From here a round calls for somebody at once [proposal]: "Cannot be woken" is E05's sign.
DEEPLY_SEDATED = 3


def sedation_words(level: int) -> str:
    """Return a level of sedation in words; one that does not exist raises ``ClinicalError``."""
    for number, words in SEDATION:
        if number == level:
            return words
    raise ClinicalError(f"There is no level of sedation {level}.")


# What a clock of a referral, a stay or a discharge says when it has run out. Our own: urgent,
# within the hour that most urgent rules of triage_rules.csv give [proposal].
CLOCK_MINUTES = 60
CLOCK_RULES = {
    "D01_REFERRAL_UNANSWERED": "The detox unit has not answered the referral in time.",
    "D02_NOT_ARRIVED": "The patient has not arrived in the detox unit in time.",
    "D03_ROUND_OVERDUE": "An observation round is overdue.",
    "D04_NO_CONTACT_72H": "No contact within 72 hours after discharge (INP-09).",
    "D05_NO_DAILY_CHECK_IN": (
        "No check-in on a day of daily contact, 14 days after a discharge (INP-09)."
    ),
    "D06_DEEPLY_SEDATED": "A round, or the look before a dose, found deep sedation.",
    "D07_NO_PLAN_AFTER": "What is taken after a discharge or a plan has no plan yet.",
    "D10_DANGER_IN_ROUND": "Whoever made the round marked it: dangerous, call help now.",
    "D08_CARE_LEVEL_OPEN": "The level of care was not answered after a severe sign.",
    "D09_AFTERCARE_UNSEEN": "What aftercare calls for was not looked at in time.",
    "D11_NO_UNIT": (
        "A unit is needed and none has the patient: the level of care is inpatient, or a referral "
        "came to nothing. Nothing was decided since."
    ),
    "D13_STILL_IN_HOSPITAL": (
        "In hospital for long, and nobody has said since whether the patient is still there."
    ),
    "D14_STILL_PAUSED": (
        "Paused for long while some is taken, and nobody has said since what and how it goes on."
    ),
    "D12_SECOND_UNSIGNED": (
        "Nothing is taken after a short stay in a unit, and no second prescriber has signed it "
        "(ASAM-03)."
    ),
}

# The rules of triage that a round can find as well as a patient's answer.
OF_TRIAGE = {
    rule.rule_id: rule
    for rule in RULES
    if rule.rule_id in ("E05_RESP_SEDATION", "U07_FEVER", "W11_FALL")
}


# What is written down so long after it happened is marked as late [proposal].
LATE_AFTER_MINUTES = 60
# An admission told afterwards may lie so far back [proposal].
ADMISSION_TOLD_WITHIN_DAYS = 30
# The last dose of somebody who takes none any more at discharge lies at most so long before the
# admission, unless the record knew it before [proposal].
LAST_DOSE_BEFORE_ADMISSION_DAYS = 30


def is_late_entry(happened_at: datetime, written_at: datetime) -> bool:
    """Answer whether something was written down so late that every reader is told so."""
    return written_at - happened_at > timedelta(minutes=LATE_AFTER_MINUTES)


def is_short_stay(admitted_at: datetime, discharged_at: datetime) -> bool:
    """Answer whether a stay was too short for one prescriber alone to say "takes none any more".

    Source: ASAM-03; the number is a [proposal].
    """
    return discharged_at - admitted_at < timedelta(hours=SHORT_STAY_HOURS)


@dataclass(frozen=True, slots=True)
class RoundFinding:
    """What a round found that calls somebody: how severe, in how many minutes, by which rules."""

    level: str
    minutes: int
    rules: tuple[str, ...]


def round_finding(
    *, sedation: int, temp_c: Decimal | None, fall: bool, is_dangerous: bool
) -> RoundFinding | None:
    """Return what a round calls for, None for nothing; the most severe sign sets the clock.

    Levels and minutes are those of triage for the same sign (E05, U07, W11). The clinical
    files give no limits for breaths, oxygen, pulse or pressure: whoever stands at the bed
    judges those and marks the round, which counts as the emergency it is said to be [proposal].
    """
    help_now = ("emergency", OF_TRIAGE["E05_RESP_SEDATION"].minutes)
    found = {
        "E05_RESP_SEDATION": sedation >= CANNOT_BE_WOKEN,
        "D10_DANGER_IN_ROUND": is_dangerous,
        "D06_DEEPLY_SEDATED": sedation >= DEEPLY_SEDATED,
        "U07_FEVER": temp_c is not None and temp_c >= FEVER_C,
        "W11_FALL": fall,
    }
    clocks = {"D10_DANGER_IN_ROUND": help_now, "D06_DEEPLY_SEDATED": ("urgent", CLOCK_MINUTES)}
    clocks |= {name: (rule.level.value, rule.minutes) for name, rule in OF_TRIAGE.items()}
    true = [name for name, is_true in found.items() if is_true]
    if not true:
        return None
    return RoundFinding(*clocks[true[0]], rules=tuple(true))
