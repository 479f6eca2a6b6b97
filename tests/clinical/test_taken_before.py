"""What was taken before a plan counts in its pace for 14 days."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.clinical.errors import RequestError
from apps.clinical.methods import Custom
from apps.clinical.plan import TakenBefore
from apps.clinical.requests import parse_request
from tests.clinical.plans import START, plan_for


def plan_after(drug, mg, days_ago, doses=("10", "9", "8"), days=7):
    before = TakenBefore(((drug, Decimal(mg)),), START - timedelta(days=days_ago))
    return plan_for(
        "diazepam", {"night": doses[0]}, Custom(tuple(map(Decimal, doses[1:]))),
        interval_days=days, goal_mg=doses[-1], before=(before,),
    )  # fmt: skip


def judged(plan):
    return [(step.verdict.value, str(step.fall_14d_pct)) for step in plan.steps]


def test_a_first_dose_far_below_the_dose_before_is_a_breach_at_its_step():
    plan = plan_after("diazepam", "40", 1)
    assert judged(plan) == [("block", "75.0"), ("block", "77.5"), ("warn", "20.0")]
    assert plan.steps[0].cut_pct == 0
    (first, second) = (item for item in plan.findings if item.level == "block")
    assert (first.step, second.step) == (1, 2)
    assert "75.0 % below what was taken within the 14 days before" in first.message


@pytest.mark.parametrize(
    ("days_ago", "mg", "verdict"),
    [
        (14, "40", "block"),
        (15, "40", "ok"),
        (1, "13.3", "ok"),
        (1, "13.4", "block"),
        (1, "5", "ok"),
    ],
)
def test_the_window_is_the_pace_rules_own(days_ago, mg, verdict):
    assert plan_after("diazepam", mg, days_ago).steps[0].verdict == verdict


def test_another_drug_before_is_never_converted_and_asks_two_people():
    plan = plan_after("alprazolam_ir", "4", 1)
    assert plan.steps[0].verdict == "block"
    (found,) = (item.message for item in plan.findings if item.level == "block")
    assert "4 mg alprazolam a day was taken, and no source was named" in found


def test_nothing_before_changes_nothing():
    same = plan_for(
        "diazepam", {"night": "10"}, Custom((Decimal(9), Decimal(8))), interval_days=7, goal_mg="8"
    )
    assert judged(plan_after("diazepam", "40", 40)) == judged(same)


@pytest.mark.parametrize(
    "before", ["40", [1], [{"doses": "40", "last_on": "2026-11-30"}], [{"doses": {"x": "1"}}]]
)
def test_a_wrong_request_is_told_by_its_field(before):
    request = {
        "drug": "diazepam", "slots": {"night": "10"}, "start_on": "2026-12-01",
        "method": {"kind": "fixed_mg", "mg": "1"}, "before": before,
    }  # fmt: skip
    with pytest.raises(RequestError, match="before"):
        parse_request(request)
