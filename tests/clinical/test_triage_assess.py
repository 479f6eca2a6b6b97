"""The result of a check-in: level, taper action, minutes, texts and evidence."""

import json
from decimal import Decimal

import pytest

from apps.clinical.errors import ClinicalError
from apps.clinical.questionnaires import get_questionnaire
from apps.clinical.triage import (
    RULES_VERSION,
    SILENCE_RULES,
    CheckInSummary,
    Context,
    Level,
    Profile,
    TaperAction,
    assess,
    assess_silence,
    emergency_options,
)


def ids(result):
    return [each.rule_id for each in result.fired]


def test_nothing_reported_is_level_none_with_the_plain_thanks():
    result = assess({})
    assert (result.level, result.taper_action, result.minutes) == (
        Level.NONE,
        TaperAction.NONE,
        None,
    )
    assert result.text_keys == ("T_NONE",)
    assert result.fired == ()
    assert result.rules_version == RULES_VERSION


def test_one_emergency_is_enough_however_mild_the_rest():
    result = assess({"seizure": "not_sure", "dose_taken": "yes_all", "s_anx": 0, "si": "no"})
    assert result.level is Level.EMERGENCY
    assert result.minutes == 5


def test_every_fired_rule_is_kept_with_its_evidence():
    result = assess(
        {"dose_taken": "stopped", "s_shaky": 3, "red_flags": ["rf_fever"]}, Profile(tier="high")
    )
    assert ids(result) == ["E07_FEVER_PLUS", "E08_ABRUPT_STOP_HIGH", "U01_ABRUPT_STOP", "U07_FEVER"]
    assert result.fired[1].evidence == {
        "dose_taken": "stopped",
        "tier": "high",
        "s_shaky": 3,
        "rf_vomit": False,
        "rf_aura": False,
    }


def test_taper_action_is_the_most_severe_of_all_rules_not_of_the_level():
    sleep = (CheckInSummary(s_sleep=3),)
    result = assess(
        {"red_flags": ["rf_chest"], "s_sleep": 3},
        Profile(psychotic_or_bipolar=True),
        Context(history=sleep),
    )
    assert result.level is Level.EMERGENCY
    assert result.taper_action is TaperAction.PAUSE_TAPER


def test_minutes_are_the_shortest_of_all_rules():
    result = assess({"si": "active_no_plan", "s_jerks": 3, "supply_days": 2})
    assert result.minutes == 60


def test_texts_come_most_severe_first_and_one_per_group():
    result = assess(
        {"red_flags": ["rf_aura", "rf_headhit", "fall"], "supply_days": 5, "seizure": "yes"},
    )
    assert result.text_keys == ("T_SEIZURE", "T_FALL", "T_SUPPLY")


def test_two_groups_with_the_same_text_show_it_once():
    result = assess({"dose_taken": "stopped", "hours_since_last_dose": 60})
    assert ids(result) == ["U01_ABRUPT_STOP", "U02_DOSE_GAP"]
    assert result.text_keys == ("T_STOP_URG",)


def test_plain_thanks_are_not_shown_beside_an_advice():
    result = assess({"s_sleep": 4}, context=Context(days_since_rb_review=120))
    assert ids(result) == ["W05_ONE_ITEM_4", "W16_REVIEW_OVERDUE"]
    assert result.text_keys == ("T_WATCH",)


def test_plain_thanks_stay_when_only_the_clinic_has_something_to_do():
    assert assess({}, context=Context(days_since_rb_review=120)).text_keys == ("T_NONE",)


def test_take_no_more_pills_is_never_shown_beside_keep_taking_your_dose():
    result = assess({"red_flags": ["rf_breath"], "supply_days": 1, "dose_taken": "missed_some"})
    assert result.text_keys == ("T_BREATH",)
    assert {"U03_SUPPLY_3", "W01_MISSED_DOSE"} <= set(ids(result))


