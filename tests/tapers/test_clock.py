"""When a step begins: local midnight, unlocked, once, and told when it is not."""

from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from itertools import pairwise
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.management import call_command

from apps.alerts.actions import resolve_alert
from apps.audit.models import AuditEvent
from apps.tapers.actions import hold_plan
from apps.tapers.actions_clock import settle_due
from apps.tapers.models import PlanHold, TaperPlan
from apps.tapers.tasks import settle_plans
from apps.tapers.today import midnight, plan_today
from tests.factories import CALM, check_in, make_active_plan, make_alert, make_patient

pytestmark = pytest.mark.django_db

DAY_1 = datetime(2026, 12, 1, 17, tzinfo=UTC)
CUT = datetime(2026, 12, 15, 5, tzinfo=UTC)  # midnight in New York, fourteen days on
MINUTE = timedelta(minutes=1)


@pytest.fixture
def plan(patient, prescriber) -> TaperPlan:
    return make_active_plan(patient, prescriber.user, now=DAY_1, start_on="2026-12-01")


def step_at(plan, moment) -> int:
    return plan_today(plan.patient, moment).step.number


def held_by_a_check_in(plan: TaperPlan, now: datetime) -> PlanHold:
    """Return the hold that a check-in of this moment asks for."""
    return hold_plan(
        patient=plan.patient, action="hold_next", rules=[], source_type="check_in",
        source_id=uuid4(), by=None, now=now,
    )  # fmt: skip


def test_a_step_begins_at_the_patients_midnight_and_not_a_minute_before(plan) -> None:
    check_in(plan.patient, CALM, now=DAY_1)
    assert step_at(plan, CUT - MINUTE) == 1
    assert step_at(plan, CUT) == 2
    assert settle_due(CUT - MINUTE) == 0
    assert settle_due(CUT) == 1
    plan.refresh_from_db()
    assert plan.begun_step == 2


def test_without_a_check_in_the_dose_stays_and_somebody_is_told(plan) -> None:
    assert step_at(plan, CUT) == 1
    assert plan_today(plan.patient, CUT).locked_because
    assert settle_due(CUT + MINUTE) == 1
    hold = PlanHold.objects.get()
    assert (hold.source_type, hold.held_step) == ("clock", 1)
    assert "No check-in" in hold.note
    check_in(plan.patient, CALM, now=CUT + timedelta(hours=8))
    assert step_at(plan, CUT + timedelta(days=3)) == 1


def test_a_late_check_in_never_lowers_the_dose_in_the_middle_of_a_day(plan) -> None:
    check_in(plan.patient, CALM, now=CUT + timedelta(hours=8))
    assert step_at(plan, CUT + timedelta(hours=9)) == 1


def test_flying_west_over_midnight_takes_back_no_step_that_has_begun(plan) -> None:
    check_in(plan.patient, CALM, now=DAY_1)
    assert settle_due(CUT + MINUTE) == 1
    plan.patient.time_zone = "America/Los_Angeles"
    plan.patient.save(update_fields=["time_zone"])
    plan.refresh_from_db()
    # It is the evening before again: that day's dose, and no day is left out or doubled.
    days = [plan_today(plan.patient, CUT + timedelta(hours=h)) for h in (1, 4, 28, 52)]
    assert [(each.day.day, each.step.number) for each in days] == [
        (14, 1), (15, 2), (16, 2), (17, 2),
    ]  # fmt: skip
    assert held_by_a_check_in(plan, CUT + timedelta(hours=1)).held_step == 2
    assert step_at(plan, CUT + timedelta(days=3)) == 2


def test_settling_twice_changes_nothing_more(plan) -> None:
    settle_due(CUT)
    assert settle_due(CUT) == 0
    assert PlanHold.objects.count() == 1
    assert AuditEvent.objects.filter(event="plan.held").count() == 1


def test_a_late_clock_gives_the_answer_of_a_timely_one(plan) -> None:
    check_in(plan.patient, CALM, now=DAY_1)
    late = CUT + timedelta(days=20)
    assert step_at(plan, late) == 2  # the third step had no check-in before it
    settle_due(late)
    plan.refresh_from_db()
    assert plan.begun_step == 2
    assert PlanHold.objects.get().held_step == 2


