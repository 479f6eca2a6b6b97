"""A restart is met by a plan: a task closed by hand is kept with its outcome, and asked again."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.checkins.models import CareTask
from apps.checkins.task_actions import TaskClosedError, close_task
from apps.detox.clocks import sweep_detox
from apps.detox.given_on_actions import record_given_on
from apps.detox.restart_actions import ASKED_NEXT, record_restart
from apps.detox.restart_clock import ask_about_restart
from apps.patients.actions import change_status
from apps.patients.models import Patient
from tests.detox.test_beside import tell
from tests.factories import NOW, make_active_plan

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TITLES = {str(agreed): title for agreed, (title, _) in ASKED_NEXT.items()}


@pytest.fixture(params=sorted(TITLES))
def again(request, patient, prescriber) -> Patient:
    """A patient who takes some again, by what was agreed, and is on no plan."""
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=(NOW - 30 * DAY).date())
    record_restart(
        patient=patient, seen_how="told", taken="One each night", days_per_week=7,
        agreed=request.param, plan="Call on Monday.", last_dose_on=None, by=prescriber.user,
        now=NOW,
    )  # fmt: skip
    patient.refresh_from_db()
    return patient


def tasks() -> list[tuple[str, str, str]]:
    rows = CareTask.objects.filter(kind="aftercare").order_by("created_at")
    return [(row.title, row.outcome, row.note) for row in rows]


def close(by: Any, now: Any, outcome: str = "other", note: str = "Thinks it over.") -> None:
    close_task(
        task=CareTask.objects.open().get(kind="aftercare"), by=by.user, outcome=outcome, note=note,
        now=now,
    )  # fmt: skip


def title_of(patient: Patient) -> str:
    return TITLES[patient.restarts.get().agreed]


def test_closed_by_hand_its_outcome_is_kept_and_it_is_asked_again_after_a_week(
    again, prescriber
) -> None:
    title, done = title_of(again), NOW + 2 * DAY
    close(prescriber, done)
    assert tasks() == [(title, "other", "Thinks it over.")]
    assert [sweep_detox(done + days * DAY).restarts for days in (1, 6)] == [0, 0]
    assert [sweep_detox(done + 7 * DAY).restarts for _ in range(2)] == [1, 0]
    assert tasks() == [(title, "other", "Thinks it over."), (title, "", "")]
    close(prescriber, done + 8 * DAY, note="Next week.")
    assert sweep_detox(done + 15 * DAY).restarts == 1
    assert len(tasks()) == 3


def test_an_intake_told_anew_meets_no_restart(again, nurse, prescriber) -> None:
    close(prescriber, NOW + DAY)
    tell(again, nurse, now=NOW + 2 * DAY, medication={"night_mg": Decimal("0.5")})
    assert sweep_detox(NOW + 8 * DAY).restarts == 1


def test_a_plan_in_force_ends_the_question(again, prescriber) -> None:
    title = title_of(again)
    make_active_plan(again, prescriber.user, now=NOW + DAY)
    sweep_detox(NOW + DAY)
    assert tasks() == [(title, "overtaken", "")]
    assert sweep_detox(NOW + 30 * DAY).restarts == 0


def test_another_doctor_who_gives_it_on_is_an_answer(again, prescriber) -> None:
    record_given_on(
        patient=again, prescriber="Dr Ada Other", reached_by="555 0199", taken="1 mg a day",
        agreed="By phone.", agreed_on=NOW.date(), signed_with="two_factors", by=prescriber.user,
        now=NOW + DAY,
    )  # fmt: skip
    assert [outcome for _, outcome, _ in tasks()] == ["overtaken"]
    assert sweep_detox(NOW + 20 * DAY).restarts == 0
    assert sweep_detox(NOW + 32 * DAY).restarts == 1, "a yes of a month ago"


def test_whom_the_clinic_does_not_follow_it_does_not_ask_after(again, prescriber) -> None:
    close(prescriber, NOW + DAY)
    change_status(patient=again, status="in_hospital", by=prescriber.user, now=NOW + 2 * DAY)
    assert sweep_detox(NOW + 20 * DAY).restarts == 0
    assert ask_about_restart(again.pk, NOW + 20 * DAY) is False


@pytest.mark.parametrize("again", ["new_taper"], indirect=True)
def test_the_task_for_a_new_taper_is_no_nurses_to_close(again, nurse) -> None:
    for outcome in CareTask.Outcome.for_people():
        with pytest.raises(TaskClosedError, match="Put the new plan in force"):
            close(nurse, NOW + DAY, outcome=outcome[0])
    assert [outcome for _, outcome, _ in tasks()] == [""]
