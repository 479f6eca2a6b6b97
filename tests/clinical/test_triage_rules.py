"""Each triage rule fires at its boundary and not just below it.

The boundaries are written out from the reviewed rule table; the table itself
is compared field by field, so a change on either side alone fails here.
"""

import ast
import inspect
import textwrap
from decimal import Decimal

import pytest

from apps.clinical.data_symptoms import rows_by
from apps.clinical.triage import RULES, RULES_BY_ID, CheckInSummary, Context, Profile, assess
from apps.clinical.triage.facts import RED_FLAGS
from apps.clinical.triage.rule import RULE_TABLE

TABLE = rows_by(RULE_TABLE, "rule_id")


def fired(answers=None, *, profile=None, **context):
    """Return the ids that fire on these answers alone."""
    result = assess(answers or {}, Profile(**(profile or {})), Context(**context))
    return {each.rule_id for each in result.fired}


def flag(*names):
    return {"red_flags": list(names)}


def history(*scores):
    return tuple(CheckInSummary(dws=score) for score in scores)


def scored(total):
    """Return ten symptom answers that add up to ``total`` without any 4 below 31."""
    keys = "s_anx s_restless s_stomach s_senses s_fog s_mood s_sleep s_sweat s_shaky s_jerks"
    answers = {}
    for key in keys.split():
        answers[key] = min(3, total)
        total -= answers[key]
    assert total == 0
    # Keep the jerks item low so that it does not fire its own rule.
    return answers


def case(answers=None, *, profile=None, **context):
    return {"answers": answers, "profile": profile, **context}


HIGH = {"tier": "high"}
STEP = {"days_since_step": 5, "baseline_dws": 6}

