"""Home on a crumb of a high dose: the plan for the rest is made, and two people sign it.

Such a first step is blocked and near nothing, as a stop at once is; but that dose is taken already.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.patients.models import Patient
from apps.tapers.models import TaperPlan
from apps.tapers.signable import ActivationError
from tests.conftest import signed_in
from tests.detox.test_beside import tell
from tests.detox.test_discharge import go_home
from tests.factories import (
    make_active_plan,
    make_care_level,
    make_patient,
    make_stay,
    sign,
    sign_too,
    today,
)
from tests.tapers.test_builder import seen

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
METHODS = [
    {"method": "percent_of_current", "percent": "10"},
    {"method": "percent_of_start", "percent": "10"},
    {"method": "fixed_mg", "mg": "0.5"},
    {"method": "hyperbolic", "steps": "4"},
    {"method": "custom", "daily_mg": "0.5\n0"},
]


def at_home(wren: Patient, member, left: str, drug: str = "diazepam") -> Patient:
    """Return somebody whose intake tells since today that so much is left, fit for a plan."""
    dose = {"morning_mg": Decimal(0), "night_mg": Decimal(left), "drug_id": drug}
    # Half a milligram is asked about: the intake is told that it is right.
    tell(wren, member, now=timezone.now(), medication=dose | {"dose_confirmed": True})
    wren = Patient.objects.get(pk=wren.pk)
    make_care_level(wren, member.user, now=timezone.now())
    return wren


def from_the_unit(clinic, member, left: str, drug: str = "diazepam", **first) -> Patient:
    """Return somebody home since yesterday on `left` milligrams, by default of 40 mg diazepam."""
    then = timezone.now() - 20 * DAY
    medicine = first or {"drug_id": "diazepam", "slots": {"night": "40"}}
    wren = make_patient(clinic, now=then - 10 * DAY, **medicine)
    goal = "1.5" if wren.medication.daily_mg < 30 else "30"
    start = then.date().isoformat()
    make_active_plan(wren, member.user, now=then, start_on=start, goal_mg=goal)
    stay = make_stay(wren, member.user, now=then + 10 * DAY)
    go_home(stay, member, now=then + 19 * DAY, taken=f"{drug} {left} mg at night")
    return at_home(wren, member, left, drug)


def build(wren: Patient, member, **method):
    """Look at the plan and save it, as a prescriber does."""
    typed = {"start_on": today().isoformat(), "interval_days": "14", "goal_mg": "0"}
    typed |= method or METHODS[2]
    client, path = signed_in(member), reverse("tapers:create", args=[wren.pk])
    page = client.post(path, typed | {"preview": "1"})
    if page.status_code != 200:
        return page
    return client.post(path, typed | {"save": "1", "reason": "The rest."} | seen(page))


@pytest.mark.parametrize("left", ["0.5", "1", "2", "4", "5"])
def test_the_rest_of_a_high_dose_is_planned_and_signed_by_two(
    clinic, prescriber, lead, left
) -> None:
    wren = from_the_unit(clinic, prescriber, left)
    page = build(wren, prescriber)
    assert page.status_code == 302, page.text
    plan = wren.plans.get(status="draft")
    first = plan.latest.steps.first()
    assert (first.daily_mg, first.verdict) == (Decimal(left), "block")
    assert plan.latest.needs_second
    now = timezone.now()
    with pytest.raises(ActivationError, match="reason"):
        sign(plan, prescriber.user, now=now)
    sign(plan, prescriber.user, now=now, breach_reason="The unit lowered it.")
    plan.refresh_from_db()
    assert plan.status == TaperPlan.Status.DRAFT
    sign_too(plan, lead.user, now=now)
    plan.refresh_from_db()
    assert plan.status == TaperPlan.Status.ACTIVE


@pytest.mark.parametrize("method", METHODS, ids=lambda each: each["method"])
def test_every_method_plans_a_milligram_that_is_left(clinic, prescriber, method) -> None:
    wren = from_the_unit(clinic, prescriber, "1")
    page = build(wren, prescriber, **method)
    assert page.status_code == 302, page.text
    assert wren.plans.get(status="draft").latest.needs_second


@pytest.mark.parametrize(("drug", "left"), [("diazepam", "1"), ("clonazepam", "0.125")])
def test_home_from_clonazepam_on_little_of_it_or_of_another(clinic, prescriber, drug, left) -> None:
    first = {"drug_id": "clonazepam", "slots": {"night": "2"}}
    wren = from_the_unit(clinic, prescriber, left, drug, **first)
    page = build(wren, prescriber, method="percent_of_current", percent="10")
    assert page.status_code == 302, page.text
    assert wren.plans.get(status="draft").latest.needs_second


@pytest.mark.parametrize("typed_wrong", ["10", "40"])
def test_an_intake_mistyped_and_put_right_on_another_day_leaves_a_way(
    clinic, prescriber, lead, typed_wrong
) -> None:
    """1 mg was meant: for 14 days two people sign, and nobody is left without a plan."""
    then = timezone.now() - 3 * DAY
    wren = make_patient(clinic, now=then, drug_id="diazepam", slots={"night": typed_wrong})
    wren = at_home(wren, prescriber, "1")
    assert build(wren, prescriber).status_code == 302
    plan, now = wren.plans.get(), timezone.now()
    sign(plan, prescriber.user, now=now, breach_reason="It was 1 mg: the intake was mistyped.")
    sign_too(plan, lead.user, now=now)
    plan.refresh_from_db()
    assert plan.status == TaperPlan.Status.ACTIVE


def test_a_stop_at_once_from_above_the_floor_is_refused_after_a_unit_as_before(
    clinic, prescriber
) -> None:
    wren = from_the_unit(clinic, prescriber, "8")
    page = build(wren, prescriber, method="custom", daily_mg="1\n0")
    assert page.status_code == 422
    assert "Step 2 would stop the medicine at once" in page.text
    assert not wren.plans.filter(status="draft").exists()
