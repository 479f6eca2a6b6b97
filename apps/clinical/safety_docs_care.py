"""The sections of ``docs/clinical.md`` on care around a plan: its place, its pace, its drugs.

Only words about the rules, as in ``safety_docs_sections``: nothing here is used by a rule.
"""

from decimal import Decimal

from apps.clinical import level_of_care
from apps.clinical.cadence import LEAD_IN_DAYS, days_between_check_ins, silence_hours
from apps.clinical.data_symptoms import rows_by
from apps.clinical.drugs import all_drugs
from apps.clinical.equivalence import SOURCES, diazepam_equivalents
from apps.clinical.profile import HALF_LIFE_CLASSES, TIERS, Context, Profile
from apps.clinical.risk import FACTOR_TABLE, tier_from_factors
from apps.clinical.safety_docs_sections import table
from apps.clinical.triage.facts import STEP_WINDOW_DAYS


def level_of_care_questions() -> str:
    """Return the three questions before an outpatient start, and what a high tier needs."""
    asked = level_of_care.level_of_care_prompts(tier_from_factors(rows_by(FACTOR_TABLE, "factor")))
    rows = [
        (
            f"`{prompt.prompt_id}`",
            prompt.question,
            ", ".join(f"`{name}`" for name in prompt.because),
            prompt.source,
            "`test_level_of_care.py::test_all_three_questions_are_asked_of_everyone`",
        )
        for prompt in asked
    ]
    return "\n\n".join(
        [
            "## Level of care",
            "Asked of everyone before an outpatient plan starts. Any yes blocks the start without "
            "a documented sign-off. A factor beside a question is a hint, never an answer "
            "[proposal].",
            table(("question", "asks", "factors that suggest yes", "source", "test"), rows),
            "Before the plan of a high-tier patient is activated: "
            + " ".join(level_of_care.HIGH_TIER_REQUIREMENTS.values())
            + " Test: "
            "`test_level_of_care.py::test_only_a_high_tier_has_requirements_before_activation`.",
        ]
    )


def follow_up() -> str:
    """Return how often a check-in is due, and after how long a silence is looked at."""
    rows = []
    for tier in TIERS:
        for half_life in HALF_LIFE_CLASSES:
            profile = Profile(tier=tier, hl_class=half_life)
            window = STEP_WINDOW_DAYS[half_life]
            soon, later = (
                days_between_check_ins(profile, Context(days_since_step=days))
                for days in (window, window + 1)
            )
            silence = ", ".join(map(str, silence_hours(profile)))
            rows.append((tier, half_life, window, soon, later, silence))
    head = (
        "tier",
        "half-life",
        "days after a step that count",
        "a check-in every … days then",
        "and every … days later",
        "hours of silence looked at",
    )
    return "\n\n".join(
        [
            "## Follow-up",
            f"In the {LEAD_IN_DAYS} days before the first step everybody checks in daily, which "
            "gives the baseline. A tier that is not known counts as low. All are proposals. Tests: "
            "`test_cadence.py::test_cadence_follows_tier_half_life_and_step`, "
            "`test_cadence.py::test_the_week_before_the_first_step_is_daily_for_everybody`, "
            "`test_cadence.py::test_silence_is_looked_at_when_a_rule_may_begin_to_fire`.",
            table(head, rows),
        ]
    )


def drugs() -> str:
    """Return every drug with its half-life class and its equivalence by every source."""
    rows = []
    for drug in all_drugs():
        given = diazepam_equivalents(drug.id, Decimal(1)).by_source
        rows.append(
            (
                f"`{drug.id}`",
                drug.half_life_class.value,
                *(given.get(source) for source in SOURCES),
                "no: published values differ too far" if drug.conversion_refused else "by hand",
                drug.eq_mark,
            )
        )
    head = ("drug", "half-life", *(f"`{name}`" for name in SOURCES), "converts", "mark")
    return "\n\n".join(
        [
            "## Drugs and equivalence",
            "Milligrams of diazepam that 1 mg counts as, by each source. The sources disagree up "
            "to two-fold: nothing converts by itself, a person names the source or types the dose. "
            "The largest value decides the risk tier and the low-dose floor.",
            table(("source", "is"), [(f"`{name}`", words) for name, words in SOURCES.items()]),
            table(head, rows),
            "Tests: `test_equivalence.py::test_every_source_is_given_side_by_side`, "
            "`test_equivalence.py::test_a_source_without_a_value_is_absent_rather_than_guessed`, "
            "`test_drugs.py::test_only_the_drug_marked_so_must_not_be_converted`.",
        ]
    )