# rule id -> (cases that fire, cases just outside)
BOUNDARIES = {
    "E01_SEIZURE": (
        [case({"seizure": "yes"}), case({"seizure": "not_sure"})],
        [case({"seizure": "no"}), case({})],
    ),
    "E02_CONFUSION": ([case(flag("rf_confused"))], [case(flag("none")), case({})]),
    "E03_HALLUCINATION": (
        [case(flag("rf_halluc")), case(flag("rf_halluc"), profile={"chronic_halluc": False})],
        [case(flag("rf_halluc"), profile={"chronic_halluc": True}), case(flag("none"))],
    ),
    "E04_SUICIDE_PLAN": (
        [
            case({"si": "plan_or_intent"}),
            case({"si": "passive", "si_now": True}),
            case({"asq_5": True}),
            case({"asq_now": True}),
        ],
        [case({"si": "active_no_plan", "si_now": False}), case({"asq_5": False}), case({})],
    ),
    "E05_RESP_SEDATION": (
        [case(flag("rf_breath")), case(flag("rf_unrousable"))],
        [case(flag("rf_drowsy"))],
    ),
    "E06_CHEST_PAIN": ([case(flag("rf_chest"))], [case(flag("none"))]),
    "E07_FEVER_PLUS": (
        [
            case({**flag("rf_fever"), "s_jerks": 3}),
            case({"temp_c": Decimal("38.0"), "s_jerks": 3}),
            case({**flag("rf_fever"), "dose_taken": "stopped"}),
            case({**flag("rf_fever"), "dose_taken": "ran_out"}),
            case({**flag("rf_fever"), "hours_since_last_dose": 24}),
        ],
        [
            case({**flag("rf_fever"), "s_jerks": 2}),
            case({"temp_c": Decimal("37.9"), "s_jerks": 3}),
            case({**flag("rf_fever"), "hours_since_last_dose": 23}),
            case(flag("rf_fever")),
        ],
    ),
    "E08_ABRUPT_STOP_HIGH": (
        [
            case({"dose_taken": "stopped"}, profile=HIGH),
            case({"dose_taken": "ran_out"}, profile=HIGH),
            case({"dose_taken": "stopped", "s_shaky": 3}),
            case({"dose_taken": "stopped", "s_jerks": 3}),
            case({"dose_taken": "stopped", **flag("rf_vomit")}),
            case({"dose_taken": "stopped", **flag("rf_aura")}),
        ],
        [
            case({"dose_taken": "stopped"}, profile={"tier": "moderate"}),
            case({"dose_taken": "missed_some", "s_shaky": 4}, profile=HIGH),
            case({"dose_taken": "stopped", "s_shaky": 2, "s_jerks": 2}),
            case({"s_shaky": 4}, profile=HIGH),
        ],
    ),
    "E09_AURA_HIGH": (
        [
            case(flag("rf_aura"), profile={"epilepsy": True}),
            case(flag("rf_aura"), profile={"prior_wd_seizure": True}),
        ],
        [case(flag("rf_aura")), case(flag("none"), profile={"epilepsy": True})],
    ),
    "E10_HEAD_FAINT": (
        [
            case(flag("rf_headhit", "rf_faint")),
            case(flag("rf_headhit"), profile={"anticoagulant": True}),
            case(flag("rf_headhit"), profile={"age": 65}),
        ],
        [
            case(flag("rf_headhit"), profile={"age": 64}),
            case(flag("rf_headhit")),
            case(flag("rf_faint"), profile={"anticoagulant": True, "age": 80}),
        ],
    ),
    "E11_VOMIT_GAP_HIGH": (
        [case({**flag("rf_vomit"), "hours_since_last_dose": 24}, profile=HIGH)],
        [
            case({**flag("rf_vomit"), "hours_since_last_dose": 23}, profile=HIGH),
            case({**flag("rf_vomit"), "hours_since_last_dose": 24}, profile={"tier": "moderate"}),
            case(flag("rf_vomit"), profile=HIGH),
            case({"hours_since_last_dose": 24}, profile=HIGH),
        ],
    ),
    "U01_ABRUPT_STOP": (
        [case({"dose_taken": "stopped"}), case({"dose_taken": "ran_out"})],
        [case({"dose_taken": "missed_some"}), case({})],
    ),
    "U02_DOSE_GAP": (
        [
            case({"hours_since_last_dose": 24}, profile={"hl_class": "short"}),
            case({"hours_since_last_dose": 36}, profile={"hl_class": "intermediate"}),
            case({"hours_since_last_dose": 48}, profile={"hl_class": "long"}),
            case({"hours_since_last_dose": 24}),
        ],
        [
            case({"hours_since_last_dose": 23}, profile={"hl_class": "short"}),
            case({"hours_since_last_dose": 35}, profile={"hl_class": "intermediate"}),
            case({"hours_since_last_dose": 47}, profile={"hl_class": "long"}),
            case({"hours_since_last_dose": 23}),
            case({}, profile={"hl_class": "short"}),
        ],
    ),
    "U03_SUPPLY_3": (
        [case({"supply_days": 3}), case({"supply_days": 0})],
        [case({"supply_days": 4}), case({})],
    ),
    "U04_VOMIT": ([case(flag("rf_vomit"))], [case(flag("none"))]),
    "U05_AURA": ([case(flag("rf_aura"))], [case(flag("none"))]),
    "U06_JERKS": ([case({"s_jerks": 3})], [case({"s_jerks": 2}), case({})]),
    "U07_FEVER": (
        [case(flag("rf_fever")), case({"temp_c": "38.0"})],
        [case({"temp_c": "37.99"}), case(flag("none"))],
    ),
    "U08_FAINT": ([case(flag("rf_faint"))], [case(flag("none"))]),
    "U09_HEADHIT": ([case(flag("rf_headhit"))], [case(flag("fall"))]),
    "U10_SI_ACTIVE": (
        [case({"si": "active_no_plan"}), case({"phq9_9": 2}), case({"phq9_item9": 3})],
        [case({"si": "passive"}), case({"phq9_9": 1}), case({})],
    ),
    "U11_SI_PASSIVE": (
        [
            case({"si": "passive"}),
            case({"si": "declined"}),
            case({"phq9_9": 1}),
            case({"asq_1": True}),
            case({"asq_4": True, "asq_1": False}),
            case({"asq_any": True}),
        ],
        [case({"si": "no", "phq9_9": 0, "asq_1": False, "asq_2": False}), case({})],
    ),
    "U12_SCORE_HIGH": ([case(scored(28))], [case(scored(27)), case({})]),
    "U13_SCORE_HIGH_2D": (
        [
            case(scored(24), history=history(24)),
            # A weekly form in between has no daily score.
            case(scored(24), history=history(24, None)),
        ],
        [
            case(scored(23), history=history(24)),
            case(scored(24), history=history(23)),
            case(scored(24), history=history(24, 23)),
            case({}, history=history(24, 24)),
            case(scored(24)),
        ],
    ),
    "U14_RISE_12": (
        [
            case(scored(18), history=history(18, 6), **STEP),
            case(scored(18), history=history(18), **STEP),
        ],
        [
            case(scored(18), history=history(17, 17), **STEP),
            case(scored(17), history=history(18, 17), **STEP),
            case(scored(18), history=history(18, 6, 6), **STEP),
            case(scored(18), history=history(18), days_since_step=5),
            case(scored(18), history=history(18), baseline_dws=6),
        ],
    ),
    "U15_TWO_ITEMS_4": (
        [case({"s_sleep": 4, "s_fog": 4})],
        [case({"s_sleep": 4, "s_fog": 3}), case({})],
    ),
    "U16_ALCOHOL": (
        [case({"alcohol_drinks": 3}), case({"alcohol_drinks": 1}, profile={"aud": True})],
        [
            case({"alcohol_drinks": 2}),
            case({"alcohol_drinks": 0}, profile={"aud": True}),
            case({}, profile={"aud": True}),
        ],
    ),
    "U17_OTHER_DRUG": (
        [
            case({"other_drugs": "opioid"}),
            case({"other_drugs": "street"}),
            case({"other_drugs": "other_sedative"}),
        ],
        [case({"other_drugs": "none"}), case({})],
    ),
    "U18_PREGNANT": (
        [
            case({"pregnancy": "yes"}),
            case({"pregnancy": "yes"}, profile={"pregnancy_known": False}),
        ],
        [
            case({"pregnancy": "yes"}, profile={"pregnancy_known": True}),
            case({"pregnancy": "not_sure"}),
        ],
    ),
    "U19_SLEEP_MOOD": (
        [
            case(
                {"s_sleep": 3},
                profile={"psychotic_or_bipolar": True},
                history=(CheckInSummary(s_sleep=3),),
            ),
            case(
                {"s_sleep": 3},
                profile={"psychotic_or_bipolar": True},
                history=(CheckInSummary(s_sleep=3), CheckInSummary()),
            ),
        ],
        [
            case({"s_sleep": 3}, history=(CheckInSummary(s_sleep=3),)),
            case(
                {"s_sleep": 2},
                profile={"psychotic_or_bipolar": True},
                history=(CheckInSummary(s_sleep=4),),
            ),
            case(
                {"s_sleep": 4},
                profile={"psychotic_or_bipolar": True},
                history=(CheckInSummary(s_sleep=3), CheckInSummary(s_sleep=2)),
            ),
            case(
                {"s_sleep": 4},
                profile={"psychotic_or_bipolar": True},
                history=(CheckInSummary(),),
            ),
            case({"s_sleep": 4}, profile={"psychotic_or_bipolar": True}),
            case({}, profile={"psychotic_or_bipolar": True}, history=(CheckInSummary(s_sleep=4),)),
        ],
    ),
    "U20_NEW_THRESHOLD_MED": (
        [
            case({"new_meds": True, "new_meds_list": "Tramadol 50"}),
            case({"new_meds_list": ["vitamin D", "ciprofloxacino"]}),
            case({"new_threshold_med": True}),
        ],
        [
            case({"new_meds": True, "new_meds_list": "ibuprofen"}),
            case({"new_meds": True}),
            case({"new_meds": False}),
            case({"new_threshold_med": False}),
        ],
    ),
    "U21_TOOK_LESS_25": (
        [
            case({"dose_taken": "took_less", "dose_taken_pct": "74.9"}),
            case(
                {"dose_taken": "took_less", "dose_taken_mg": Decimal("0.7")},
                planned_daily_mg=Decimal(1),
            ),
        ],
        [
            case({"dose_taken": "took_less", "dose_taken_pct": 75}),
            case(
                {"dose_taken": "took_less", "dose_taken_mg": Decimal("0.75")},
                planned_daily_mg=Decimal(1),
            ),
            case({"dose_taken": "took_less"}),
            case({"dose_taken": "took_less", "dose_taken_mg": 0}),
            case({"dose_taken": "took_less", "dose_taken_mg": 0}, planned_daily_mg=Decimal(0)),
            case({"dose_taken": "took_extra", "dose_taken_pct": 74}),
        ],
    ),
    "U22_TOOK_EXTRA_150": (
        [case({"dose_taken": "took_extra", "dose_taken_pct": 150})],
        [
            case({"dose_taken": "took_extra", "dose_taken_pct": "149.9"}),
            case({"dose_taken": "took_extra"}),
            case({"dose_taken": "took_less", "dose_taken_pct": 150}),
        ],
    ),
    "U23_DROWSY_AFTER_SWITCH": (
        [
            case(flag("rf_drowsy"), profile={"age": 65}, days_since_conversion=14),
            case(flag("rf_drowsy"), profile={"liver_disease": True}, days_since_conversion=0),
            case(flag("rf_drowsy"), profile={"opioid_rx": True}, days_since_conversion=3),
        ],
        [
            case(flag("rf_drowsy"), profile={"age": 65}, days_since_conversion=15),
            case(flag("rf_drowsy"), profile={"age": 64}, days_since_conversion=14),
            case(flag("none"), profile={"age": 65}, days_since_conversion=14),
            case(flag("rf_drowsy"), profile={"age": 65}),
        ],
    ),
    "U24_NO_CHECKIN_HIGH": (
        [case(profile={**HIGH, "hl_class": "short"}, hours_since_checkin=48, days_since_step=14)],
        [
            case(profile=HIGH, hours_since_checkin=47, days_since_step=4),
            case(profile={"tier": "moderate"}, hours_since_checkin=48, days_since_step=4),
            case(profile=HIGH, hours_since_checkin=48),
            case(profile=HIGH, days_since_step=4),
            case(profile={**HIGH, "hl_class": "short"}, hours_since_checkin=48, days_since_step=15),
            case(profile=HIGH, hours_since_checkin=48, days_since_step=-1),
        ],
    ),
    "U25_NO_CHECKIN_MOD": (
        [case(profile={"tier": "moderate"}, hours_since_checkin=96, days_since_step=28)],
        [
            case(profile={"tier": "moderate"}, hours_since_checkin=95, days_since_step=4),
            case(profile={"tier": "low"}, hours_since_checkin=96, days_since_step=4),
            case(profile={"tier": "moderate"}, hours_since_checkin=96, days_since_step=29),
            case(profile={"tier": "moderate"}, days_since_step=4),
        ],
    ),
    "W01_MISSED_DOSE": ([case({"dose_taken": "missed_some"})], [case({"dose_taken": "yes_all"})]),
    "W02_SUPPLY_7": (
        [case({"supply_days": 4}), case({"supply_days": 7})],
        [case({"supply_days": 3}), case({"supply_days": 8}), case({})],
    ),
    "W03_RISE_6": (
        [case(scored(12), history=history(12, 0), **STEP)],
        [
            case(scored(11), history=history(12, 12), baseline_dws=6, days_since_step=29),
            case(scored(11), history=history(11, 12), **STEP),
            case({}, history=history(12, 12), **STEP),
        ],
    ),
    "W04_RISING_3": (
        [case(scored(9), history=history(4, 5, 6))],
        [
            case(scored(8), history=history(4, 5, 6)),
            case(scored(9), history=history(4, 6, 6)),
            case(scored(9), history=history(5, 6)),
            case(scored(9), history=history(None, 5, 6)),
        ],
    ),
    "W05_ONE_ITEM_4": (
        [case({"s_sleep": 4})],
        [case({"s_sleep": 3}), case({"s_sleep": 4, "s_fog": 4}), case({})],
    ),
    "W06_NOT_SETTLED_14": (
        [
            case(scored(10), history=history(*[10] * 6), days_since_step=14, baseline_dws=6),
            case(
                scored(13),
                history=history(40, 9, 9, 9, 9, 9, 12),
                days_since_step=30,
                baseline_dws=6,
            ),
        ],
        [
            case(scored(10), history=history(*[10] * 6), days_since_step=13, baseline_dws=6),
            case(scored(10), history=history(9, *[10] * 5), days_since_step=14, baseline_dws=6),
            # The bad day is the eighth last.
            case(scored(10), history=history(40, *[9] * 6), days_since_step=14, baseline_dws=6),
            case(scored(10), history=history(*[10] * 6), days_since_step=14),
            case(scored(10), history=history(*[10] * 6), baseline_dws=6),
            case({}, history=history(*[10] * 7), days_since_step=14, baseline_dws=6),
        ],
    ),
    "W07_ALCOHOL_LOW": (
        [case({"alcohol_drinks": 1}), case({"alcohol_drinks": 2})],
        [
            case({"alcohol_drinks": 0}),
            case({"alcohol_drinks": 3}),
            case({"alcohol_drinks": 1}, profile={"aud": True}),
            case({}),
        ],
    ),
    "W08_OFF_PLAN_SMALL": (
        [
            case({"dose_taken": "took_less"}),
            case({"dose_taken": "took_less", "dose_taken_pct": 75}),
            case({"dose_taken": "took_extra"}),
            case({"dose_taken": "took_extra", "dose_taken_pct": 149}),
        ],
        [
            case({"dose_taken": "took_less", "dose_taken_pct": 74}),
            case({"dose_taken": "took_extra", "dose_taken_pct": 150}),
            case({"dose_taken": "yes_all"}),
            case({"dose_taken_pct": 90}),
        ],
    ),
    "W09_PREG_MAYBE": ([case({"pregnancy": "not_sure"})], [case({"pregnancy": "no"})]),
    "W10_NO_CHECKIN": (
        [
            case(profile=HIGH, hours_since_checkin=24, days_since_step=1),
            case(profile=HIGH, hours_since_checkin=47.9, days_since_step=1),
            case(profile={"tier": "moderate"}, hours_since_checkin=48, days_since_step=1),
            case(profile={"tier": "low"}, hours_since_checkin=168),
            case(hours_since_checkin=168),
        ],
        [
            case(profile=HIGH, hours_since_checkin=23, days_since_step=1),
            case(profile=HIGH, hours_since_checkin=48, days_since_step=1),
            case(profile=HIGH, hours_since_checkin=24),
            case(profile={"tier": "moderate"}, hours_since_checkin=47, days_since_step=1),
            case(profile={"tier": "moderate"}, hours_since_checkin=96, days_since_step=1),
            case(profile={"tier": "moderate"}, hours_since_checkin=50),
            case(profile={"tier": "low"}, hours_since_checkin=167),
            case(profile={"tier": "low"}),
        ],
    ),
    "W11_FALL": ([case(flag("fall"))], [case(flag("fall", "rf_headhit")), case(flag("none"))]),
    "W12_DROWSY": (
        [case(flag("rf_drowsy")), case({"drive_sleepy": "yes"})],
        [case(flag("none")), case({"drive_sleepy": "no"}), case({"drive_sleepy": "not_driving"})],
    ),
    "W13_PHQ_GAD": (
        [
            case({"phq9_total": 15}),
            case({"gad7_total": 15}),
            case({f"phq9_{number}": 3 for number in range(1, 6)}),
            case({f"gad7_{number}": 3 for number in range(1, 6)}),
        ],
        [
            case({"phq9_total": 14, "gad7_total": 14}),
            case({f"phq9_{number}": 3 for number in range(1, 5)}),
            case({}),
        ],
    ),
    "W14_CHRONIC_HALLUC": (
        [case(flag("rf_halluc"), profile={"chronic_halluc": True})],
        [case(flag("rf_halluc")), case(flag("none"), profile={"chronic_halluc": True})],
    ),
    "W15_NALOXONE": (
        [
            case(profile={"opioid_rx": True}),
            case(profile={"opioid_rx": True, "naloxone_on_file": False}),
        ],
        [case(profile={"opioid_rx": True, "naloxone_on_file": True}), case(profile={})],
    ),
    "W16_REVIEW_OVERDUE": (
        [
            case(days_since_rb_review=90),
            case(days_since_rb_review=30, rb_review_limit_days=30),
        ],
        [case(days_since_rb_review=89), case()],
    ),
    "W17_PROTRACTED": (
        [case(scored(8), days_since_stop=31)],
        [
            case(scored(8), days_since_stop=30),
            case(scored(7), days_since_stop=31),
            case({}, days_since_stop=31),
            case(scored(8)),
        ],
    ),
    "W18_SCORE_MID": (
        [case(scored(16)), case(scored(27))],
        [case(scored(15)), case(scored(28)), case({})],
    ),
}


