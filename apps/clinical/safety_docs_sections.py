"""The sections of ``docs/clinical.md``, each built from the code that decides.

Only words about the rules: nothing here is used by a rule.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from apps.clinical import dependence as dependence_rules
from apps.clinical import findings, freetext_phrases, methods, pace, scoring, texts
from apps.clinical.data_symptoms import rows_by
from apps.clinical.questionnaires import LATEST, Condition, Item, get_questionnaire
from apps.clinical.risk import FACTOR_TABLE, HIGH_POINTS, MODERATE_POINTS
from apps.clinical.triage import RULES, RULES_VERSION, Level, TaperAction
from apps.clinical.triage.facts import STEP_WINDOW_DAYS
from apps.clinical.triage.rules_urgent import DOSE_GAP_HOURS

BOUNDARY_TEST = "test_triage_rules.py::test_rule_fires_at_its_boundary"
SHOWN_WORDS = {
    "in": "is",
    "not_in": "is not",
    "at_least": "is at least",
    "at_most": "is at most",
    "includes": "includes",
}
LEVEL_WORDS = {
    Level.NONE: "routine",
    Level.WATCH: "a person reviews by the stated time",
    Level.URGENT: "a person makes contact the same day, within the stated minutes",
    Level.EMERGENCY: "possible danger to life now: on-call person at once",
}
TAPER_WORDS = {
    TaperAction.NONE: "nothing",
    TaperAction.REVIEW: "a clinician looks before the next step",
    TaperAction.HOLD_NEXT: "the next step is locked until a clinician decides",
    TaperAction.HOLD_ALL_REDUCTIONS: "every coming reduction is locked",
    TaperAction.PAUSE_TAPER: "the plan stops until the cause has resolved",
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(each) for each in line) + " |" for line in lines)


def levels() -> str:
    """Return what the levels and taper actions mean."""
    return "\n\n".join(
        [
            f"## Levels\n\nRules version `{RULES_VERSION}`. The level of a check-in is the highest "
            "of all rules that fire, its taper action the most severe, its minutes the shortest. "
            "All fired rules are stored with the answers that fired them.",
            table(("level", "means"), [(level.value, LEVEL_WORDS[level]) for level in Level]),
            table(
                ("taper action", "means"),
                [(action.value, TAPER_WORDS[action]) for action in TaperAction],
            ),
            "A hold never changes the dose of today. An alert ends only with a person's act.",
        ]
    )


def triage_rules() -> str:
    """Return every triage rule, by level."""
    parts = ["## Triage rules"]
    for level in reversed(Level):
        rows = [
            (
                f"`{rule.rule_id}`",
                rule.plain,
                rule.rationale,
                f"{rule.source} {rule.mark}",
                rule.minutes,
                rule.taper_action.value,
                f"`{rule.text_key}`",
                f"`{BOUNDARY_TEST}[{rule.rule_id}-1]`",
            )
            for rule in RULES
            if rule.level is level
        ]
        if rows:
            head = ("rule", "when", "why", "source", "minutes", "taper", "text", "test")
            parts.append(f"### {level.value} ({len(rows)})\n\n" + table(head, rows))
    return "\n\n".join(parts)


def derived_values() -> str:
    """Return the limits that depend on the half-life class, and what missing means."""
    rows = [(name, DOSE_GAP_HOURS[name], STEP_WINDOW_DAYS[name]) for name in DOSE_GAP_HOURS]
    return "\n\n".join(
        [
            "## Limits by half-life class",
            table(("class", "hours without a dose (U02)", "days after a step that count"), rows),
            "A missing answer never fires a threshold and never counts as “no”. A missing "
            "mandatory answer keeps the check-in incomplete, and the clock for missed check-ins "
            "running.",
            "A worse answer never lowers the level, with one exception on purpose: where the "
            "pregnancy is already known, an answer of “not sure” fires W09 and “yes” fires "
            "nothing, so triage is not monotone there.",
            "Tests: `test_triage_rules.py::test_rule_fires_at_its_boundary`, "
            "`test_triage_properties.py::test_triage_never_falls_when_one_answer_worsens`, "
            "`test_triage_properties.py::test_a_known_pregnancy_is_the_one_place_that_falls`.",
        ]
    )


def patient_texts() -> str:
    """Return every patient text in every language."""
    marks = {name: f"{{{name}}}" for name in texts.PLACEHOLDERS}
    rows = [
        (
            f"`{key}`",
            *(texts.patient_text(key, each, **marks) for each in texts.LANGUAGES),
        )
        for key in texts.text_keys()
    ]
    numbers = [(place, each.emergency, each.crisis) for place, each in texts.LOCALE_NUMBERS.items()]
    return "\n\n".join(
        [
            "## Patient texts",
            "English is the reviewed wording; Spanish is our translation [proposal]. A key that "
            f"ends in `{texts.AFTER_LAST_DOSE}` is our own wording in both [proposal]: the text "
            "before it for somebody who takes none any more, without the dose. Tests: "
            "`test_texts.py`.",
            table(("key", "English", "Spanish"), rows),
            table(("country", "emergency", "crisis"), numbers),
        ]
    )


def forms() -> str:
    """Return the questions of the latest forms."""
    parts = [
        "## Check-in forms\n\nTests: `test_questionnaires.py`. An amount in mL is read by the "
        "strength of the liquids that the plan gives that day. Of several ways to read it the one "
        "that raises most counts; with no strength known U21 or U22 fires [proposal]. An amount "
        "that contradicts “less” or “more” beside it is read in the other unit where that fits "
        "[proposal], and staff read of each contradiction: "
        "`test_amounts.py`."
    ]
    for kind, version in LATEST.items():
        form = get_questionnaire(kind, version)
        rows = [
            (
                f"`{item.key}`",
                item.wording["en"],
                item.wording["es"],
                _options(item),
                _condition(item.shown_when) if item.shown_when else "always",
                "yes" if item.mandatory else "",
            )
            for item in form.items
        ]
        head = ("key", "English", "Spanish", "answers", "shown when", "mandatory")
        parts.append(f"### {kind}, version {version}\n\n" + table(head, rows))
        parts.extend(credit["en"] for credit in form.credits)
    return "\n\n".join(parts)


def scores() -> str:
    """Return the scores and their bands."""
    ciwa = "test_scoring.py::test_ciwa_b_bands_carry_the_version_of_their_table"
    rows = [
        (
            "daily withdrawal score",
            f"none: the sum of {len(scoring.DWS_KEYS)} answers from 0 to {scoring.DWS_ITEM_MAX}",
            "`test_scoring.py::test_daily_score_adds_the_ten_symptom_items_of_the_form`",
        ),
        (
            "baseline",
            f"none: the median of {scoring.BASELINE_MIN_CHECKINS} or more check-ins in the 7 days "
            "before a step",
            "`test_scoring.py::test_baseline_is_the_median_of_three_or_more_scores`",
        ),
        ("PHQ-9", _bands(scoring.PHQ9_BANDS), "`test_scoring.py::test_phq9_bands`"),
        ("GAD-7", _bands(scoring.GAD7_BANDS), "`test_scoring.py::test_gad7_bands`"),
        (
            "ASQ",
            "positive on any yes, acute on question five",
            "`test_scoring.py::test_asq_is_positive_on_any_yes_and_acute_on_question_five`",
        ),
        *(
            (f"CIWA-B, band table `{version}`", _bands(bands), f"`{ciwa}`")
            for version, bands in scoring.CIWA_B_BAND_TABLES.items()
        ),
    ]
    return "\n\n".join(
        [
            "## Scores",
            "The daily withdrawal score is ours and not validated; no published cut-off exists.",
            table(("instrument", "bands by highest total", "test"), rows),
        ]
    )


def risk() -> str:
    """Return the factors of the seizure-risk tier."""
    test = "test_risk.py::test_each_factor_carries_the_points_and_source_of_the_table"
    rows = [
        (
            f"`{name}`",
            row["points"] or "high at once",
            row["note"],
            f"{row['source']} {row['evidence_mark']}",
            f"`{test}[{name}]`",
        )
        for name, row in rows_by(FACTOR_TABLE, "factor").items()
    ]
    return "\n\n".join(
        [
            "## Seizure-risk tier",
            f"High: any factor marked so, or {HIGH_POINTS} points. Moderate: {MODERATE_POINTS} or "
            "more. Low: less. A proposal, not a validated model. Test: "
            "`test_risk.py::test_tier_from_points`.",
            table(("factor", "points", "note", "source", "test"), rows),
        ]
    )


def dependence() -> str:
    """Return the dose bands of the dependence table."""
    rows = [
        (drug, f"up to {low} mg", f"up to {moderate} mg")
        for drug, (low, moderate) in dependence_rules.PRINTED_LIMITS.items()
    ]
    low, moderate = dependence_rules.DZE_LIMITS
    return "\n\n".join(
        [
            "## Physical dependence and dose bands",
            f"{dependence_rules.SOURCE}. At {dependence_rules.RARE_DAYS_PER_WEEK} days a week or "
            "fewer: rare. More often, for under 1 month, or 1 to 3 months at a low dose: lower "
            "risk but possible. Else: yes, increasing with dose and duration. Tests: "
            "`test_dependence.py::test_dependence_table`, "
            "`test_dependence.py::test_printed_limits_win_over_arithmetic`, "
            "`test_dependence.py::test_other_drugs_use_the_largest_equivalent_of_all_sources`.",
            table(
                ("drug", "low", "moderate"),
                [
                    *rows,
                    (
                        "any other, by the largest diazepam equivalent",
                        f"up to {low} mg",
                        f"up to {moderate} mg",
                    ),
                ],
            ),
        ]
    )


def free_text() -> str:
    """Return what is looked for in free text."""
    counts: dict[str, dict[str, int]] = {}
    for phrase in freetext_phrases.PHRASES:
        languages = counts.setdefault(phrase.category, dict.fromkeys(texts.LANGUAGES, 0))
        languages[phrase.language] += 1
    return "\n\n".join(
        [
            "## Free text",
            "Shown to staff word for word. A red-flag phrase that is not negated marks the note "
            "“read today”; it never sets a level. Recall and precision on labelled sentences: "
            "`test_freetext.py::test_recall_and_precision_do_not_fall`. Indirect wording will be "
            "missed.",
            table(
                ("looks for", "English patterns", "Spanish patterns"),
                [(name, each["en"], each["es"]) for name, each in sorted(counts.items())],
            ),
        ]
    )


def taper_rules(tests_naming: Callable[[str], Sequence[str]]) -> str:
    """Return the rules of the taper engine with the tests that name them."""
    rows = [
        (
            f"`{rule.id}`",
            rule.statement,
            rule.source,
            ", ".join(f"`{test}`" for test in tests_naming(rule.id)) or "no test names it",
        )
        for rule in findings.RULES.values()
    ]
    return "\n\n".join(
        [
            "## Taper rules",
            f"Pace looks at the highest dose in force in the {pace.WINDOW_DAYS} days before a "
            f"step: over {pace.USUAL_PCT} % warns, over {pace.LIMIT_PCT} % blocks, except that at "
            f"{pace.LOW_DOSE_FLOOR_MG} mg diazepam equivalent or less a step of "
            f"{pace.LOW_DOSE_STEP_MG} mg or less is a low-dose exception.",
            table(("rule", "says", "source", "tests"), rows),
        ]
    )


def presets() -> str:
    """Return the methods a prescriber can pick by name."""
    rows = [
        (f"`{name}`", preset.label, preset.interval_days, preset.source)
        for name, preset in methods.PRESETS.items()
    ]
    return "## Taper presets\n\n" + table(("preset", "name", "days a step", "source"), rows)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    shown = str(value) if not isinstance(value, Fraction) else f"{float(value):g}"
    return " ".join(shown.split()).replace("|", "\\|")


def _bands(bands: Iterable[tuple[int, str]]) -> str:
    return ", ".join(f"{limit} {name.replace('_', ' ')}" for limit, name in bands)


def _options(item: Item) -> str:
    if item.options:
        return "; ".join(f"{option.value}: {option.label['en']}" for option in item.options)
    if item.units:
        return f"number, in {' or '.join(str(each.value) for each in item.units)}"
    if item.minimum is not None or item.maximum is not None:
        ends = [str(end) for end in (item.minimum, item.maximum) if end is not None]
        return f"number {' to '.join(ends)} {item.unit.get('en', '')}".strip()
    return item.kind


def _condition(condition: Condition) -> str:
    if condition.parts:
        word = " or " if condition.op == "any" else " and "
        return word.join(_condition(part) for part in condition.parts)
    values = ", ".join(str(value) for value in condition.values)
    return f"{condition.key} {SHOWN_WORDS[condition.op]} {values}"
