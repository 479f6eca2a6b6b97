"""An alert that was closed while its task stayed open comes again, each day, until it is done."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.models import Alert
from apps.checkins.models import CareTask
from apps.checkins.task_actions import close_task
from apps.detox.clocks import sweep_detox
from tests.detox.test_discharge import HOME, go_home
from tests.factories import NOW, make_active_plan, make_referral, make_stay

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def close_all(member, now: datetime) -> None:
    for alert in Alert.objects.unresolved():
        acknowledge_alert(alert=alert, by=member.user, now=now)
        alert.refresh_from_db()
        resolve_alert(alert=alert, by=member.user, outcome="spoke", note="Seen to.", now=now)


def hours(start: datetime, days: int) -> Iterator[datetime]:
    return (start + number * 6 * HOUR for number in range(4 * days))


def opened(rule: str) -> list[datetime]:
    return [a.opened_at for a in Alert.objects.order_by("opened_at") if rule in a.rules]


def test_a_silent_patient_alerts_on_each_day_of_daily_contact(patient, nurse, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    go_home(make_stay(patient, prescriber.user), prescriber)
    for now in hours(HOME, 15):
        sweep_detox(now)
        close_all(nurse, now)
    days = {at.date() for at in opened("D05_NO_DAILY_CHECK_IN")}
    assert len(days) == len(opened("D05_NO_DAILY_CHECK_IN")) == 13
    assert CareTask.objects.filter(kind="day_missed").count() == 1


def test_a_referral_nobody_answers_alerts_each_day_and_no_more_once_the_task_is_done(
    patient, nurse, prescriber
) -> None:
    make_active_plan(patient, prescriber.user)
    make_referral(patient, prescriber.user)
    for now in hours(NOW, 5):
        sweep_detox(now)
        assert sweep_detox(now).overdue == 0, "twice is once"
        close_all(nurse, now)
    assert len(opened("D01_REFERRAL_UNANSWERED")) == 5
    task = CareTask.objects.get(kind="referral")
    close_task(task=task, by=prescriber.user, outcome="other", note="Stays home.", now=now)
    for later in hours(NOW + 5 * DAY, 2):
        sweep_detox(later)
    assert len(opened("D01_REFERRAL_UNANSWERED")) == 5


def test_while_one_is_open_no_second_comes_and_a_late_first_one_is_one(
    patient, nurse, prescriber
) -> None:
    make_active_plan(patient, prescriber.user)
    make_referral(patient, prescriber.user)
    late = NOW + 3 * DAY
    for now in hours(late, 3):
        sweep_detox(now)
    assert opened("D01_REFERRAL_UNANSWERED") == [late]
    close_all(nurse, now)
    assert sweep_detox(now + 6 * HOUR).overdue == 1
