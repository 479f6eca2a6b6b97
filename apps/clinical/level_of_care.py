"""What to settle before an outpatient plan starts, and how closely to follow.

Prompts, never decisions: a clinician answers each, and any yes asks for a
documented sign-off. Sources: ASAM-07 and ASAM-19, INP-01, triage.md section 4,
guideline follow-up frequency.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from apps.clinical.errors import ClinicalError
from apps.clinical.profile import HALF_LIFE_CLASSES, TIERS
from apps.clinical.risk import RiskResult

# Which risk factors suggest a yes to which prompt; the clinician still answers.
COMORBIDITY_FACTORS = frozenset(
    {
        "active_heavy_alcohol",
        "other_sedative_dependence",
        "cns_lesion_tbi_stroke",
        "severe_liver_disease",
        "unstable_psychiatric",
        "electrolyte_or_eating_disorder",
    }
)
HARM_FACTORS = frozenset({"unstable_psychiatric"})
AFTER_STEP_DAYS = 14
AFTER_STEP_DAYS_HIGH_LONG = 28
WEEK = 7


class LevelOfCareError(ClinicalError):
    """A tier or half-life class that does not exist."""


@dataclass(frozen=True, slots=True)
class CarePrompt:
    """One question before activation. ``because`` lists factors that suggest yes."""

    prompt_id: str
    question: str
    because: tuple[str, ...]
    source: str


def level_of_care_prompts(risk: RiskResult) -> tuple[CarePrompt, ...]:
    """Return the three level-of-care questions, with what suggests a yes.

    Any yes blocks an outpatient start without a documented sign-off. A factor
    beside a prompt is a hint, not an answer [proposal]. Source: ASAM-07
    (recommendation 5 a-c), INP-01.
    """
    names = [reason.factor for reason in risk.reasons]
    absolute = tuple(reason.factor for reason in risk.reasons if reason.points is None)
    return (
        CarePrompt(
            "ASAM-07a",
            "Could continued use cause serious harm soon that the first reduction will not "
            "quickly fix (interaction, overdose, falls, suicidality)?",
            tuple(name for name in names if name in HARM_FACTORS),
            "ASAM 2025 rec 5a",
        ),
        CarePrompt(
            "ASAM-07b",
            "Are there symptoms or other illnesses that cannot be managed as an outpatient?",
            tuple(name for name in names if name in COMORBIDITY_FACTORS),
            "ASAM 2025 rec 5b; SA Health (INP-01)",
        ),
        CarePrompt(
            "ASAM-07c",
            "Is severe or complicated withdrawal present or expected soon?",
            absolute,
            "ASAM 2025 rec 5c, 12; SA Health (INP-01)",
        ),
    )


# Before a plan of a high-tier patient is activated. Source: triage.md section 4.
HIGH_TIER_REQUIREMENTS: Mapping[str, str] = {
    "level_of_care_signed": "Sign-off on level of care is documented (ASAM-07).",
    "emergency_contact": "An emergency contact is on file.",
    "supply_plan": "A supply plan is agreed.",
    "daily_check_in": "Daily check-ins are agreed.",
}


def activation_requirements(tier: str) -> Mapping[str, str]:
    """Return what must be documented before an outpatient plan is activated.

    Keyed by a stable name; empty unless the tier is high. An unknown tier
    raises ``LevelOfCareError``.
    """
    _check(tier, TIERS, "tier")
    return HIGH_TIER_REQUIREMENTS if tier == "high" else {}


def check_in_every_days(tier: str, hl_class: str, days_since_step: int | None) -> int:
    """Return how many days may lie between two check-ins.

    Low: 7. Moderate: 2 in the 14 days after a step, else 7. High: 1 in the 14
    days after a step (28 for a long half-life), else 7. The guideline proposal
    says "every 2-3 days" for moderate, of which the closer is used, and nothing
    for high outside the window [proposal].
    """
    _check(tier, TIERS, "tier")
    _check(hl_class, HALF_LIFE_CLASSES, "half-life class")
    if tier == "low" or days_since_step is None or days_since_step < 0:
        return WEEK
    long_watch = tier == "high" and hl_class == "long"
    if days_since_step > (AFTER_STEP_DAYS_HIGH_LONG if long_watch else AFTER_STEP_DAYS):
        return WEEK
    return 1 if tier == "high" else 2


def _check(value: str, allowed: tuple[str, ...], name: str) -> None:
    if value not in allowed:
        raise LevelOfCareError(f"There is no {name} {value!r}.")


class Care(StrEnum):
    """Where and how closely a patient is looked after, from least to most."""

    OUTPATIENT = "outpatient"
    DAILY = "daily_contact"
    INPATIENT = "inpatient"


@dataclass(frozen=True, slots=True)
class CareLevel:
    """What the answers suggest, and every reason for it in a sentence."""

    level: Care
    because: tuple[str, ...]
    severe_sign: bool = False


CARE_REASONS: Mapping[str, str] = {
    "ASAM-07a": "Continued use could cause serious harm soon that the first reduction will not "
    "quickly fix (ASAM 2025 rec 5a).",
    "ASAM-07b": "There are symptoms or other illnesses that cannot be managed as an outpatient "
    "(ASAM 2025 rec 5b).",
    "ASAM-07c": "Severe or complicated withdrawal is present or expected soon (ASAM 2025 rec 5c).",
}
HIGH_RISK = "The seizure risk is high: daily check-ins are agreed (triage.md section 4)."
SEVERE_SIGN = "A severe sign was reported since the last answers [proposal]."
USUAL = "No answer is yes: outpatient care is usual (ASAM 2025 rec 5)."


def level_of_care(answers: Mapping[str, bool], tier: str, *, severe_sign: bool) -> CareLevel:
    """Return the level of care that the three answers, the tier and a severe sign suggest.

    ``answers`` is keyed by prompt id and holds all three. Any yes suggests inpatient care;
    a high tier, or a severe sign since the last answers, daily contact. A suggestion only:
    the clinician decides and signs for another. Sources: ASAM-07, triage.md section 4;
    that a severe sign asks for daily contact is a [proposal]. A missing answer or unknown
    tier raises ``LevelOfCareError``.
    """
    _check(tier, TIERS, "tier")
    if set(answers) != set(CARE_REASONS):
        raise LevelOfCareError("Each of the three questions needs an answer.")
    because = [words for prompt, words in CARE_REASONS.items() if answers[prompt]]
    level = Care.INPATIENT if because else Care.OUTPATIENT
    closer = [words for words, holds in ((HIGH_RISK, tier == "high"), (SEVERE_SIGN, severe_sign))
              if holds]  # fmt: skip
    if closer and level is Care.OUTPATIENT:
        level = Care.DAILY
    return CareLevel(level, (*because, *closer) or (USUAL,), severe_sign)


def needs_sign_off(suggested: Care, decided: Care) -> bool:
    """Answer whether the decision differs from the suggestion, and so needs words and a name."""
    return suggested is not decided