@pytest.mark.parametrize("days", [None, 0, 40])
def test_the_advice_speaks_of_a_dose_only_to_whoever_takes_one(days):
    answers = dict.fromkeys(get_questionnaire("daily", 1).score_keys, 1) | {"s_jerks": 3}
    result = assess(answers, context=Context(days_since_stop=days))
    off = "" if days is None else "_OFF"
    watch = (f"T_WATCH{off}",) if days == 40 else ()  # W17
    assert result.text_keys == (f"T_URG_SYM{off}", *watch)
    assert {each.text_key for each in result.fired} == set(result.text_keys)
    assert assess({}, context=Context(days_since_stop=days)).text_keys == (f"T_NONE{off}",)


def test_who_takes_some_after_the_last_dose_is_told_not_to_stop():
    """A restart that nobody has recorded yet: the wording with a dose is the safe one."""
    result = assess({"s_jerks": 3, "dose_taken": "took_extra"}, context=Context(days_since_stop=40))
    assert "T_URG_SYM" in result.text_keys


def test_score_is_given_only_when_all_ten_items_were_answered():
    ten = dict.fromkeys(get_questionnaire("daily", 1).score_keys, 2)
    assert assess(ten).dws == 20
    del ten["s_fog"]
    assert assess(ten).dws is None


def test_a_threshold_the_answered_items_reach_fires_although_one_is_missing():
    nine = dict.fromkeys(get_questionnaire("daily", 1).score_keys, 3)
    del nine["s_fog"], nine["s_jerks"]
    assert "W18_SCORE_MID" in ids(assess(nine))
    nine["s_anx"] = nine["s_mood"] = 4
    nine["s_sleep"] = nine["s_sweat"] = 4
    result = assess(nine)
    assert "U12_SCORE_HIGH" in ids(result)
    assert result.dws is None


def test_unknown_protective_facts_count_as_absent():
    assert "E03_HALLUCINATION" in ids(assess({"red_flags": ["rf_halluc"]}, Profile()))
    assert "U18_PREGNANT" in ids(assess({"pregnancy": "yes"}, Profile()))
    assert "W15_NALOXONE" in ids(assess({}, Profile(opioid_rx=True)))


@pytest.mark.parametrize(
    "answers",
    [
        {"seizure": "maybe"},
        {"dose_taken": ["stopped"]},
        {"si_now": "perhaps"},
        {"s_jerks": 5},
        {"s_jerks": True},
        {"s_sleep": "4"},
        {"temp_c": "hot"},
        {"temp_c": True},
        {"temp_c": "NaN"},
        {"red_flags": "rf_chest"},
        {"red_flags": ["rf_unknown"]},
        {"phq9_1": 4},
        {"alcohol_drinks": -1},
    ],
)
def test_an_answer_no_form_can_give_is_refused_not_ignored(answers):
    with pytest.raises(ClinicalError) as refused:
        assess(answers)
    assert next(iter(answers)) in str(refused.value)


@pytest.mark.parametrize("wrong", [{"tier": "HIGH"}, {"hl_class": "medium"}])
def test_a_profile_value_no_rule_knows_is_refused(wrong):
    with pytest.raises(ClinicalError):
        Profile(**wrong)


@pytest.mark.parametrize("days", [0, 91])
def test_a_review_interval_longer_than_three_months_is_refused(days):
    with pytest.raises(ClinicalError):
        Context(rb_review_limit_days=days)


def test_answers_may_come_back_from_json():
    answers = {"red_flags": ["rf_fever"], "temp_c": "38.40", "si_now": "no", "asq_any": "yes"}
    assert ids(assess(json.loads(json.dumps(answers)))) == ["U07_FEVER", "U11_SI_PASSIVE"]


def test_single_flags_and_the_multi_select_are_joined():
    assert "E06_CHEST_PAIN" in ids(assess({"red_flags": ["none"], "rf_chest": True}))
    assert ids(assess({"red_flags": []})) == []


