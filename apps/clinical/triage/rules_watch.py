"""Watch rules: a person reviews by the stated time.

Each is the condition of the reviewed rule table under the same id. Cut-offs and
minutes are proposals unless the table marks a source; a clinician signs them.
"""

from apps.clinical.triage.facts import Facts
from apps.clinical.triage.rule import Level, RuleBook, TaperAction
from apps.clinical.triage.rules_emergency import at_least

PROTRACTED_DAYS = 30

NONE = TaperAction.NONE
REVIEW = TaperAction.REVIEW
HOLD_NEXT = TaperAction.HOLD_NEXT

_book = RuleBook(Level.WATCH)


@_book.rule("W01_MISSED_DOSE", "adherence", 1440, REVIEW, "T_MISSED_DOSE", "dose_taken")
def missed_dose(facts: Facts) -> bool:
    """Missed one or more doses (below U02 gap). (W01_MISSED_DOSE)"""
    return facts.dose_taken == "missed_some"


@_book.rule("W02_SUPPLY_7", "supply", 1440, NONE, "T_SUPPLY", "supply_days")
def supply_7(facts: Facts) -> bool:
    """4-7 days left. (W02_SUPPLY_7)"""
    return facts.supply_days is not None and 3 < facts.supply_days <= 7


@_book.rule(
    "W03_RISE_6",
    "trend",
    2880,
    REVIEW,
    "T_WATCH",
    "rise6_2of3 in_step_window recent_scores baseline days_since_step hl_class",
)
def rise_6(facts: Facts) -> bool:
    """Score at least 6 above pre-step baseline on 2 of last 3 check-ins in the window.
    (W03_RISE_6)
    """
    return facts.rise6_2of3 and facts.in_step_window


@_book.rule("W04_RISING_3", "trend", 2880, REVIEW, "T_WATCH", "rising3 recent_scores")
def rising_3(facts: Facts) -> bool:
    """Score rose on three check-ins in a row with a total rise of 5 or more. (W04_RISING_3)"""
    return facts.rising3


@_book.rule("W05_ONE_ITEM_4", "trend", 1440, REVIEW, "T_WATCH", "n_items4")
def one_item_4(facts: Facts) -> bool:
    """One item rated 4. (W05_ONE_ITEM_4)"""
    return facts.n_items4 == 1


@_book.rule(
    "W06_NOT_SETTLED_14",
    "trend",
    2880,
    HOLD_NEXT,
    "T_WATCH",
    "unresolved14 recent_scores baseline days_since_step",
)
def not_settled(facts: Facts) -> bool:
    """At 14+ days after a step the 7-day mean is still 4 or more above pre-step baseline.
    (W06_NOT_SETTLED_14)
    """
    return facts.unresolved14


@_book.rule("W07_ALCOHOL_LOW", "substance", 2880, NONE, "T_WATCH", "alcohol_drinks aud")
def alcohol_low(facts: Facts) -> bool:
    """1-2 drinks. (W07_ALCOHOL_LOW)"""
    return facts.alcohol_drinks in (1, 2) and not facts.aud


@_book.rule(
    "W08_OFF_PLAN_SMALL", "adherence", 1440, REVIEW, "T_WATCH",
    "dose_taken dose_taken_pct dose_taken_read",
)  # fmt: skip
def off_plan_small(facts: Facts) -> bool:
    """Dose off plan by a smaller amount, or amount unknown. (W08_OFF_PLAN_SMALL)

    An amount that is not known counts as small; U21 and U22 take the large ones.
    """
    pct = facts.dose_taken_pct
    if facts.dose_taken == "took_less":
        return pct is None or pct >= 75
    return facts.dose_taken == "took_extra" and (pct is None or pct < 150)


@_book.rule("W09_PREG_MAYBE", "pregnancy", 1440, HOLD_NEXT, "T_PREG", "pregnancy")
def maybe_pregnant(facts: Facts) -> bool:
    """May be pregnant. (W09_PREG_MAYBE)"""
    return facts.pregnancy == "not_sure"


