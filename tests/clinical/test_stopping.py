"""Stopping without a taper: refused, a short taper, or the documented path."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.clinical.breaches import breaches
from apps.clinical.conformance import run_vectors
from apps.clinical.dependence import DependenceRisk
from apps.clinical.methods import Custom
from apps.clinical.plan import TakenBefore
from apps.clinical.risk import tier_from_factors
from apps.clinical.stopping import StopPath, stop_at_once, stop_verdict
from tests.clinical.plans import START, plan_for, product


@pytest.mark.parametrize(
    ("risk", "path"),
    [
        (DependenceRisk.YES, StopPath.REFUSED),
        (DependenceRisk.LOWER, StopPath.SHORT_TAPER),
        (DependenceRisk.RARE, StopPath.STOP_OR_SHORT_TAPER),
    ],
)
def test_the_path_follows_the_dependence_table(risk, path):
    verdict = stop_verdict(risk, (), ())
    assert verdict.path is path
    assert verdict.because
    assert "ASAM-05" in verdict.source


def test_an_absolute_factor_closes_the_path():
    reasons = tier_from_factors(["prior_wd_seizure", "age_65_plus"]).reasons
    verdict = stop_verdict(DependenceRisk.RARE, reasons, ())
    assert verdict.path is StopPath.REFUSED
    assert verdict.because == (
        "A factor of high seizure risk is present: seizure during an earlier benzodiazepine or "
        "alcohol withdrawal.",
    )


def test_a_factor_with_points_does_not():
    reasons = tier_from_factors(["age_65_plus"]).reasons
    assert stop_verdict(DependenceRisk.RARE, reasons, ()).path is StopPath.STOP_OR_SHORT_TAPER


def test_what_was_not_asked_is_never_a_no():
    verdict = stop_verdict(DependenceRisk.RARE, (), ["epilepsy or any other seizure"])
    assert verdict.path is StopPath.REFUSED
    assert verdict.because == ("Not asked yet: epilepsy or any other seizure.",)


VECTORS = json.loads((Path(__file__).parent / "data" / "stop_vectors.json").read_text("utf-8"))


def test_vectors_of_a_stop_at_once():
    exact = json.loads(json.dumps(VECTORS), parse_float=Decimal)
    lines, failed = run_vectors(exact)
    assert failed == 0, lines


FALLING = st.lists(
    st.integers(0, 4000), min_size=2, max_size=7, unique=True
).map(lambda tenths: [Decimal(mg) / 100 for mg in sorted(tenths, reverse=True)])  # fmt: skip


def plan_of(doses, days, before=(), drug="diazepam"):
    return plan_for(
        drug, {"night": doses[0]}, Custom(tuple(doses[1:])), interval_days=days,
        goal_mg=doses[-1], products=(product(drug, "0.005"),), before=before,
    )  # fmt: skip


def taken(mg, drug="diazepam", days_ago=1):
    return (TakenBefore(((drug, Decimal(mg)),), START - timedelta(days=days_ago)),)


@pytest.mark.parametrize(
    ("drug", "before", "doses"),
    [
        ("diazepam", taken(40), ["4", "3"]),
        ("diazepam", taken(40), ["1", "0.5", "0"]),
        ("diazepam", taken(40), ["0.5", "0"]),
        ("clonazepam", taken(2, "clonazepam"), ["0.125", "0"]),
        ("diazepam", taken(2, "clonazepam"), ["1", "0"]),  # nobody compares the two
    ],
)
def test_a_crumb_that_is_taken_already_is_no_stop_by_the_plan_and_asks_two_people(
    drug, before, doses
):
    """Home from a unit, or by an intake told anew: no plan for the rest was possible at all."""
    steps = plan_of([Decimal(mg) for mg in doses], 14, before, drug).steps
    assert steps[0].verdict == "block"
    assert stop_at_once(steps) is None
    assert breaches(steps)[0].step == 1


def test_a_fall_after_it_from_above_the_floor_is_a_stop_all_the_same():
    steps = plan_of([Decimal(8), Decimal("0.5")], 14, taken(40)).steps
    assert steps[0].verdict == "block"
    assert stop_at_once(steps) == 2


@settings(max_examples=100)
@given(FALLING, st.integers(7, 28), st.integers(1, 4000), st.integers(1, 20))
def test_what_was_taken_before_takes_no_stop_of_the_plan_away_and_is_none_itself(
    doses, days, mg, ago
):
    alone = stop_at_once(plan_of(doses, days).steps)
    found = stop_at_once(plan_of(doses, days, taken(Decimal(mg) / 100, days_ago=ago)).steps)
    assert found != 1
    if alone is not None:
        assert found is not None
        assert found <= alone


@settings(max_examples=150)
@given(FALLING, st.integers(7, 28))
def test_near_nothing_within_14_days_from_above_the_floor_is_a_stop_however_it_is_cut(doses, days):
    """Counted day by day, without the engine's own windows."""
    taken = [mg for mg in doses for _ in range(days)]
    expected = None
    for day in range(days, len(taken)):
        highest, now = max(taken[max(0, day - 14) : day]), taken[day]
        is_fall = now < taken[day - 1] and now * 4 < highest * 3
        if is_fall and highest > 5 and (now <= 1 or now * 10 <= highest):
            expected = day // days + 1
            break
    steps = plan_of(doses, days).steps
    assert stop_at_once(steps) == expected
    # Whatever is left out at the end, the first stop stays one.
    if expected is not None:
        assert stop_at_once(steps[:expected]) == expected
