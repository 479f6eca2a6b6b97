"""Requests as JSON: one sentence for whatever is wrong, and nothing guessed."""

import copy
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.clinical.errors import ClinicalError
from apps.clinical.methods import (
    PRESETS,
    Custom,
    FixedMg,
    Hyperbolic,
    PercentOfCurrent,
    PercentOfStart,
    Switch,
)
from apps.clinical.products import Form
from apps.clinical.requests import parse_request, plan_to_json
from apps.clinical.taper import build_plan

# The example of the design, word for word.
EXAMPLE = {
    "drug": "clonazepam",
    "slots": {"morning": "1", "night": "1"},
    "method": {"kind": "percent_of_current", "percent": "10"},
    "interval_days": 14,
    "start_on": "2026-12-01",
    "goal_mg": "0",
    "products": [{"strength_mg": "0.5", "form": "tablet", "smallest_part": "1/2"}],
}
THEN = {"kind": "fixed_mg", "mg": "1"}
SWITCH = {"kind": "switch", "to_drug": "diazepam", "source": "ashton", "then": THEN}


def changed(**fields):
    return {**copy.deepcopy(EXAMPLE), **fields}


def without(field):
    return {name: value for name, value in EXAMPLE.items() if name != field}


def products(**fields):
    return [{**EXAMPLE["products"][0], **fields}]


def test_the_example_of_the_design_is_read_as_it_stands():
    request = parse_request(EXAMPLE)
    assert request.drug_id == "clonazepam"
    assert request.slots == (("morning", Decimal(1)), ("night", Decimal(1)))
    assert request.method == PercentOfCurrent(Decimal(10))
    assert (request.start_on, request.interval_days) == (date(2026, 12, 1), 14)
    assert (request.goal_mg, request.confirmed, request.short_use) == (0, False, False)
    assert [item.form for item in request.products] == [Form.TABLET]


def test_what_is_left_out_has_the_defaults_of_the_guideline():
    body = {name: EXAMPLE[name] for name in ("drug", "slots", "method", "start_on")}
    request = parse_request(body)
    assert (request.interval_days, request.goal_mg, request.products) == (14, 0, ())
    assert request.low_dose_floor_mg == 5


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ({"kind": "percent_of_start", "percent": "5"}, PercentOfStart(Decimal(5))),
        ({"kind": "fixed_mg", "mg": "0.25"}, FixedMg(Decimal("0.25"))),
        ({"kind": "hyperbolic", "steps": 20}, Hyperbolic(20)),
        ({"kind": "custom", "daily_mg": ["1.5", "0"]}, Custom((Decimal("1.5"), Decimal(0)))),
        ({"kind": "preset", "name": "asam_slow"}, PRESETS["asam_slow"].method),
        (SWITCH, Switch("diazepam", "ashton", 7, FixedMg(Decimal(1)))),
        (
            {**SWITCH, "swap_days": 14, "to_slots": {"morning": "20", "night": "20"}},
            Switch(
                "diazepam",
                "ashton",
                14,
                FixedMg(Decimal(1)),
                (("morning", Decimal(20)), ("night", Decimal(20))),
            ),
        ),
    ],
)
def test_every_kind_of_method_is_read(method, expected):
    assert parse_request(changed(method=method)).method == expected


def test_a_preset_brings_its_interval_unless_one_is_given():
    slow = {"kind": "preset", "name": "asam_slow"}
    body = {name: value for name, value in EXAMPLE.items() if name != "interval_days"}
    assert parse_request({**body, "method": slow}).interval_days == 28
    assert parse_request({**EXAMPLE, "method": slow}).interval_days == 14
    then = {**SWITCH, "then": slow}
    assert parse_request({**body, "method": then}).interval_days == 28


def test_a_preset_for_diazepam_may_follow_a_switch_to_it():
    method = {**SWITCH, "then": {"kind": "preset", "name": "ashton"}}
    assert parse_request(changed(method=method)).taper == PRESETS["ashton"].method


def test_a_typed_list_without_a_goal_ends_where_the_list_ends():
    typed = {"kind": "custom", "daily_mg": ["1.5", "1"]}
    assert parse_request({**without("goal_mg"), "method": typed}).goal_mg == 1
    assert parse_request(changed(method=typed)).goal_mg == 0


def test_slots_come_in_the_order_of_the_day():
    request = parse_request(changed(slots={"night": "1", "morning": "0.5", "midday": "0.5"}))
    assert [name for name, _ in request.slots] == ["morning", "midday", "night"]


