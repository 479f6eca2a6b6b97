"""Everything the rules may look at, derived once per check-in.

A value that is not known is None, and None never fires a rule. Definitions of
the derived values: triage.md section 3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from apps.clinical import scoring
from apps.clinical.aftercare import NOT_ASKED_AFTER
from apps.clinical.profile import CheckInSummary, Context, Hours, Profile
from apps.clinical.threshold_drugs import threshold_drugs_in
from apps.clinical.triage import reading, trends
from apps.clinical.triage.taken import amount_taken
from apps.clinical.triage.trends import Baseline

# Days after a step in which worsening counts as its effect.
STEP_WINDOW_DAYS = {"short": 14, "intermediate": 21, "long": 28}
# A patient whose drug class is not known gets the widest window. [proposal]
STEP_WINDOW_DAYS_UNKNOWN = 28
SETTLING_DAYS = 14
# How many scores are stored as evidence: what the mean of the last week needs.
SCORES_SHOWN = 7
SEIZURE = ("no", "yes", "not_sure")
DOSE_TAKEN = ("yes_all", "missed_some", "took_less", "took_extra", "stopped", "ran_out")
OTHER_DRUGS = ("none", "opioid", "street", "other_sedative")
SI = ("no", "passive", "active_no_plan", "plan_or_intent", "declined")
PREGNANCY = ("na", "no", "yes", "not_sure")
DRIVE_SLEEPY = ("no", "yes", "not_driving")
RED_FLAGS = (
    "rf_confused",
    "rf_halluc",
    "rf_aura",
    "rf_vomit",
    "rf_fever",
    "rf_faint",
    "rf_headhit",
    "rf_chest",
    "rf_breath",
    "rf_unrousable",
    "rf_drowsy",
    "fall",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Answers, profile, context and derived values under the names rules use.

    ``dws`` is the daily withdrawal score, or while items are missing the sum of
    those answered: the true score is that or more, so a threshold it reaches is
    reached whatever the missing answers are. [proposal] ``phq9_total`` and
    ``gad7_total`` are counted the same way.
    """

    seizure: str | None
    dose_taken: str | None
    hours_since_last_dose: Decimal | None
    dose_taken_pct: Decimal | None
    dose_taken_unknown: bool | None
    dose_taken_read: str | None
    supply_days: Decimal | None
    s_shaky: int | None
    s_jerks: int | None
    rf_confused: bool | None
    rf_halluc: bool | None
    rf_aura: bool | None
    rf_vomit: bool | None
    rf_fever: bool | None
    rf_faint: bool | None
    rf_headhit: bool | None
    rf_chest: bool | None
    rf_breath: bool | None
    rf_unrousable: bool | None
    rf_drowsy: bool | None
    fall: bool | None
    temp_c: Decimal | None
    alcohol_drinks: int | None
    other_drugs: str | None
    si: str | None
    si_now: bool | None
    asq_now: bool | None
    asq_any: bool | None
    phq9_item9: int | None
    phq9_total: int | None
    gad7_total: int | None
    pregnancy: str | None
    new_threshold_med: bool | None
    threshold_meds: tuple[str, ...] | None
    drive_sleepy: str | None
    tier: str | None
    hl_class: str | None
    epilepsy: bool | None
    prior_wd_seizure: bool | None
    chronic_halluc: bool | None
    psychotic_or_bipolar: bool | None
    aud: bool | None
    anticoagulant: bool | None
    liver_disease: bool | None
    opioid_rx: bool | None
    naloxone_on_file: bool | None
    age: int | None
    pregnancy_known: bool | None
    days_since_step: int | None
    days_since_conversion: int | None
    days_since_stop: int | None
    days_since_rb_review: int | None
    rb_review_limit_days: int
    hours_since_checkin: Hours | None
    baseline: Decimal | int | None
    dws: int | None
    dws_complete: bool
    n_items4: int | None
    recent_scores: tuple[int, ...]
    rise6_2of3: bool
    rise12_2of3: bool
    high24_2days: bool
    rising3: bool
    sleep3_2days: bool
    in_step_window: bool
    unresolved14: bool


def build_facts(answers: Mapping[str, object], profile: Profile, context: Context) -> Facts:
    """Return every fact the rules may look at.

    ``answers`` are cleaned answers of any form, or values already derived under
    the names of ``Facts`` (``rf_*``, ``phq9_item9``, ``dose_taken_pct`` …). An
    answer no form can give raises ``TriageInputError``. After the last dose only a dose that
    was taken counts among the answers about doses: an old page may still ask the others.
    """
    if context.days_since_stop is not None:
        answers = after_last_dose(answers)
    score = scoring.dws(answers)
    return Facts(
        **_answer_facts(answers, context),
        **_profile_facts(profile),
        **_trend_facts(score.total if score else None, answers, profile, context),
        dws=score.total if score else None,
        dws_complete=score is not None and score.complete,
        n_items4=scoring.items_at(answers, scoring.DWS_ITEM_MAX),
        days_since_step=context.days_since_step,
        days_since_conversion=context.days_since_conversion,
        days_since_stop=context.days_since_stop,
        days_since_rb_review=context.days_since_rb_review,
        rb_review_limit_days=context.rb_review_limit_days,
        hours_since_checkin=context.hours_since_checkin,
        baseline=context.baseline_dws,
    )


def after_last_dose(answers: Mapping[str, object]) -> dict[str, object]:
    """Return the answers without those that say that none is taken, as was planned [proposal]."""
    took_some = answers.get("dose_taken") == "took_extra"
    kept = ("dose_taken", "dose_taken_mg") if took_some else ()
    return {k: v for k, v in answers.items() if k in kept or k not in NOT_ASKED_AFTER}


