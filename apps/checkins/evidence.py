"""Why a rule fired, in words: the facts that it looked at, as a person names them.

A fact that is an answer is shown in the words of its question. What a rule derives or takes
from the profile has its words here; a test fails when a rule reads a fact that has none.
"""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from apps.clinical.questionnaires import Item, Questionnaire, amount_words

FACT_WORDS: Final[dict[str, str]] = {
    "age": "Age",
    "anticoagulant": "Takes a blood thinner",
    "asq_any": "Any ASQ question answered yes",
    "asq_now": "Thoughts of suicide now (ASQ)",
    "aud": "Alcohol use disorder",
    "baseline": "Baseline score",
    "chronic_halluc": "Long-standing hallucinations",
    "days_since_conversion": "Days since the switch of drug",
    "days_since_rb_review": "Days since the last risk-benefit review",
    "days_since_step": "Days since the last step",
    "days_since_stop": "Days since the last dose",
    "dose_taken_pct": "Taken, per cent of the plan",
    "dose_taken_read": "Amount taken",
    "dose_taken_unknown": "Milliliters of a strength that is not known",
    "dws": "Daily withdrawal score",
    "epilepsy": "Epilepsy",
    "gad7_total": "GAD-7 score",
    "high24_2days": "Score of 24 or more on two days",
    "hl_class": "Half-life of the drug",
    "hours_since_checkin": "Hours since the last check-in",
    "in_step_window": "Within the time in which a step shows",
    "liver_disease": "Liver disease",
    "n_items4": "Items rated 4",
    "naloxone_on_file": "Naloxone on file",
    "new_threshold_med": "New medicine that lowers the seizure threshold",
    "opioid_rx": "Takes an opioid",
    "phq9_item9": "PHQ-9 item 9",
    "phq9_total": "PHQ-9 score",
    "pregnancy_known": "Known to be pregnant",
    "prior_wd_seizure": "Withdrawal seizure in the past",
    "psychotic_or_bipolar": "Psychotic or bipolar illness",
    "rb_review_limit_days": "Days between risk-benefit reviews",
    "recent_scores": "Scores, the newest last",
    "rise12_2of3": "12 or more above baseline on two of three days",
    "rise6_2of3": "6 or more above baseline on two of three days",
    "rising3": "Rising on three check-ins in a row",
    "sleep3_2days": "Bad sleep on two days",
    "threshold_meds": "Medicines that lower the seizure threshold",
    "tier": "Seizure risk",
    "unresolved14": "Not better after 14 days",
}


def in_words(evidence: dict[str, Any], questionnaire: Questionnaire) -> list[str]:
    """Return the facts of one finding, each as `words: value`."""
    return [piece(name, value, questionnaire) for name, value in evidence.items()]


def piece(name: str, value: Any, questionnaire: Questionnaire) -> str:
    """Return one fact. A check-in of another form may hold one this questionnaire does not ask."""
    for item in questionnaire.items:
        if item.key == name:
            return f"{item.wording['en']} {option_label(item, value)}"
        for option in item.options:
            if option.value == name:
                return option.label["en"] if value is True else f"{option.label['en']}: no"
    return f"{FACT_WORDS.get(name, name.replace('_', ' '))}: {plain(value)}"


def option_label(item: Item, value: Any) -> str:
    """Return the words of an answer; a number keeps its unit, a scale its number."""
    for option in item.options:
        if option.value == value:
            label = option.label["en"]
            return f"{value} {label}" if item.kind == "scale" and label != str(value) else label
    if item.kind == "amount":
        return amount_words(value, "en")
    return f"{value} {item.unit.get('en', '')}".strip()


def plain(value: Any) -> str:
    """Return a value as it is read: yes, no, a number with at most one decimal, a list."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value).replace("_", " ")
    rounded = number.quantize(Decimal("0.1")).normalize()
    return f"{rounded:f}"