@pytest.mark.parametrize("mark", ["0.1", "0.1 mL", "0.1mL"])
def test_a_liquid_takes_its_syringe_mark(mark):
    body = changed(products=products(form="liquid", strength_mg="0.1", smallest_part=mark))
    assert parse_request(body).products[0].smallest_part == Decimal("0.1")


@pytest.mark.parametrize(("part", "value"), [("1", 1), ("1/2", "0.5"), ("0.25", "0.25")])
def test_a_tablet_takes_whole_half_or_quarter(part, value):
    body = changed(products=products(strength_mg="0.5", smallest_part=part))
    assert parse_request(body).products[0].smallest_part == Decimal(value)


def test_products_of_both_drugs_of_a_switch_may_be_named():
    stock = [*products(), *products(drug="diazepam", strength_mg="5")]
    request = parse_request(changed(method=SWITCH, products=stock))
    assert [item.drug_id for item in request.products] == ["clonazepam", "diazepam"]


BAD = {
    "20 mg typed for 2": (changed(slots={"night": "20"}), "slots: 20 mg clonazepam a day"),
    "a comma": (changed(slots={"night": "0,5"}), "slots.night: takes milligrams"),
    "an exponent": (changed(slots={"night": "5e-1"}), "slots.night: takes milligrams"),
    "a negative dose": (changed(slots={"night": "-1"}), "slots.night: takes milligrams"),
    "a zero dose": (changed(slots={"night": "0"}), "slots.night: takes milligrams above zero"),
    "a third": (changed(slots={"night": "0.3333"}), "slots.night: '0.3333' is a repeating"),
    "a float": (changed(slots={"night": 0.5}), "slots.night: takes milligrams written as text"),
    "Arabic digits": (changed(slots={"night": "١"}), "slots.night: takes milligrams"),
    "a blank": (changed(slots={"night": " "}), "slots.night: .* not blank"),
    "not in the stock": (changed(slots={"night": "0.3"}), "slots.night: 0.3 mg cannot be made"),
    "a capsule to be halved": (
        changed(drug="temazepam", products=products(form="capsule", strength_mg="15")),
        r"products\[0\].smallest_part: temazepam 15 mg capsule is never split",
    ),
    "an unknown drug": (changed(drug="klonopine"), "drug: 'klonopine' is not in the drug list"),
    "a drug that is not text": (changed(drug=7), "drug: takes text"),
    "a goal above the start": (changed(goal_mg="3"), "goal_mg: takes less than the 2 mg"),
    "a goal that is no number": (changed(goal_mg="none"), "goal_mg: takes milligrams"),
    "interval 0": (changed(interval_days=0), "interval_days: takes a whole number from 7 to 28"),
    "interval 29": (changed(interval_days=29), "interval_days: takes a whole number"),
    "interval as text": (changed(interval_days="14"), "interval_days: takes a whole number"),
    "interval true": (changed(interval_days=True), "interval_days: takes a whole number"),
    "no slots": (changed(slots={}), "slots: takes 1 to 4 times of day"),
    "five slots": (
        changed(slots=dict.fromkeys(["morning", "noon", "midday", "evening", "night"], "1")),
        "slots: takes 1 to 4 times of day",
    ),
    "an unknown slot": (changed(slots={"tea": "1"}), "slots: 'tea' is not a field"),
    "slots as a list": (changed(slots=["1"]), "slots: takes a JSON object"),
    "no method": (without("method"), "the request: method is missing"),
    "an unknown method": (changed(method={"kind": "quick"}), "method.kind: takes one of"),
    "a method without a kind": (changed(method={}), "method: kind is missing"),
    "a method without its number": (
        changed(method={"kind": "fixed_mg"}),
        "method: mg is missing",
    ),
    "a method with another's number": (
        changed(method={"kind": "fixed_mg", "percent": "10"}),
        "method: 'percent' is not a field",
    ),
    "0 percent": (
        changed(method={"kind": "percent_of_current", "percent": "0"}),
        "method.percent: takes a percentage from above 0 to 100",
    ),
    "101 percent": (
        changed(method={"kind": "percent_of_start", "percent": "101"}),
        "method.percent: takes a percentage from above 0 to 100",
    ),
    "no steps": (changed(method={"kind": "hyperbolic", "steps": 0}), "method.steps: takes"),
    "no typed doses": (
        changed(method={"kind": "custom", "daily_mg": []}),
        "method.daily_mg: takes a list",
    ),
    "typed doses that rise": (
        changed(method={"kind": "custom", "daily_mg": ["1", "1.5"]}),
        r"method.daily_mg\[1\]: 1.5 mg is above the 1 mg before it",
    ),
    "typed doses below the goal": (
        changed(method={"kind": "custom", "daily_mg": ["1"]}, goal_mg="1.5"),
        "goal_mg: takes no more than the last typed dose",
    ),
    "an unknown preset": (
        changed(method={"kind": "preset", "name": ["cks"]}),
        "method.name: takes one of asam_default",
    ),
    "a preset of another drug": (
        changed(method={"kind": "preset", "name": "cks"}),
        "method.name: NICE CKS is printed for diazepam only",
    ),
    "a switch after a switch": (
        changed(method={**SWITCH, "then": SWITCH}),
        "method.then.kind: a switch is not followed",
    ),
    "a switch to the same drug": (
        changed(method={**SWITCH, "to_drug": "clonazepam"}),
        "method.to_drug: takes another drug",
    ),
    "a switch to an unknown drug": (
        changed(method={**SWITCH, "to_drug": "dzp"}),
        "method.to_drug: 'dzp' is not in the drug list",
    ),
    "a switch by an unknown source": (
        changed(method={**SWITCH, "source": "web"}),
        "method.source: takes vadod",
    ),
    "typed doses of a switch without one time of day": (
        changed(method={**SWITCH, "to_slots": {"night": "20"}}),
        "method.to_slots.morning: is missing",
    ),
    "typed doses of a switch for another time of day": (
        changed(method={**SWITCH, "to_slots": {"morning": "20", "night": "20", "noon": "5"}}),
        "method.to_slots.noon: is no time of day of this plan",
    ),
    "typed doses of a switch at an unknown time": (
        changed(method={**SWITCH, "to_slots": {"tea": "20"}}),
        "method.to_slots: 'tea' is not a field",
    ),
    "a slipped point in the typed doses of a switch": (
        changed(method={**SWITCH, "to_slots": {"morning": "20", "night": "200"}}),
        "method.to_slots: the dose typed for night brings the day above the 40 mg diazepam",
    ),
    "a low-dose floor above the rule's own": (
        changed(low_dose_floor_mg="5.1"),
        "low_dose_floor_mg: takes 0 to 5 mg diazepam-equivalent",
    ),
    "more products than a pharmacy stocks": (
        changed(products=products() * 101),
        "products: takes at most 100 products",
    ),
    "more typed doses than ten years have weeks": (
        changed(method={"kind": "custom", "daily_mg": ["2"] * 523}),
        "method.daily_mg: takes at most 522 daily doses",
    ),
    "an impossible date": (changed(start_on="2026-02-30"), "start_on: takes a date"),
    "a date in another shape": (changed(start_on="20261201"), "start_on: takes a date"),
    "a date long ago": (changed(start_on="1026-12-01"), "start_on: takes a date"),
    "an unknown field": (changed(percent="10"), "the request: 'percent' is not a field"),
    "a flag as text": (changed(confirmed="yes"), "confirmed: takes true or false"),
    "products as an object": (changed(products={}), "products: takes a list"),
    "an unknown form": (changed(products=products(form="pill")), r"products\[0\].form: takes one"),
    "a third of a tablet": (
        changed(products=products(smallest_part="1/3")),
        r'products\[0\].smallest_part: takes "1", "1/2" or "1/4"',
    ),
    "a part as a number": (
        changed(products=products(form="liquid", smallest_part=1)),
        r"products\[0\].smallest_part: takes millilitres",
    ),
    "a product of another drug": (
        changed(products=products(drug="diazepam")),
        r"products\[0\].drug: takes clonazepam, not 'diazepam'",
    ),
    "a list inside a list": ([EXAMPLE], "the request: takes a JSON object"),
    "a number": (7, "the request: takes a JSON object, not 7"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_gets_one_sentence_that_names_the_field(name):
    body, sentence = BAD[name]
    with pytest.raises(ClinicalError, match=f"^{sentence}") as caught:
        build_plan(parse_request(body))
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("\uff11", "not '\uff11'."),
        ("0,5", "not '0,5'."),
        ("1\n2", r"not '1\n2'."),
        ("\ud800", r"not '\ud800'."),
        ("9" * 50 + "x", "not '" + "9" * 39 + "\N{HORIZONTAL ELLIPSIS}."),
        (["1"], "not a list."),
        ({}, "not an object."),
        (None, "not null."),
        (True, "not true."),
        (1, "not 1."),
    ],
)
def test_what_was_typed_is_shown_as_it_was_typed_and_never_breaks_the_line(value, words):
    for body in (
        changed(slots={"night": value}),
        changed(method={"kind": "percent_of_current", "percent": value}),
    ):
        with pytest.raises(ClinicalError) as caught:
            parse_request(body)
        assert str(caught.value).endswith(words)