def test_an_open_red_alert_locks_the_cut_and_a_closed_one_does_not(plan, prescriber) -> None:
    check_in(plan.patient, CALM, now=DAY_1)
    alert = make_alert(plan.patient, "urgent", now=CUT - timedelta(hours=2))
    assert step_at(plan, CUT) == 1
    assert alert.reference in plan_today(plan.patient, CUT).locked_because
    resolve_alert(
        alert=alert, by=prescriber.user, outcome="spoke", note="Well.", now=CUT - timedelta(hours=1)
    )
    assert step_at(plan, CUT) == 2


def test_a_watch_alert_does_not_lock(plan) -> None:
    check_in(plan.patient, CALM, now=DAY_1)
    make_alert(plan.patient, "watch", now=CUT - timedelta(hours=2))
    assert step_at(plan, CUT) == 2


def test_a_hold_of_today_keeps_a_step_that_began_at_midnight(plan) -> None:
    check_in(plan.patient, CALM, now=DAY_1)
    assert held_by_a_check_in(plan, CUT + timedelta(hours=5)).held_step == 2
    assert step_at(plan, CUT + timedelta(hours=6)) == 2


def test_the_task_and_the_command_settle(plan, monkeypatch) -> None:
    check_in(plan.patient, CALM, now=DAY_1)
    monkeypatch.setattr("apps.tapers.tasks.timezone.now", lambda: CUT)
    settle_plans()
    settle_plans()
    plan.refresh_from_db()
    assert plan.begun_step == 2
    out = StringIO()
    call_command("settle_plans", stdout=out)
    assert "plans changed" in out.getvalue()


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("America/New_York", date(2027, 3, 7)),  # forward on 14 March
        ("America/New_York", date(2026, 10, 25)),  # back on 1 November
        ("Europe/London", date(2027, 3, 21)),
        ("Australia/Lord_Howe", date(2027, 3, 28)),  # half an hour
        ("America/Havana", date(2027, 3, 7)),  # no midnight on 14 March
    ],
)
def test_a_step_is_fourteen_days_whatever_the_clocks_do(clinic, prescriber, zone, start) -> None:
    """Counted in real time: from one local midnight to the next, by the instants themselves."""
    tz = ZoneInfo(zone)
    patient = make_patient(clinic, time_zone=zone, now=midnight(start, tz))
    plan = make_active_plan(
        patient, prescriber.user, now=midnight(start, tz), start_on=start.isoformat()
    )
    days = [step.start_on for step in plan.version.steps.all()][:4]
    begins = [midnight(day, tz) for day in days]
    shifted = False
    for number, (one, other) in enumerate(pairwise(begins), start=1):
        elapsed = other.astimezone(UTC) - one.astimezone(UTC)
        moved = other.utcoffset() - one.utcoffset()
        shifted = shifted or bool(moved)
        # Fourteen times the sun rises: an hour more or less, never a day.
        assert elapsed == timedelta(days=14) - moved + (other - datetime.combine(
            other.date(), time(0), tzinfo=tz))  # fmt: skip
        assert abs(elapsed - timedelta(days=14)) <= timedelta(hours=1)
        local_days = {
            (one.astimezone(UTC) + timedelta(hours=n)).astimezone(tz).date()
            for n in range(int(elapsed / timedelta(hours=1)))
        }
        assert len(local_days) == 14
        check_in(patient, CALM, now=one + timedelta(hours=30))
        assert step_at(plan, other.astimezone(UTC) - timedelta(seconds=1)) == number
        assert step_at(plan, other.astimezone(UTC)) == number + 1
        settle_due(other)
        plan.refresh_from_db()
    assert shifted, "these weeks are to cross a clock change"


def test_a_day_without_midnight_begins_with_its_first_moment() -> None:
    havana = ZoneInfo("America/Havana")
    begins = midnight(date(2027, 3, 14), havana)
    assert (begins.hour, begins.date()) == (1, date(2027, 3, 14))
    assert (begins.astimezone(UTC) - timedelta(seconds=1)).astimezone(havana).day == 13


def test_the_clock_looks_at_due_plans_only(plan, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        settle_due(CUT - timedelta(days=3))


def test_beat_knows_the_task_by_the_name_it_has() -> None:
    assert settings.CELERY_BEAT_SCHEDULE["settle-plans"]["task"] == settle_plans.name
