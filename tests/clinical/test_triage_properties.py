"""Triage never falls when an answer worsens, and silence is never an answer.

Worse is a partial order over each question's answers, written down here by
hand; "not answered" is below every answer.
"""

from decimal import Decimal
from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.clinical.aftercare import NOT_ASKED_AFTER
from apps.clinical.questionnaires import get_questionnaire
from apps.clinical.scoring import DWS_KEYS, GAD7_KEYS, PHQ9_KEYS
from apps.clinical.triage import CheckInSummary, Context, Level, Profile, TaperAction, assess
from apps.clinical.triage.facts import RED_FLAGS

BASE = Decimal(2)

# Each answer leads to the answers that are worse than it. Taking less and taking
# more are both worse than a missed dose only in amount, so they are not compared.
WORSE = {
    "seizure": {None: ["no"], "no": ["not_sure"], "not_sure": ["yes"]},
    "dose_taken": {
        None: ["yes_all"],
        "yes_all": ["missed_some", "took_less", "took_extra"],
        "missed_some": ["stopped", "ran_out"],
        "took_less": ["stopped", "ran_out"],
        "took_extra": ["stopped", "ran_out"],
    },
    "other_drugs": {None: ["none"], "none": ["opioid", "street", "other_sedative"]},
    "si": {
        None: ["no"],
        "no": ["passive", "declined"],
        "passive": ["active_no_plan"],
        "declined": ["plan_or_intent"],
        "active_no_plan": ["plan_or_intent"],
    },
    "si_now": {None: [False], False: [True]},
    "asq_1": {None: [False], False: [True]},
    "asq_5": {None: [False], False: [True]},
    "pregnancy": {None: ["na", "no"], "na": ["not_sure"], "no": ["not_sure"], "not_sure": ["yes"]},
    "drive_sleepy": {None: ["no", "not_driving"], "no": ["yes"], "not_driving": ["yes"]},
    "new_meds_list": {None: ["ibuprofen"], "ibuprofen": ["ibuprofen\ntramadol"]},
}
GROWING = {
    **dict.fromkeys(DWS_KEYS, 4),
    **dict.fromkeys((*PHQ9_KEYS, *GAD7_KEYS), 3),
    "alcohol_drinks": 5,
    "hours_since_last_dose": 240,
    "temp_c": 45,
}

optional_bool = st.sampled_from([None, False, True])
profiles = st.builds(
    Profile,
    tier=st.sampled_from([None, "low", "moderate", "high"]),
    hl_class=st.sampled_from([None, "short", "intermediate", "long"]),
    epilepsy=optional_bool,
    prior_wd_seizure=optional_bool,
    chronic_halluc=optional_bool,
    psychotic_or_bipolar=optional_bool,
    aud=optional_bool,
    anticoagulant=optional_bool,
    liver_disease=optional_bool,
    opioid_rx=optional_bool,
    naloxone_on_file=optional_bool,
    age=st.sampled_from([None, 30, 64, 65, 90]),
    # "Yes, pregnant" with the pregnancy already known is nothing new, while "not
    # sure" still asks for a test: the table is not monotone there, on purpose.
    pregnancy_known=st.sampled_from([None, False]),
)
days = st.one_of(st.none(), st.integers(-1, 60))
summaries = st.builds(
    CheckInSummary,
    dws=st.one_of(st.none(), st.integers(0, 40)),
    s_sleep=st.one_of(st.none(), st.integers(0, 4)),
)
contexts = st.builds(
    Context,
    days_since_step=days,
    days_since_conversion=days,
    days_since_stop=days,
    days_since_rb_review=st.one_of(st.none(), st.integers(0, 120)),
    planned_daily_mg=st.sampled_from([None, BASE]),
    baseline_dws=st.one_of(st.none(), st.integers(0, 20)),
    history=st.lists(summaries, max_size=8).map(tuple),
)


def answer_values(key):
    if key in GROWING:
        return st.one_of(st.none(), st.integers(0, GROWING[key]))
    return st.sampled_from(sorted({*WORSE[key], *chain(*WORSE[key].values())}, key=str))


OTHERS = {
    "supply_days": st.integers(0, 12),
    "dose_taken_mg": st.sampled_from([Decimal(0), Decimal("1.5"), BASE, Decimal(3)]),
    "red_flags": st.sets(st.sampled_from(RED_FLAGS), min_size=1).map(sorted),
}
KEYS = sorted({*WORSE, *GROWING, *OTHERS})


@st.composite
def any_answers(draw):
    """Draw a form: a common level per scale, mostly mild, then a few answers of their own.

    Few, because one severe answer hides what any other does to the level.
    """
    found = dict.fromkeys(KEYS)
    for keys in (DWS_KEYS, PHQ9_KEYS, GAD7_KEYS):
        found |= dict.fromkeys(keys, draw(st.sampled_from([None, None, 0, 1, 2, 3])))
    for key in draw(st.lists(st.sampled_from(KEYS), max_size=5, unique=True)):
        found[key] = draw(OTHERS[key] if key in OTHERS else answer_values(key))
    return found


answers = any_answers()


def worsened(before, draw):
    """Return the answers with exactly one of them worse."""
    answered = sorted(key for key, value in before.items() if value is not None)
    key = draw(
        st.sampled_from(answered) | st.sampled_from(KEYS) if answered else st.sampled_from(KEYS)
    )
    value = before[key]
    if key == "red_flags":
        worse = sorted({*(value or []), draw(st.sampled_from(RED_FLAGS))})
    elif key == "supply_days":
        worse = draw(st.integers(0, 12 if value is None else value))
    elif key == "dose_taken_mg":
        worse = _worse_amount(before["dose_taken"], value)
    elif key in GROWING:
        worse = draw(st.integers(0 if value is None else value, GROWING[key]))
    else:
        worse = draw(st.sampled_from(WORSE[key].get(value, [value])))
    return {**before, key: worse}