def test_result_can_be_stored_as_json():
    result = assess(
        {"temp_c": "38.4", "new_meds_list": "litio"}, context=Context(history=(CheckInSummary(3),))
    )
    stored = json.loads(json.dumps(result.as_dict()))
    assert stored["level"] == "urgent"
    assert stored["fired"][0]["evidence"] == {"temp_c": "38.4"}
    assert stored["fired"][1]["evidence"] == {
        "new_threshold_med": True,
        "threshold_meds": ["lithium"],
    }
    assert Level(stored["level"]) is Level.URGENT


def test_levels_and_taper_actions_are_ordered():
    assert Level.NONE < Level.WATCH < Level.URGENT < Level.EMERGENCY
    assert Level.WATCH <= Level.WATCH
    assert Level.URGENT >= Level.URGENT
    order = ["none", "review", "hold_next", "hold_all_reductions", "pause_taper"]
    assert [each.value for each in sorted(TaperAction)] == order
    assert TaperAction.PAUSE_TAPER > TaperAction.HOLD_ALL_REDUCTIONS


# --- silence ---------------------------------------------------------------


def test_silence_of_a_high_risk_patient_after_a_step_is_urgent():
    context = Context(hours_since_checkin=50, days_since_step=4)
    result = assess_silence(Profile(tier="high", opioid_rx=True), context)
    assert ids(result) == ["U24_NO_CHECKIN_HIGH"]
    assert result.text_keys == ("T_MISSED_CHECKIN",)


def test_silence_looks_at_the_silence_rules_only():
    assert [rule.rule_id for rule in SILENCE_RULES] == [
        "U24_NO_CHECKIN_HIGH",
        "U25_NO_CHECKIN_MOD",
        "W10_NO_CHECKIN",
    ]
    quiet = assess_silence(Profile(tier="low", opioid_rx=True), Context(hours_since_checkin=60))
    assert (quiet.level, quiet.text_keys) == (Level.NONE, ())


# --- options shown at the tap ------------------------------------------------


def test_options_at_the_tap_agree_with_triage_for_every_option_of_every_form():
    found = {(each.item_key, each.value): each for each in emergency_options()}
    seen = set()
    for kind in ("daily", "weekly"):
        for item in get_questionnaire(kind, 1).items:
            for option in item.options:
                key = (item.key, option.value)
                answer = (option.value,) if item.kind == "multi" else option.value
                result = assess({item.key: answer})
                if result.level >= Level.URGENT:
                    seen.add(key)
                    assert found[key].level is result.level
                    assert found[key].text_key == result.text_keys[0]
                    assert set(found[key].rule_ids) <= set(ids(result))
    assert seen == set(found)


def test_every_suicide_answer_but_no_shows_the_crisis_text_at_the_tap():
    shown = {each.value: each.text_key for each in emergency_options() if each.item_key == "si"}
    assert shown == {
        "passive": "T_SI_URG",
        "active_no_plan": "T_SI_URG",
        "plan_or_intent": "T_SI_EMERG",
        "declined": "T_SI_URG",
    }


def test_options_can_be_those_of_one_form_and_one_patient():
    daily = [get_questionnaire("daily", 1)]
    aura = {
        each.value: each.level
        for each in emergency_options(daily, Profile(epilepsy=True, chronic_halluc=True))
        if each.item_key == "red_flags"
    }
    assert aura["rf_aura"] is Level.EMERGENCY
    assert "rf_halluc" not in aura


def test_watch_answers_show_nothing_at_the_tap():
    assert ("dose_taken", "missed_some") not in {
        (each.item_key, each.value) for each in emergency_options()
    }


def test_a_measured_dose_takes_precedence_as_given():
    result = assess(
        {"dose_taken": "took_less", "dose_taken_pct": Decimal(90), "dose_taken_mg": Decimal(1)},
        context=Context(planned_daily_mg=Decimal(10)),
    )
    assert ids(result) == ["W08_OFF_PLAN_SMALL"]
