"""Urgent rules: a person makes contact the same day.

Each is the condition of the reviewed rule table under the same id. Cut-offs and
minutes are proposals unless the table marks a source; a clinician signs them.
"""

from apps.clinical.triage.facts import Facts
from apps.clinical.triage.rule import Level, RuleBook, TaperAction
from apps.clinical.triage.rules_emergency import BAD, OLDER_AGE, STOPPED, at_least, has_fever

# Hours without a dose after which withdrawal may begin, by half-life class.
DOSE_GAP_HOURS = {"short": 24, "intermediate": 36, "long": 48}
# A drug whose class is not known is treated as the fastest to leave. [proposal]
DOSE_GAP_HOURS_UNKNOWN = 24
SWITCH_DAYS = 14

NONE = TaperAction.NONE
HOLD_NEXT = TaperAction.HOLD_NEXT
HOLD_ALL = TaperAction.HOLD_ALL_REDUCTIONS
PAUSE = TaperAction.PAUSE_TAPER

_book = RuleBook(Level.URGENT)


@_book.rule("U01_ABRUPT_STOP", "supply", 60, HOLD_ALL, "T_STOP_URG", "dose_taken")
def abrupt_stop(facts: Facts) -> bool:
    """Stopped or ran out (no E08 feature). (U01_ABRUPT_STOP)"""
    return facts.dose_taken in STOPPED


@_book.rule(
    "U02_DOSE_GAP", "adherence", 120, HOLD_NEXT, "T_STOP_URG", "hours_since_last_dose hl_class"
)
def dose_gap(facts: Facts) -> bool:
    """Time since last dose at or above 24 h (short), 36 h (intermediate) or 48 h (long half-life).
    (U02_DOSE_GAP)
    """
    limit = DOSE_GAP_HOURS.get(facts.hl_class or "", DOSE_GAP_HOURS_UNKNOWN)
    return at_least(facts.hours_since_last_dose, limit)


@_book.rule("U03_SUPPLY_3", "supply", 240, NONE, "T_SUPPLY", "supply_days")
def supply_3(facts: Facts) -> bool:
    """Three or fewer days of medicine left. (U03_SUPPLY_3)"""
    return facts.supply_days is not None and facts.supply_days <= 3


@_book.rule("U04_VOMIT", "adherence", 120, HOLD_NEXT, "T_VOMIT", "rf_vomit")
def vomiting(facts: Facts) -> bool:
    """Vomiting so medicine or water does not stay down. (U04_VOMIT)"""
    return bool(facts.rf_vomit)


@_book.rule("U05_AURA", "neuro", 60, HOLD_ALL, "T_AURA_URG", "rf_aura")
def aura(facts: Facts) -> bool:
    """Strange warning feeling (no epilepsy or past withdrawal seizure). (U05_AURA)"""
    return bool(facts.rf_aura)


@_book.rule("U06_JERKS", "neuro", 120, HOLD_NEXT, "T_URG_SYM", "s_jerks")
def jerks(facts: Facts) -> bool:
    """Muscle jerks or twitches rated bad or very bad (3-4). (U06_JERKS)"""
    return at_least(facts.s_jerks, BAD)


@_book.rule("U07_FEVER", "medical", 240, HOLD_NEXT, "T_FEVER", "rf_fever temp_c")
def fever(facts: Facts) -> bool:
    """Fever alone. (U07_FEVER)"""
    return has_fever(facts)


@_book.rule("U08_FAINT", "medical", 120, HOLD_NEXT, "T_URG_SYM", "rf_faint")
def faint(facts: Facts) -> bool:
    """Fainted or passed out without shaking. (U08_FAINT)"""
    return bool(facts.rf_faint)


@_book.rule("U09_HEADHIT", "injury", 120, HOLD_NEXT, "T_FALL", "rf_headhit")
def head_hit(facts: Facts) -> bool:
    """Fall with head hit, no E10 feature. (U09_HEADHIT)"""
    return bool(facts.rf_headhit)


@_book.rule("U10_SI_ACTIVE", "suicide", 60, HOLD_NEXT, "T_SI_URG", "si phq9_item9")
def suicidal_active(facts: Facts) -> bool:
    """Thoughts of suicide without plan or intent, or PHQ-9 item 9 of 2-3. (U10_SI_ACTIVE)"""
    return facts.si == "active_no_plan" or at_least(facts.phq9_item9, 2)


@_book.rule("U11_SI_PASSIVE", "suicide", 240, HOLD_NEXT, "T_SI_URG", "si phq9_item9 asq_any")
def suicidal_passive(facts: Facts) -> bool:
    """Wish to be dead, declined to answer, PHQ-9 item 9 of 1, or any ASQ yes. (U11_SI_PASSIVE)"""
    return facts.si in ("passive", "declined") or facts.phq9_item9 == 1 or bool(facts.asq_any)


@_book.rule("U12_SCORE_HIGH", "trend", 120, HOLD_NEXT, "T_URG_SYM", "dws")
def score_high(facts: Facts) -> bool:
    """Daily withdrawal score (10 items 0-4) is 28 or more of 40. (U12_SCORE_HIGH)"""
    return at_least(facts.dws, 28)


@_book.rule("U13_SCORE_HIGH_2D", "trend", 240, HOLD_NEXT, "T_URG_SYM", "high24_2days recent_scores")
def score_high_twice(facts: Facts) -> bool:
    """Score 24 or more on two check-ins in a row. (U13_SCORE_HIGH_2D)"""
    return facts.high24_2days


@_book.rule(
    "U14_RISE_12",
    "trend",
    240,
    HOLD_NEXT,
    "T_URG_SYM",
    "rise12_2of3 in_step_window recent_scores baseline days_since_step hl_class",
)
def rise_12(facts: Facts) -> bool:
    """Score at least 12 above pre-step baseline on 2 of the last 3 check-ins, within the post-step
    window. (U14_RISE_12)
    """
    return facts.rise12_2of3 and facts.in_step_window


