"""Decisions on a plan of 2 mg of clonazepam, in the few words that tests want."""

from datetime import UTC, date, datetime, timedelta

from apps.tapers.actions_changes import change_plan
from apps.tapers.actions_clock import settle_due
from apps.tapers.approvals import Approvals
from apps.tapers.changes import Change
from apps.tapers.models import PlanVersion
from apps.tapers.signable import Signing
from tests.factories import CALM, check_in

START = date(2026, 12, 1)
# Noon in New York on the first day of the plan.
DAY_1 = datetime(2026, 12, 1, 17, tzinfo=UTC)
BY_TWO_FACTORS = Signing("two_factors")


def later(days: int) -> datetime:
    return DAY_1 + timedelta(days=days)


def decide(
    plan, member, kind, now, *, signing=BY_TWO_FACTORS, based_on=None, approvals=None, **values
) -> PlanVersion:
    plan.refresh_from_db()
    agreed = Approvals(now.astimezone(plan.patient.tz).date(), "visit")
    return change_plan(
        plan=plan, change=Change(kind, "Poor sleep", values), signing=signing, by=member.user,
        based_on=plan.latest.number if based_on is None else based_on, now=now,
        approvals=agreed if approvals is None else approvals,
    )  # fmt: skip


def reach_step(plan, number: int) -> datetime:
    """Check in before every step and let the clock run until the step has begun."""
    for step in plan.version.steps.filter(number__lte=number, number__gt=1):
        moment = datetime(*step.start_on.timetuple()[:3], 16, tzinfo=UTC)
        check_in(plan.patient, CALM, now=moment - timedelta(days=1))
        settle_due(moment)
    plan.refresh_from_db()
    assert plan.begun_step == number
    return moment
