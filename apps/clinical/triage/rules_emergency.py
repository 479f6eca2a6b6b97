"""Emergency rules: possible danger to life now.

Each is the condition of the reviewed rule table under the same id. Levels and
minutes are proposals unless the table marks a source; a clinician signs them.
"""

from decimal import Decimal

from apps.clinical.triage.facts import Facts
from apps.clinical.triage.rule import Level, RuleBook, TaperAction

FEVER_C = Decimal("38.0")
LONG_GAP_HOURS = 24
BAD = 3
OLDER_AGE = 65
STOPPED = ("stopped", "ran_out")

HOLD_ALL = TaperAction.HOLD_ALL_REDUCTIONS
HOLD_NEXT = TaperAction.HOLD_NEXT

_book = RuleBook(Level.EMERGENCY)


def has_fever(facts: Facts) -> bool:
    """Tell whether fever was ticked or measured (38.0 C or more)."""
    return bool(facts.rf_fever) or (facts.temp_c is not None and facts.temp_c >= FEVER_C)


def at_least(value: Decimal | int | None, limit: int) -> bool:
    """Tell whether a known value reaches a limit; an unknown one never does."""
    return value is not None and value >= limit


@_book.rule("E01_SEIZURE", "neuro", 5, HOLD_ALL, "T_SEIZURE", "seizure")
def seizure(facts: Facts) -> bool:
    """Patient reports a seizure, fit or blackout with shaking, or is not sure. (E01_SEIZURE)

    Not sure counts as yes: nobody remembers their own seizure.
    """
    return facts.seizure in ("yes", "not_sure")


@_book.rule("E02_CONFUSION", "neuro", 5, HOLD_ALL, "T_CONFUSED", "rf_confused")
def confusion(facts: Facts) -> bool:
    """Very confused: not sure where they are or what day it is. (E02_CONFUSION)"""
    return bool(facts.rf_confused)


@_book.rule("E03_HALLUCINATION", "neuro", 5, HOLD_ALL, "T_HALLUC", "rf_halluc chronic_halluc")
def hallucination(facts: Facts) -> bool:
    """New seeing or hearing of things that are not there (no chronic hallucinations on profile).
    (E03_HALLUCINATION)

    A profile that does not say counts as new; W14 takes the chronic ones.
    """
    return bool(facts.rf_halluc) and not facts.chronic_halluc


@_book.rule("E04_SUICIDE_PLAN", "suicide", 5, HOLD_ALL, "T_SI_EMERG", "si si_now asq_now")
def suicide_plan(facts: Facts) -> bool:
    """Suicidal thoughts with plan or intent, or thoughts of killing self right now (ASQ item 5).
    (E04_SUICIDE_PLAN)
    """
    return facts.si == "plan_or_intent" or bool(facts.si_now) or bool(facts.asq_now)


@_book.rule("E05_RESP_SEDATION", "overdose", 5, HOLD_ALL, "T_BREATH", "rf_breath rf_unrousable")
def breathing_or_sedation(facts: Facts) -> bool:
    """Trouble breathing or slow breathing, or others find it hard to wake them.
    (E05_RESP_SEDATION)
    """
    return bool(facts.rf_breath) or bool(facts.rf_unrousable)


@_book.rule("E06_CHEST_PAIN", "cardiac", 5, HOLD_NEXT, "T_CHEST", "rf_chest")
def chest_pain(facts: Facts) -> bool:
    """Chest pain or pressure. (E06_CHEST_PAIN)"""
    return bool(facts.rf_chest)


@_book.rule(
    "E07_FEVER_PLUS",
    "neuro",
    5,
    HOLD_ALL,
    "T_FEVERNEURO",
    "rf_fever temp_c s_jerks dose_taken hours_since_last_dose",
)
def fever_plus(facts: Facts) -> bool:
    """Fever (38.0 C / 100.4 F or more) together with bad jerks, or with a stopped / 24 h missed
    dose. (E07_FEVER_PLUS)
    """
    return has_fever(facts) and (
        at_least(facts.s_jerks, BAD)
        or facts.dose_taken in STOPPED
        or at_least(facts.hours_since_last_dose, LONG_GAP_HOURS)
    )


@_book.rule(
    "E08_ABRUPT_STOP_HIGH",
    "supply",
    5,
    HOLD_ALL,
    "T_STOP_EMERG",
    "dose_taken tier s_shaky s_jerks rf_vomit rf_aura",
)
def abrupt_stop_high(facts: Facts) -> bool:
    """Stopped or ran out AND (high baseline risk, or bad shaking/jerks, or vomiting, or aura).
    (E08_ABRUPT_STOP_HIGH)

    Does not wait for symptoms when the tier is high: a seizure can come first.
    """
    return facts.dose_taken in STOPPED and (
        facts.tier == "high"
        or at_least(facts.s_shaky, BAD)
        or at_least(facts.s_jerks, BAD)
        or bool(facts.rf_vomit)
        or bool(facts.rf_aura)
    )


@_book.rule(
    "E09_AURA_HIGH", "neuro", 5, HOLD_ALL, "T_AURA_EMERG", "rf_aura epilepsy prior_wd_seizure"
)
def aura_high(facts: Facts) -> bool:
    """Strange warning feeling in someone with epilepsy or a past withdrawal seizure.
    (E09_AURA_HIGH)
    """
    return bool(facts.rf_aura) and (bool(facts.epilepsy) or bool(facts.prior_wd_seizure))


@_book.rule(
    "E10_HEAD_FAINT", "injury", 5, HOLD_NEXT, "T_HEAD", "rf_headhit rf_faint anticoagulant age"
)
def head_hit_with_risk(facts: Facts) -> bool:
    """Hit head AND (passed out, or on a blood thinner, or age 65+). (E10_HEAD_FAINT)"""
    return bool(facts.rf_headhit) and (
        bool(facts.rf_faint) or bool(facts.anticoagulant) or at_least(facts.age, OLDER_AGE)
    )


@_book.rule(
    "E11_VOMIT_GAP_HIGH",
    "supply",
    5,
    HOLD_ALL,
    "T_STOP_EMERG",
    "rf_vomit tier hours_since_last_dose",
)
def vomiting_gap_high(facts: Facts) -> bool:
    """Cannot keep medicine down, high baseline risk, and 24 h or more since a kept dose.
    (E11_VOMIT_GAP_HIGH)
    """
    return (
        bool(facts.rf_vomit)
        and facts.tier == "high"
        and at_least(facts.hours_since_last_dose, LONG_GAP_HOURS)
    )


EMERGENCY_RULES = _book.rules()