def _worse_amount(dose_taken, value):
    """Less is worse for one who took less, more for one who took more."""
    if value is None:
        return BASE
    return value + 1 if dose_taken == "took_extra" else max(value - 1, Decimal(0))


def shortest(result):
    return result.minutes if result.minutes is not None else 10**6


LADDERS = {
    **{key: [None, *range(top + 1)] for key, top in GROWING.items()},
    "hours_since_last_dose": [None, 0, 23, 24, 35, 36, 47, 48, 240],
    "temp_c": [None, 36, Decimal("37.9"), 38, 42],
    "supply_days": [None, *range(12, -1, -1)],
}


def steps_down(key, background):
    """Return each answer to ``key`` with one that is directly worse."""
    if key == "red_flags":
        before = background.get(key)
        return [(before, sorted({*(before or []), name})) for name in RED_FLAGS]
    if key == "dose_taken_mg":
        amounts = [Decimal(0), Decimal("1.4"), Decimal("1.5"), BASE, Decimal("2.9"), Decimal(3)]
        if background.get("dose_taken") != "took_extra":
            amounts.reverse()
        return list(pairwise([None, *amounts]))
    if key in LADDERS:
        return list(pairwise(LADDERS[key]))
    return [(value, worse) for value, each in WORSE[key].items() for worse in each]


def symptoms(total):
    """Return ten symptom answers that add up to ``total``, none of them 4.

    Jerks come last: rated bad they are urgent by themselves and hide the score.
    """
    answers = {}
    for key in sorted(DWS_KEYS, key="s_jerks".__eq__):
        answers[key] = min(3, total)
        total -= answers[key]
    return answers


BACKGROUNDS = [
    {},
    symptoms(15),
    symptoms(17),
    symptoms(23),
    symptoms(27),
    {"s_sleep": 4},
    {"red_flags": ["fall"]},
    {"red_flags": ["rf_fever"]},
    {"red_flags": ["rf_headhit"]},
    {"red_flags": ["rf_vomit"]},
    {"dose_taken": "took_less"},
    {"dose_taken": "took_extra"},
    {"phq9_9": 1},
    {"phq9_1": 3, "phq9_2": 3, "phq9_3": 3, "phq9_4": 3, "phq9_5": 2},
]
SITUATIONS = [
    (Profile(), Context()),
    (
        Profile(
            tier="high",
            hl_class="long",
            epilepsy=True,
            chronic_halluc=True,
            psychotic_or_bipolar=True,
            aud=True,
            age=70,
        ),
        Context(
            days_since_step=15,
            days_since_conversion=3,
            planned_daily_mg=BASE,
            baseline_dws=6,
            history=(CheckInSummary(12, 3), CheckInSummary(17, 3), CheckInSummary(24, 3)),
        ),
    ),
    (Profile(tier="high", hl_class="long", epilepsy=True), Context(days_since_stop=31)),
]


@pytest.mark.parametrize("key", KEYS)
def test_no_step_of_one_answer_to_a_worse_one_lowers_triage(key):
    for profile, context in SITUATIONS:
        if key in NOT_ASKED_AFTER and context.days_since_stop is not None:
            continue  # after the last dose none taken is no worse an answer
        for background in BACKGROUNDS:
            for value, worse in steps_down(key, background):
                milder = assess({**background, key: value}, profile, context)
                graver = assess({**background, key: worse}, profile, context)
                told = (key, value, worse, background)
                assert graver.level >= milder.level, told
                assert graver.taper_action >= milder.taper_action, told
                assert shortest(graver) <= shortest(milder), told


@settings(max_examples=100)
@given(before=answers, profile=profiles, context=contexts, data=st.data())
def test_triage_never_falls_when_one_answer_worsens(before, profile, context, data):
    milder = assess(before, profile, context)
    worse = assess(worsened(before, data.draw), profile, context)
    assert worse.level >= milder.level
    assert worse.taper_action >= milder.taper_action
    assert shortest(worse) <= shortest(milder)


def test_a_known_pregnancy_is_the_one_place_that_falls():
    known = Profile(pregnancy_known=True)
    assert assess({"pregnancy": "not_sure"}, known, Context()).level is Level.WATCH
    assert assess({"pregnancy": "yes"}, known, Context()).level is Level.NONE


@settings(max_examples=40)
@given(full=answers, profile=profiles, context=contexts, data=st.data())
def test_leaving_an_answer_out_never_raises_the_level(full, profile, context, data):
    key = data.draw(st.sampled_from(sorted(full)))
    assert (
        assess({**full, key: None}, profile, context).level <= assess(full, profile, context).level
    )


@settings(max_examples=25)
@given(profile=profiles, context=contexts, none=st.sampled_from([None, "absent"]))
def test_no_answer_fires_only_what_profile_and_context_call_for(profile, context, none):
    keys = [item.key for kind in ("daily", "weekly") for item in get_questionnaire(kind, 1).items]
    empty = {} if none == "absent" else dict.fromkeys(keys)
    fired = {each.rule_id for each in assess(empty, profile, context).fired}
    assert fired <= {"W15_NALOXONE", "W16_REVIEW_OVERDUE"}


@settings(max_examples=40)
@given(before=answers, profile=profiles, context=contexts)
def test_the_result_is_the_highest_of_what_fired(before, profile, context):
    result = assess(before, profile, context)
    assert result.level is max((each.level for each in result.fired), default=Level.NONE)
    assert result.taper_action is max(
        (each.taper_action for each in result.fired), default=TaperAction.NONE
    )
    assert len(set(result.text_keys)) == len(result.text_keys) > 0
    assert assess(before, profile, context) == result
