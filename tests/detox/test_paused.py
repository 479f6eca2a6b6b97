"""Nobody on a plan stays "paused" unwatched: a task asks, then alerts, and asks again."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.alerts.models import Alert
from apps.checkins.models import CareTask
from apps.checkins.task_actions import close_task
from apps.detox.clocks import sweep_detox
from apps.detox.given_on_actions import record_given_on
from apps.patients.actions import change_status
from apps.patients.models import Patient
from apps.tapers.leaving_actions import leave_plans
from tests.detox.test_beside import tell
from tests.factories import NOW, make_active_plan

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def paused(patient, prescriber) -> Patient:
    """A patient on a plan whom a select has paused."""
    make_active_plan(patient, prescriber.user)
    return change_status(patient=patient, status="paused", by=prescriber.user, now=NOW)


def asked() -> list[CareTask]:
    return list(CareTask.objects.filter(kind="paused").order_by("created_at"))


def test_after_seven_days_a_task_asks_then_alerts_and_asks_again(paused, nurse) -> None:
    assert sweep_detox(NOW + 7 * DAY - timedelta(minutes=1)).paused == 0
    assert [sweep_detox(NOW + 7 * DAY).paused for _ in range(2)] == [1, 0]
    assert list(Alert.objects.all()) == []
    sweep_detox(NOW + 8 * DAY + timedelta(minutes=1))
    assert [alert.rules for alert in Alert.objects.all()] == [["D14_STILL_PAUSED"]]
    (task,) = asked()
    said = NOW + 9 * DAY
    close_task(task=task, by=nurse.user, outcome="spoke", note="Takes 2 mg.", now=said)
    assert sweep_detox(said + 6 * DAY).paused == 0
    assert sweep_detox(said + 7 * DAY).paused == 1
    assert len(asked()) == 2


def test_a_mark_older_than_the_column_is_asked_after_at_once(paused) -> None:
    Patient.objects.update(registered_at=NOW - 30 * DAY, paused_since=None)
    assert sweep_detox(NOW).paused == 1


def test_who_is_active_again_is_asked_after_no_more(paused, nurse) -> None:
    sweep_detox(NOW + 7 * DAY)
    change_status(patient=paused, status="active", by=nurse.user, now=NOW + 7 * DAY)
    sweep_detox(NOW + 7 * DAY)
    assert [task.outcome for task in asked()] == ["overtaken"]
    assert paused.paused_since is None


def test_without_a_plan_nobody_asks(patient, nurse) -> None:
    change_status(patient=patient, status="paused", by=nurse.user, now=NOW)
    assert sweep_detox(NOW + 30 * DAY).paused == 0


def test_who_was_left_at_a_dose_is_asked_after_without_a_plan_until_somebody_gives_it(
    paused, prescriber
) -> None:
    """By the word that refuses "ended": a plan that ended at a dose."""
    leave_plans(patient=paused, is_over=True, reason="Stays.", by=prescriber.user, now=NOW)
    assert [sweep_detox(NOW + 7 * DAY).paused for _ in range(2)] == [1, 0]
    assert [task.outcome for task in asked()] == [""]
    record_given_on(
        patient=paused, prescriber="Dr Ada Other", reached_by="555 0199", taken="2 mg a day",
        agreed="By phone.", agreed_on=NOW.date(), signed_with="two_factors", by=prescriber.user,
        now=NOW + 8 * DAY,
    )  # fmt: skip
    sweep_detox(NOW + 8 * DAY)
    assert [task.outcome for task in asked()] == ["overtaken"]


def test_who_takes_none_any_more_is_not_asked_after(paused, prescriber) -> None:
    leave_plans(patient=paused, is_over=True, reason="Over.", by=prescriber.user, now=NOW)
    Patient.objects.update(last_dose_on=NOW.date())
    assert sweep_detox(NOW + 30 * DAY).paused == 0


def test_who_is_told_a_dose_again_after_the_last_is_asked_after_without_a_plan(
    patient, nurse
) -> None:
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=(NOW - timedelta(days=30)).date())
    patient.refresh_from_db()
    tell(patient, nurse, now=NOW, medication={"night_mg": Decimal("7.5")})
    patient.refresh_from_db()
    change_status(patient=patient, status="paused", by=nurse.user, now=NOW)
    sweep_detox(NOW + timedelta(days=8))
    assert len(asked()) == 1