@pytest.mark.parametrize("percent", ["0", "101", "20000", "0.00001", "10%", 10])
def test_a_refused_percentage_is_never_called_milligrams(percent):
    with pytest.raises(ClinicalError, match=r"^method.percent: takes a percentage") as caught:
        parse_request(changed(method={"kind": "percent_of_start", "percent": percent}))
    assert "milligram" not in str(caught.value)


def test_a_third_is_a_percentage_like_any_other():
    method = {"kind": "percent_of_start", "percent": "33.333"}
    assert parse_request(changed(method=method)).method == PercentOfStart(Decimal("33.333"))


def test_a_number_read_as_decimal_is_shown_as_it_was_written():
    with pytest.raises(ClinicalError, match=r"not the number 0\.5"):
        parse_request(changed(slots={"night": Decimal("0.5")}))


def test_a_plan_is_written_in_the_shape_of_the_design():
    answer = plan_to_json(build_plan(parse_request(EXAMPLE)))
    assert set(answer) == {"steps", "findings", "totals"}
    step = answer["steps"][1]
    assert {
        name: step[name] for name in ("number", "start_on", "end_on", "daily_mg", "verdict")
    } == {
        "number": 2,
        "start_on": "2026-12-15",
        "end_on": "2026-12-28",
        "daily_mg": "1.75",
        "verdict": "warn",
    }
    assert (step["cut_pct"], step["fall_14d_pct"]) == ("12.5", "12.5")
    (piece,) = step["slots"]["morning"]
    assert {name: piece[name] for name in ("product", "strength_mg", "quantity", "mg")} == {
        "product": "clonazepam 0.5 mg tablet",
        "strength_mg": "0.5",
        "quantity": "1.5",
        "mg": "0.75",
    }
    finding = answer["findings"][0]
    assert {"rule", "level", "step", "message", "source", "days", "percentage"} == set(finding)
    assert answer["steps"][-1]["end_on"] is None
    assert answer["totals"][0]["quantity"] == "252"
    json.dumps(answer)


