"""After a stay: the plan for the rest went down to nothing and ended; nothing is taken any more."""

from datetime import timedelta

import pytest

from apps.alerts.models import Alert
from apps.checkins.models import CareTask
from apps.detox.clocks import sweep_detox
from apps.detox.told_anew import why_not_left
from apps.patients.actions import StatusError, change_status
from apps.patients.models import Patient
from apps.tapers.models import TaperPlan
from tests.detox.test_beside import at_nothing
from tests.detox.test_discharge import HOME, go_home
from tests.factories import (
    NOW,
    make_active_plan,
    make_care_level,
    make_patient,
    make_plan,
    make_stay,
    sign,
)
from tests.tapers.decisions import decide

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BY_HALF = {"goal_mg": "0.5", "method": {"kind": "fixed_mg", "mg": "0.5"}}


def fresh() -> Patient:
    return Patient.objects.get()


@pytest.fixture(params=["left at discharge", "moved to hospital"])
def old(request, clinic, prescriber) -> TaperPlan:
    """Return the plan that was left for a unit, the patient home with a milligram."""
    wren = make_patient(clinic, drug_id="diazepam", slots={"night": "1"})
    plan = make_active_plan(wren, prescriber.user, **BY_HALF)
    stay = make_stay(wren, prescriber.user)
    if request.param == "moved to hospital":
        decide(plan, prescriber, "inpatient", NOW + timedelta(minutes=5), based_on=1)
    go_home(stay, prescriber, taken="diazepam 1 mg")
    make_care_level(fresh(), prescriber.user, now=HOME)
    plan.refresh_from_db()
    return plan


def open_tasks() -> set[str]:
    kinds = CareTask.objects.open().exclude(kind__in=("contact", "day_missed"))
    return set(kinds.values_list("kind", flat=True))


def test_it_ended_at_nothing_and_nobody_asks_for_a_plan_any_more(old, prescriber) -> None:
    plan = at_nothing(fresh(), prescriber, HOME + DAY)
    sweep_detox(HOME + 17 * DAY)
    assert fresh().last_dose_on is not None
    decide(plan, prescriber, "end", HOME + 18 * DAY)
    assert why_not_left(fresh(), HOME + 19 * DAY) == ""
    for day in range(19, 26):
        sweep_detox(HOME + day * DAY)
    assert "new_plan" not in open_tasks()
    assert not Alert.objects.filter(
        rules__contains=["D07_NO_PLAN_AFTER"], opened_at__gt=HOME + 17 * DAY
    )
    assert change_status(
        patient=fresh(), status="ended", by=prescriber.user, now=HOME + 380 * DAY
    )  # fmt: skip


def test_the_old_plan_can_end_and_tells_no_dose_of_today(old, prescriber) -> None:
    at_nothing(fresh(), prescriber, HOME + DAY)
    sweep_detox(HOME + 17 * DAY)
    left_at = old.left_at
    decide(old, prescriber, "end", HOME + 26 * DAY)
    old.refresh_from_db()
    assert (old.status, old.left_at) == ("ended", left_at)
    sweep_detox(HOME + 27 * DAY)
    assert fresh().last_dose_on is not None


def test_it_ended_before_any_sweep_and_the_year_after_begins(old, prescriber) -> None:
    plan = at_nothing(fresh(), prescriber, HOME + DAY)
    decide(plan, prescriber, "end", HOME + 16 * DAY)
    decide(old, prescriber, "end", HOME + 16 * DAY + timedelta(minutes=1))
    for day in range(16, 20):
        sweep_detox(HOME + day * DAY)
    nothing_on = plan.version.steps.get(daily_mg=0).start_on
    assert fresh().last_dose_on == nothing_on - DAY


def test_one_that_ended_at_a_dose_leaves_nobody(old, prescriber) -> None:
    plan = rest(prescriber, HOME + DAY)
    decide(plan, prescriber, "stop", HOME + 2 * DAY)
    decide(plan, prescriber, "end", HOME + 3 * DAY)
    assert "left the patient on 1 mg" in why_not_left(fresh(), HOME + 4 * DAY)
    sweep_detox(HOME + 4 * DAY)
    assert fresh().last_dose_on is None
    assert "new_plan" in open_tasks()


def test_one_that_ended_before_its_first_day_took_nothing_s_place(old, prescriber) -> None:
    """The milligram of the unit is taken still, and no plan of since has given it."""
    plan = rest(prescriber, HOME + DAY, start_on=HOME + 10 * DAY)
    decide(plan, prescriber, "end", HOME + 2 * DAY)
    assert "At discharge the patient still took" in why_not_left(fresh(), HOME + 3 * DAY)
    with pytest.raises(StatusError, match="ASAM-03"):
        change_status(patient=fresh(), status="ended", by=prescriber.user, now=HOME + 3 * DAY)
    sweep_detox(HOME + 3 * DAY)
    assert fresh().last_dose_on is None
    assert "new_plan" in open_tasks()


def test_a_second_stay_tells_of_some_again(old, prescriber) -> None:
    plan = at_nothing(fresh(), prescriber, HOME + DAY)
    sweep_detox(HOME + 17 * DAY)
    decide(plan, prescriber, "end", HOME + 18 * DAY)
    stay = make_stay(fresh(), prescriber.user, now=HOME + 40 * DAY)
    go_home(stay, prescriber, now=HOME + 45 * DAY, taken="diazepam 2 mg at night")
    assert "diazepam 2 mg at night" in why_not_left(fresh(), HOME + 46 * DAY)


def rest(prescriber, now, start_on=None) -> TaperPlan:
    """Return a plan for the rest in force, from a milligram down."""
    day = (start_on or now).date().isoformat()
    return sign(
        make_plan(fresh(), prescriber.user, now=now, start_on=day, **BY_HALF),
        prescriber.user, now=now,
    )  # fmt: skip