@_book.rule("U15_TWO_ITEMS_4", "trend", 240, HOLD_NEXT, "T_URG_SYM", "n_items4")
def two_items_4(facts: Facts) -> bool:
    """Two or more items rated 4 (very bad). (U15_TWO_ITEMS_4)"""
    return at_least(facts.n_items4, 2)


@_book.rule("U16_ALCOHOL", "substance", 240, HOLD_NEXT, "T_ALC", "alcohol_drinks aud")
def alcohol(facts: Facts) -> bool:
    """3 or more drinks since last check-in, or any alcohol with alcohol use disorder.
    (U16_ALCOHOL)
    """
    return at_least(facts.alcohol_drinks, 3) or (
        bool(facts.aud) and at_least(facts.alcohol_drinks, 1)
    )


@_book.rule("U17_OTHER_DRUG", "substance", 240, HOLD_NEXT, "T_DRUGS", "other_drugs")
def other_drug(facts: Facts) -> bool:
    """New opioid, street drug or non-prescribed sedative. (U17_OTHER_DRUG)"""
    return facts.other_drugs in ("opioid", "street", "other_sedative")


@_book.rule("U18_PREGNANT", "pregnancy", 480, HOLD_ALL, "T_PREG", "pregnancy pregnancy_known")
def pregnant(facts: Facts) -> bool:
    """Pregnancy newly reported. (U18_PREGNANT)"""
    return facts.pregnancy == "yes" and not facts.pregnancy_known


@_book.rule(
    "U19_SLEEP_MOOD",
    "psychiatric",
    480,
    PAUSE,
    "T_SLEEP_MOOD",
    "psychotic_or_bipolar sleep3_2days",
)
def sleep_and_mood(facts: Facts) -> bool:
    """Bipolar or psychotic disorder AND sleep item 3-4 on two check-ins in a row.
    (U19_SLEEP_MOOD)
    """
    return bool(facts.psychotic_or_bipolar) and facts.sleep3_2days


@_book.rule(
    "U20_NEW_THRESHOLD_MED",
    "medication",
    480,
    HOLD_NEXT,
    "T_NEWMED",
    "new_threshold_med threshold_meds",
)
def new_threshold_medicine(facts: Facts) -> bool:
    """Started a medicine on the seizure-threshold or GABA-antagonist list.
    (U20_NEW_THRESHOLD_MED)
    """
    return bool(facts.new_threshold_med)


@_book.rule(
    "U21_TOOK_LESS_25", "adherence", 240, HOLD_NEXT, "T_TOOKLESS",
    "dose_taken dose_taken_pct dose_taken_unknown dose_taken_read",
)  # fmt: skip
def took_less(facts: Facts) -> bool:
    """Took less than 75 % of the planned daily dose. (U21_TOOK_LESS_25)

    Millilitres of a strength that is not known may be as little. [proposal]
    """
    if facts.dose_taken != "took_less":
        return False
    return bool(facts.dose_taken_unknown) or (
        facts.dose_taken_pct is not None and facts.dose_taken_pct < 75
    )


@_book.rule(
    "U22_TOOK_EXTRA_150", "adherence", 240, HOLD_NEXT, "T_TOOKEXTRA",
    "dose_taken dose_taken_pct dose_taken_unknown dose_taken_read",
)  # fmt: skip
def took_extra(facts: Facts) -> bool:
    """Took 150 % or more of plan. (U22_TOOK_EXTRA_150)

    Millilitres of a strength that is not known may be as much. [proposal]
    """
    if facts.dose_taken != "took_extra":
        return False
    return bool(facts.dose_taken_unknown) or at_least(facts.dose_taken_pct, 150)


@_book.rule(
    "U23_DROWSY_AFTER_SWITCH",
    "overdose",
    240,
    HOLD_NEXT,
    "T_DROWSY",
    "days_since_conversion rf_drowsy age liver_disease opioid_rx",
)
def drowsy_after_switch(facts: Facts) -> bool:
    """Very sleepy within 14 days of a switch of benzodiazepine and age 65+, liver disease or opioid
    use. (U23_DROWSY_AFTER_SWITCH)
    """
    recent = facts.days_since_conversion is not None and facts.days_since_conversion <= SWITCH_DAYS
    at_risk = at_least(facts.age, OLDER_AGE) or bool(facts.liver_disease) or bool(facts.opioid_rx)
    return recent and bool(facts.rf_drowsy) and at_risk


@_book.rule(
    "U24_NO_CHECKIN_HIGH",
    "engagement",
    240,
    HOLD_NEXT,
    "T_MISSED_CHECKIN",
    "hours_since_checkin tier in_step_window days_since_step",
)
def silent_high(facts: Facts) -> bool:
    """High-risk patient: no check-in for 48 h inside the post-step window. (U24_NO_CHECKIN_HIGH)"""
    silent = facts.hours_since_checkin is not None and facts.hours_since_checkin >= 48
    return silent and facts.tier == "high" and facts.in_step_window


@_book.rule(
    "U25_NO_CHECKIN_MOD",
    "engagement",
    480,
    HOLD_NEXT,
    "T_MISSED_CHECKIN",
    "hours_since_checkin tier in_step_window days_since_step",
)
def silent_moderate(facts: Facts) -> bool:
    """Moderate-risk patient: no check-in for 96 h inside the post-step window.
    (U25_NO_CHECKIN_MOD)
    """
    silent = facts.hours_since_checkin is not None and facts.hours_since_checkin >= 96
    return silent and facts.tier == "moderate" and facts.in_step_window


URGENT_RULES = _book.rules()