def _answer_facts(answers: Mapping[str, object], context: Context) -> dict[str, Any]:
    return {
        "seizure": reading.choice(answers, "seizure", SEIZURE),
        "dose_taken": reading.choice(answers, "dose_taken", DOSE_TAKEN),
        "hours_since_last_dose": reading.number(answers, "hours_since_last_dose"),
        **_amount_facts(answers, context),
        "supply_days": reading.number(answers, "supply_days"),
        "s_shaky": reading.whole(answers, "s_shaky", 0, 4),
        "s_jerks": reading.whole(answers, "s_jerks", 0, 4),
        "temp_c": reading.number(answers, "temp_c"),
        "alcohol_drinks": reading.whole(answers, "alcohol_drinks", 0, 999),
        "other_drugs": reading.choice(answers, "other_drugs", OTHER_DRUGS),
        "si": reading.choice(answers, "si", SI),
        "si_now": reading.flag(answers, "si_now"),
        "pregnancy": reading.choice(answers, "pregnancy", PREGNANCY),
        "drive_sleepy": reading.choice(answers, "drive_sleepy", DRIVE_SLEEPY),
        **_red_flags(answers),
        **_questionnaire_facts(answers),
        **_new_medicine(answers),
    }


def _red_flags(answers: Mapping[str, object]) -> dict[str, bool | None]:
    """Spread the multi-select over its flags; unanswered leaves all unknown."""
    ticked = reading.chosen(answers, "red_flags", (*RED_FLAGS, "none"))
    flags: dict[str, bool | None] = {}
    for name in RED_FLAGS:
        given = reading.flag(answers, name)
        flags[name] = given if ticked is None else (name in ticked or bool(given))
    return flags


def _amount_facts(answers: Mapping[str, object], context: Context) -> dict[str, Any]:
    """Return how much was taken: a value given as per cent goes before any amount."""
    given = reading.number(answers, "dose_taken_pct")
    said = reading.amount(answers, "dose_taken_mg")
    if given is not None or said is None:
        return {"dose_taken_pct": given, "dose_taken_unknown": None, "dose_taken_read": None}
    found = amount_taken(said, context, took_extra=answers.get("dose_taken") == "took_extra")
    return {
        "dose_taken_pct": found.pct,
        "dose_taken_unknown": found.is_unknown or None,
        "dose_taken_read": found.words or None,
    }


def _questionnaire_facts(answers: Mapping[str, object]) -> dict[str, bool | int | None]:
    phq9, gad7, asq = scoring.phq9(answers), scoring.gad7(answers), scoring.asq(answers)
    item9 = reading.whole(answers, "phq9_item9", 0, 3)
    phq9_total = reading.whole(answers, "phq9_total", 0, 27)
    gad7_total = reading.whole(answers, "gad7_total", 0, 21)
    any_yes, now = reading.flag(answers, "asq_any"), reading.flag(answers, "asq_now")
    return {
        "phq9_item9": reading.whole(answers, "phq9_9", 0, 3) if item9 is None else item9,
        "phq9_total": phq9.total if phq9 and phq9_total is None else phq9_total,
        "gad7_total": gad7.total if gad7 and gad7_total is None else gad7_total,
        "asq_any": asq.positive if any_yes is None else any_yes,
        "asq_now": asq.acute if now is None else now,
    }


def _new_medicine(answers: Mapping[str, object]) -> dict[str, bool | tuple[str, ...] | None]:
    """Look for listed medicines in what the patient wrote."""
    given = reading.flag(answers, "new_threshold_med")
    written = reading.words(answers, "new_meds_list")
    if written is None:
        return {"new_threshold_med": given, "threshold_meds": None}
    found = tuple(drug.name for drug in threshold_drugs_in(written))
    return {"new_threshold_med": bool(found) or given, "threshold_meds": found or None}


def _profile_facts(profile: Profile) -> dict[str, Any]:
    return {each.name: getattr(profile, each.name) for each in fields(profile)}


def _trend_facts(
    today: int | None, answers: Mapping[str, object], profile: Profile, context: Context
) -> dict[str, Any]:
    asked_sleep = reading.whole(answers, "s_sleep", 0, 4)
    settling = context.days_since_step is not None and context.days_since_step >= SETTLING_DAYS
    found = [
        _trends_of(history, today, asked_sleep, context.baseline_dws)
        for history in trends.ways_to_read(context.history)
    ]
    raised = {name: any(each[name] for each in found) for name in found[0]}
    scores = trends.scores_until_today(context.history, today)
    return {
        **raised,
        "recent_scores": scores[-SCORES_SHOWN:],
        "in_step_window": in_step_window(profile, context),
        "unresolved14": settling and raised["unresolved14"],
    }


def _trends_of(
    history: Sequence[CheckInSummary], today: int | None, sleep: int | None, base: Baseline
) -> dict[str, bool]:
    scores = trends.scores_until_today(history, today)
    return {
        "rise6_2of3": trends.rise_2of3(scores, base, 6),
        "rise12_2of3": trends.rise_2of3(scores, base, 12),
        "high24_2days": trends.high_twice(scores, 24),
        "rising3": trends.rising(scores),
        "sleep3_2days": trends.bad_sleep_twice(history, sleep),
        "unresolved14": trends.mean_above(scores, base, 4),
    }


def in_step_window(profile: Profile, context: Context) -> bool:
    """Tell whether a reduction is recent enough to explain a worsening.

    0 to 14 days for short, 21 for intermediate, 28 for long half-life.
    """
    if context.days_since_step is None:
        return False
    limit = STEP_WINDOW_DAYS.get(profile.hl_class or "", STEP_WINDOW_DAYS_UNKNOWN)
    return 0 <= context.days_since_step <= limit
