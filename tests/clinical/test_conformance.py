"""The vector runner: what counts as agreement, and the reference schedules."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from apps.clinical.conformance import agrees, run_vectors
from apps.clinical.conformance_tapers import RUNNERS
from apps.clinical.errors import RequestError
from apps.clinical.schedules import published_schedule


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        (Decimal("6.17"), Fraction("6.175"), True),
        (Decimal("6.17"), Fraction("6.18"), False),
        (5, Fraction("5.04"), True),
        (5, Fraction("5.06"), False),
        (20.0, 20, True),
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1, "note": "words"}, {"a": 1}, True),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, [1], False),
        ([1, 2], (1, 2), True),
        ([1, 2], [1], False),
        ([1], 1, False),
        ("ok", "ok", True),
        ("ok", "warn", False),
        (None, None, True),
        (None, 0, False),
        (True, True, True),
        (True, 1, False),
        ({"must_fire": ["A"]}, {"must_fire": ["A", "B"]}, True),
        ({"must_fire": ["C"]}, {"must_fire": ["A", "B"]}, False),
        ({"must_fire": 1}, {"must_fire": 1}, True),
    ],
)
def test_an_answer_agrees_to_the_decimals_printed_and_may_say_more(expected, found, same):
    assert agrees(expected, found) is same


def line(vector):
    lines, failed = run_vectors({"vectors": [vector]})
    return lines[0], failed


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        ({"id": "A", "kind": "guess", "input": {}}, "no runner for the kind 'guess'"),
        ({"id": "A", "kind": ["x"], "input": {}}, "no runner for the kind"),
        ({"id": "A", "kind": "equivalence", "input": {"drug": "diazepam"}}, "KeyError"),
        (
            {"id": "A", "kind": "equivalence", "input": {"drug": "diazepam", "mg_per_day": "5"}},
            "takes a number",
        ),
        ({"id": "A", "kind": "formula", "input": {"dose_mg": [True]}}, "takes a number"),
        ("A", "a vector is a JSON object"),
    ],
)
def test_a_vector_that_cannot_be_run_fails_and_says_why(vector, words):
    text, failed = line(vector)
    assert failed == 1
    assert text.startswith("FAIL")
    assert words in text


@pytest.mark.parametrize("document", [None, [], {"vectors": {}}])
def test_a_file_of_another_shape_is_refused(document):
    with pytest.raises(RequestError, match="vectors: takes"):
        run_vectors(document)


def test_the_formula_answers_both_ways_and_printed_rows_are_checked_against_it():
    doses = {"id": "x", "kind": "formula", "input": {"dose_mg": [60]}, "expected": [70.8]}
    assert line(doses)[1] == 0
    shares = {"id": "x", "kind": "formula", "input": {"occupancy_pct": [50]}, "expected": [24.7]}
    assert line(shares)[1] == 0
    rows = [{"step": 1, "dose_mg": 60, "occupancy_pct": 70.8}]
    printed = {"id": "MA03", "kind": "published_schedule", "input": {}, "expected": rows}
    assert line(printed)[1] == 0
    rows[0]["occupancy_pct"] = 71.8
    assert line(printed)[1] == 1


def test_a_symptom_vector_goes_to_its_own_runner():
    vector = {"id": "x", "kind": "seizure_risk_tier", "input": {"factors": []}}
    assert line({**vector, "expected": {"tier": "low", "points": 0}})[1] == 0


def run(kind, vector_id="x", **given):
    return RUNNERS[kind]({"id": vector_id, "input": given, "expected": []})


@pytest.mark.parametrize(
    ("given", "stages", "first", "last"),
    [
        ({"start_mg": 40}, 27, 40, 1),
        ({"start_alprazolam_mg": 6}, 15, 120, 40),
        ({"start_lorazepam_mg": 6}, 17, 60, 20),
        ({"start_clonazepam_mg": Decimal("1.5")}, 5, 30, 30),
    ],
)
def test_ashtons_schedules_are_made_of_real_tablets_with_the_printed_totals(
    given, stages, first, last
):
    rows = run("published_schedule", **given)
    assert len(rows) == stages
    assert (rows[0]["dze_ashton"], rows[-1]["dze_ashton"]) == (first, last)
    falls = [row["dze_ashton"] for row in rows]
    assert falls == sorted(falls, reverse=True)


@pytest.mark.parametrize(("name", "held_until"), [("SC02", 4), ("SC03", 5), ("SC04", 4)])
def test_ashtons_switches_hold_the_equivalent_total(name, held_until):
    stages = published_schedule(name)
    assert len({stage.diazepam_mg for stage in stages[: held_until + 1]}) == 1


def test_ashtons_schedule_2_lies_inside_the_cks_bands():
    doses = [stage.diazepam_mg for stage in published_schedule("SC01")]
    for row in run("published_rule"):
        for before, after in pairwise(doses):
            if row["to_mg"] < before <= row["from_mg"]:
                assert row["step_mg_low"] <= before - after <= row["step_mg_high"]


def test_maudsley_a_is_reproduced_as_a_plan():
    rows = run("published_schedule", vector_id="MA01")
    assert [int(row["dose_mg"]) for row in rows[:5]] == [60, 55, 50, 45, 40]
    assert len(rows) == 24


def test_the_micro_taper_example_is_reproduced():
    found = run("published_rule", from_mg=60, to_mg=56, days=14)
    assert found == {"per_day_mg": Decimal("0.3"), "per_dose_bid_mg": Decimal("0.15")}


def test_ashtons_schedule_at_one_week_a_stage_is_blocked_near_the_end():
    verdicts = [row["verdict"] for row in run("pace_check", stage_days=7)]
    assert verdicts[:2] == ["ok", "ok"]
    assert verdicts.count("block") == 2
    assert verdicts[-4:] == ["low_dose_exception"] * 4


@pytest.mark.parametrize(
    ("doses", "expected"),
    [
        ([(0, "30"), (3, "25"), (6, "20"), (9, "18.75")], "block"),  # FDA label pace (C-04).
        ([(0, "7.5"), (14, "5")], "block"),  # Clonazepam 0.375 to 0.25 mg (C-09).
        ([(0, "10"), (14, "7.5")], "warn"),
    ],
)
def test_paces_the_guideline_warns_of_are_caught(doses, expected):
    steps = [{"day": day, "dze_mg": Decimal(mg)} for day, mg in doses]
    assert run("pace_check", steps=steps)[-1]["verdict"] == expected


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("published_schedule", {"start_mg": 7}, "start_mg takes 40, where that schedule begins"),
        ("published_schedule", {"start_alprazolam_mg": 3}, "start_alprazolam_mg takes 6"),
        ("published_schedule", {"start_lorazepam_mg": 60}, "start_lorazepam_mg takes 6"),
        ("published_schedule", {"start_clonazepam_mg": 1}, "start_clonazepam_mg takes 1.5"),
        ("published_schedule", {"start_temazepam_mg": 6}, "is not a field"),
        ("published_rule", {"start_mg": 1}, "is not a field"),
        ("formula", {"dose_mg": [1], "drug": "diazepam"}, "is not a field"),
        ("pace_check", {"stage_days": 14, "start_mg": 7}, "is not a field"),
        ("equivalence", {"drug": "diazepam", "mg_per_day": 1, "x": 1}, "is not a field"),
    ],
)
def test_a_vector_fails_when_its_input_is_not_what_is_answered(kind, given, words):
    text, failed = line({"id": "x", "kind": kind, "input": given, "expected": []})
    assert failed == 1
    assert words in text


def test_every_stage_of_a_schedule_is_what_the_solver_makes_of_real_tablets():
    for name in ("SC01", "SC02", "SC03", "SC04"):
        for stage in published_schedule(name):
            for (_, drug), pieces in stage.pieces.items():
                assert {piece.product.drug_id for piece in pieces} <= {drug}
                for piece in pieces:
                    assert piece.mg == piece.product.strength_mg * piece.quantity
                    assert piece.quantity % piece.product.smallest_part == 0
