"""What was asked once and closed in the year after the last dose stands in the way of nothing."""

from datetime import time, timedelta
from uuid import uuid4

import pytest

from apps.alerts.models import Alert
from apps.checkins.actions import submit_check_in
from apps.checkins.models import CareTask, CheckIn
from apps.checkins.reminder_actions import set_schedule
from apps.checkins.reminder_sweep import sweep_reminders
from apps.checkins.task_actions import close_task
from apps.checkins.task_ends import SILENT
from apps.clinical.aftercare import waves_and_windows
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.detox.aftercare_clocks import RELAPSE, RESTART
from apps.detox.clocks import sweep_detox
from apps.detox.outcome import outcome_of
from tests.detox.test_aftercare import BAD, GOOD, off
from tests.detox.test_discharge import HOME, go_home
from tests.factories import CALM, NOW, check_in, make_active_plan, make_stay, weekly

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def days(patient, nurse, first, until, outcome="spoke") -> list[str]:
    """Sweep day by day, close what is asked, and return its words in order."""
    found = []
    for day in range(first, until):
        at = NOW + day * DAY
        sweep_reminders(at)
        sweep_detox(at)
        for task in CareTask.objects.open().filter(patient=patient, kind="aftercare"):
            found.append(task.title)
            close_task(task=task, by=nurse.user, outcome=outcome, note="Rang.", now=at)
    return found


@pytest.fixture
def wren(patient):
    """After the last dose, asked each week, and heard once."""
    weekly(patient, NOW - DAY, 0)
    off(patient)
    set_schedule(patient=patient, remind_at=time(9), wants_mail=True, by=None, now=NOW)
    return patient


def test_a_false_alarm_that_was_closed_silences_nothing_behind_it(wren, nurse) -> None:
    check_in(wren, GOOD | {"other_drugs": "other_sedative"}, now=NOW + 10 * DAY)
    assert days(wren, nurse, 10, 12) == [RESTART]
    weekly(wren, NOW + 13 * DAY, 3)
    assert RELAPSE in days(wren, nurse, 13, 15)
    assert days(wren, nurse, 15, 70).count(SILENT) > 1


def test_a_try_without_an_answer_leaves_the_silence_open(wren, nurse) -> None:
    check_in(wren, GOOD, now=NOW)
    found = days(wren, nurse, 1, 40, "no_answer")
    assert set(found) == {SILENT}
    assert CareTask.objects.open().filter(title=SILENT).count() == 1


def test_a_severe_sign_after_a_discharge_asks_for_a_level_of_care(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    go_home(make_stay(patient, prescriber.user), prescriber)
    check_in(patient, CALM | {"seizure": "yes"}, now=HOME + DAY)
    for _ in range(2):
        sweep_detox(HOME + DAY + HOUR)
    assert CareTask.objects.open().filter(kind="care_level").count() == 1


def correct(patient, wrong, answers, now) -> CheckIn:
    return submit_check_in(
        patient=patient, questionnaire=get_questionnaire("daily", LATEST["daily"]),
        answers=answers, submission_id=uuid4(), language="en", reported_at=now, now=now,
        corrects=wrong,
    )  # fmt: skip


def test_a_slip_of_the_finger_is_no_wave_once_it_is_corrected(patient) -> None:
    off(patient)
    check_in(patient, GOOD, now=NOW + 40 * DAY)
    wrong = check_in(patient, BAD, now=NOW + 47 * DAY)
    assert len(outcome_of(patient, NOW + 55 * DAY).spans) == 2
    alerts = Alert.objects.count()
    correct(patient, wrong, GOOD, NOW + 47 * DAY + timedelta(minutes=3))
    outcome = outcome_of(patient, NOW + 55 * DAY)
    assert [span.is_wave for span in outcome.spans] == [False]
    assert outcome.weighing.for_withdrawal == ()
    assert Alert.objects.count() == alerts  # a correction takes nothing back


def test_scores_of_one_day_stand_in_the_order_of_their_times() -> None:
    first, day = NOW.date(), NOW.date() + DAY
    spans = waves_and_windows([(day, 20), (day, 2)], first)
    assert [span.is_wave for span in spans] == [True, False]