def test_a_switch_shows_each_drug_and_the_total_by_every_source():
    steps = plan_to_json(build_plan(parse_request({**without("products"), "method": SWITCH})))[
        "steps"
    ]
    assert steps[1]["by_drug"] == {"clonazepam": "1", "diazepam": "20"}
    assert steps[1]["daily_mg"] == "21"
    totals = [step["as_diazepam_mg"] for step in steps[:3]]
    assert totals[0] == {"vadod": "20", "ashton_low": "40", "ashton_high": "40"}
    assert [total["ashton_low"] for total in totals] == ["40", "40", "40"]
    assert steps[-1]["as_diazepam_mg"]["vadod"] == "0"
    alone = plan_to_json(build_plan(parse_request(EXAMPLE)))["steps"]
    assert not any("as_diazepam_mg" in step for step in alone)


def test_a_finding_about_the_whole_plan_has_no_step_and_no_percentage():
    answer = plan_to_json(build_plan(parse_request(changed(interval_days=7))))
    assert answer["findings"][0]["step"] is None
    assert answer["findings"][0]["percentage"] is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 99) | st.text(max_size=6) | st.decimals(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=4,
)


@settings(max_examples=80)
@given(data=st.data())
def test_whatever_stands_in_a_field_is_answered_or_refused_in_one_sentence(data):
    body = copy.deepcopy(data.draw(st.sampled_from([EXAMPLE, changed(method=SWITCH)])))
    places = [(body, name) for name in body]
    places += [(body["slots"], "night"), *((body["method"], name) for name in body["method"])]
    places += [(body["products"][0], name) for name in body["products"][0]]
    inside, name = data.draw(st.sampled_from(places))
    inside[name] = data.draw(JSON)
    try:
        plan = build_plan(parse_request(body))
    except ClinicalError as error:
        refusal = str(error)
    else:
        refusal = f"{plan.steps[0].number}."
    assert refusal.endswith(".")
    assert "\n" not in refusal