def cases(side):
    return [
        pytest.param(rule_id, each, id=f"{rule_id}-{number}")
        for rule_id, both in BOUNDARIES.items()
        for number, each in enumerate(both[side], start=1)
    ]


@pytest.mark.parametrize(("rule_id", "given"), cases(0))
def test_rule_fires_at_its_boundary(rule_id, given):
    assert rule_id in fired(**given)


@pytest.mark.parametrize(("rule_id", "given"), cases(1))
def test_rule_stays_quiet_just_outside_its_boundary(rule_id, given):
    assert rule_id not in fired(**given)


def test_every_rule_of_the_table_is_code_and_has_boundaries():
    assert list(RULES_BY_ID) == list(TABLE) == list(BOUNDARIES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule_id)
def test_rule_carries_the_numbers_of_the_reviewed_table(rule):
    row = TABLE[rule.rule_id]
    assert (
        rule.level.value,
        rule.group,
        str(rule.minutes),
        rule.taper_action.value,
        rule.text_key,
        str(rule.dedupe_hours),
    ) == (
        row["level"],
        row["group"],
        row["care_team_response_minutes"],
        row["taper_action"],
        row["patient_text_key"],
        row["dedupe_hours"],
    )
    assert (rule.plain, rule.source) == (row["condition_plain"], row["source"])
    assert rule.rationale
    assert rule.mark


# Facts a rule reaches through another function, which the source does not show.
THROUGH_HELPERS = {"has_fever": {"rf_fever", "temp_c"}}
# What a derived trend was computed from, stored so that a reader can follow it.
BEHIND_A_TREND = {
    "recent_scores",
    "baseline",
    "days_since_step",
    "threshold_meds",
    "dose_taken_read",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule_id)
def test_evidence_names_every_fact_the_rule_looks_at(rule):
    tree = ast.parse(textwrap.dedent(inspect.getsource(rule.test)))
    looked_at = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "facts"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            looked_at |= THROUGH_HELPERS.get(node.func.id, set())
    assert looked_at <= set(rule.reads)
    extra = set(rule.reads) - looked_at
    assert extra <= BEHIND_A_TREND | {"hl_class"}


def test_red_flags_of_the_form_are_the_flags_the_rules_know():
    ticked = fired({"red_flags": list(RED_FLAGS)})
    assert {"E02_CONFUSION", "E05_RESP_SEDATION", "E06_CHEST_PAIN", "U09_HEADHIT"} <= ticked