@_book.rule(
    "W10_NO_CHECKIN",
    "engagement",
    1440,
    REVIEW,
    "T_MISSED_CHECKIN",
    "hours_since_checkin tier in_step_window days_since_step",
)
def late_check_in(facts: Facts) -> bool:
    """Late check-in below the urgent limits. (W10_NO_CHECKIN)

    A tier that is not known gets the limit of the low one. [proposal]
    """
    hours = facts.hours_since_checkin
    if hours is None:
        return False
    if facts.tier == "high":
        return 24 <= hours < 48 and facts.in_step_window
    if facts.tier == "moderate":
        return 48 <= hours < 96 and facts.in_step_window
    return hours >= 168


@_book.rule("W11_FALL", "injury", 1440, REVIEW, "T_FALL", "fall rf_headhit")
def fell(facts: Facts) -> bool:
    """Fall without head hit. (W11_FALL)"""
    return bool(facts.fall) and not facts.rf_headhit


@_book.rule("W12_DROWSY", "safety", 1440, REVIEW, "T_DROWSY", "rf_drowsy drive_sleepy")
def drowsy(facts: Facts) -> bool:
    """Very sleepy by day, or sleepy while driving. (W12_DROWSY)

    Also fires on the weekly driving question: the rule's plain words say so.
    """
    return bool(facts.rf_drowsy) or facts.drive_sleepy == "yes"


@_book.rule("W13_PHQ_GAD", "psychiatric", 2880, HOLD_NEXT, "T_WATCH", "phq9_total gad7_total")
def depression_or_anxiety(facts: Facts) -> bool:
    """PHQ-9 of 15+ or GAD-7 of 15+. (W13_PHQ_GAD)"""
    return at_least(facts.phq9_total, 15) or at_least(facts.gad7_total, 15)


@_book.rule("W14_CHRONIC_HALLUC", "neuro", 480, HOLD_NEXT, "T_WATCH", "rf_halluc chronic_halluc")
def chronic_hallucination(facts: Facts) -> bool:
    """Hallucinations in a patient with chronic hallucinations on profile. (W14_CHRONIC_HALLUC)"""
    return bool(facts.rf_halluc) and bool(facts.chronic_halluc)


@_book.rule("W15_NALOXONE", "overdose", 2880, NONE, "T_NALOXONE", "opioid_rx naloxone_on_file")
def naloxone_missing(facts: Facts) -> bool:
    """Opioid on the medication list and no naloxone recorded. (W15_NALOXONE)"""
    return bool(facts.opioid_rx) and not facts.naloxone_on_file


@_book.rule(
    "W16_REVIEW_OVERDUE",
    "governance",
    2880,
    NONE,
    "T_NONE",
    "days_since_rb_review rb_review_limit_days",
)
def review_overdue(facts: Facts) -> bool:
    """Risk-benefit review older than 90 days (stricter clinic value when opioids or SUD).
    (W16_REVIEW_OVERDUE)
    """
    return at_least(facts.days_since_rb_review, facts.rb_review_limit_days)


@_book.rule("W17_PROTRACTED", "post_taper", 4320, NONE, "T_WATCH", "days_since_stop dws")
def protracted(facts: Facts) -> bool:
    """More than 30 days after the last dose and score 8 or more. (W17_PROTRACTED)"""
    stopped_long_ago = facts.days_since_stop is not None and facts.days_since_stop > PROTRACTED_DAYS
    return stopped_long_ago and at_least(facts.dws, 8)


@_book.rule("W18_SCORE_MID", "trend", 2880, REVIEW, "T_WATCH", "dws")
def score_mid(facts: Facts) -> bool:
    """Score 16-27 of 40, whatever the baseline. (W18_SCORE_MID)"""
    return facts.dws is not None and 16 <= facts.dws < 28


WATCH_RULES = _book.rules()
