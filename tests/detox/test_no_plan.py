"""Whoever takes some that no plan gives is asked about for as long as the clinic follows them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from threading import Event
from uuid import uuid5

import pytest
from django.db import connection, transaction

from apps.alerts.models import Alert
from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.task_actions import TaskClosedError, close_task, overtake_tasks
from apps.checkins.task_ends import BESIDE, NO_PLAN, SILENT, TOLD_OFF
from apps.detox.aftercare_clocks import RESTART
from apps.detox.clocks import sweep_detox, warn_of_task
from apps.detox.discharge_actions import discharge_patient
from apps.detox.no_plan_clock import ask_for_a_plan, end_plan_task, left_without_plan
from apps.detox.referral_actions import locked
from apps.patients.actions import StatusError, change_status
from apps.patients.intake_actions import SectionValues, save_section
from apps.patients.models import RISK_FLAGS, Patient
from apps.tapers.leaving_actions import leave_plans
from tests.detox.test_beside import ZOLPIDEM, at_nothing, say_how, tell
from tests.detox.test_discharge import refuse
from tests.detox.test_given_on import agree, go_home, leave, stays, take_again
from tests.detox.test_stay import resolve
from tests.factories import NOW, make_active_plan, make_patient, make_stay

__all__ = ["stays"]  # the fixture
pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def asked() -> list[tuple[str, str]]:
    """Return every task that asked for a plan, with what came of it."""
    rows = CareTask.objects.filter(kind__in=("new_plan", "aftercare", "second"))
    return [(row.title or row.kind, row.outcome) for row in rows.order_by("created_at")]


def close(by, now, outcome: str = "other") -> None:
    task = CareTask.objects.open().exclude(kind="contact").get()
    close_task(task=task, by=by.user, outcome=outcome, note="Next week.", now=now)


def unplanned(now) -> list[int]:
    """Return what two sweeps of one moment opened."""
    return [sweep_detox(now).unplanned for _ in range(2)]


def at_nothing_beside_zolpidem(clinic, nurse, prescriber) -> tuple[Patient, datetime]:
    """Return a patient whose plan stands at nothing, with a second drug, and a moment after."""
    wren = make_patient(clinic, drug_id="diazepam", slots={"night": "1"})
    tell(wren, nurse, ZOLPIDEM)
    at_nothing(wren, prescriber)
    late = NOW + 15 * DAY
    return wren, late


def test_a_plan_that_ended_at_a_dose_is_asked_about_then_alerts_and_asks_again(
    stays, nurse, prescriber
) -> None:
    assert unplanned(NOW + HOUR) == [1, 0]
    assert asked() == [(NO_PLAN, "")]
    sweep_detox(NOW + 73 * HOUR)
    assert not Alert.objects.exists()
    sweep_detox(NOW + 74 * HOUR)
    assert [alert.rules for alert in Alert.objects.all()] == [["D07_NO_PLAN_AFTER"]]
    for outcome in CareTask.Outcome.for_people():
        with pytest.raises(TaskClosedError, match="asked again after a week"):
            close(nurse, NOW + 4 * DAY, outcome[0])
    said = NOW + 4 * DAY
    close(prescriber, said)
    assert unplanned(said + 6 * DAY) == [0, 0]
    assert unplanned(said + 7 * DAY) == [1, 0]
    assert asked() == [(NO_PLAN, "other"), (NO_PLAN, "")]


def test_thirty_days_after_another_doctors_yes_it_is_asked_again(stays, prescriber) -> None:
    sweep_detox(NOW + HOUR)
    agree(stays, prescriber, NOW + 2 * HOUR)
    assert asked() == [(NO_PLAN, "overtaken")]
    assert unplanned(NOW + 30 * DAY) == [0, 0]
    assert unplanned(NOW + 32 * DAY) == [1, 0]
    agree(stays, prescriber, NOW + 33 * DAY)
    assert unplanned(NOW + 34 * DAY) == [0, 0]
    assert asked() == [(NO_PLAN, "overtaken")] * 2


def test_the_task_after_a_discharge_comes_back_when_nothing_was_done(patient, prescriber) -> None:
    home = go_home(patient, prescriber)
    assert unplanned(home + HOUR) == [0, 0]
    close(prescriber, home + DAY)
    assert unplanned(home + 7 * DAY) == [0, 0]
    assert unplanned(home + 8 * DAY) == [1, 0]
    assert asked() == [("new_plan", "other"), (NO_PLAN, "")]


def test_a_plan_in_force_ends_the_question(stays, prescriber) -> None:
    sweep_detox(NOW + HOUR)
    start = NOW + DAY
    make_active_plan(stays, prescriber.user, now=start, start_on=start.date().isoformat())
    sweep_detox(start + HOUR)
    assert asked() == [(NO_PLAN, "overtaken")]
    assert unplanned(start + 10 * DAY) == [0, 0]


def test_what_changed_since_it_was_closed_is_asked_at_once(stays, prescriber) -> None:
    sweep_detox(NOW + HOUR)
    close(prescriber, NOW + 2 * HOUR)
    tell(stays, prescriber, now=NOW + DAY, medication={"night_mg": Decimal("0.5")})
    assert unplanned(NOW + DAY + HOUR) == [1, 0]


def test_it_ends_when_nothing_is_taken_any_more(stays) -> None:
    sweep_detox(NOW + HOUR)
    Patient.objects.update(last_dose_on=NOW.date())
    sweep_detox(NOW + 2 * HOUR)
    assert asked() == [(NO_PLAN, "overtaken")]


def test_who_is_asked_after_in_hospital_or_paused_is_not_asked_about_twice(stays, nurse) -> None:
    change_status(patient=stays, status="paused", by=nurse.user, now=NOW)
    assert ask_for_a_plan(stays.pk, NOW + 10 * DAY) is False
    assert unplanned(NOW + 10 * DAY) == [0, 0]


def test_whom_the_clinic_never_tapered_nobody_asks_about(patient) -> None:
    assert unplanned(NOW + 60 * DAY) == [0, 0]


def test_use_that_began_again_keeps_its_own_question(patient, prescriber) -> None:
    take_again(patient, prescriber, "stay")
    assert unplanned(NOW + HOUR) == [0, 0]
    close(prescriber, NOW + DAY)
    assert unplanned(NOW + 8 * DAY) == [0, 0]
    assert [outcome for _, outcome in asked()] == ["other", ""], "by the clock of restarts, once"


def test_active_again_without_a_discharge_is_asked_about(patient, prescriber) -> None:
    """A plan left for a hospital, and a select that says the patient is home."""
    make_active_plan(patient, prescriber.user)
    leave_plans(patient=patient, is_over=False, reason="Ward.", by=prescriber.user, now=NOW)
    assert unplanned(NOW + HOUR) == [1, 0]


def test_a_second_signature_that_was_put_off_is_asked_for_again(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    home = NOW + HOUR
    discharge_patient(
        referral=make_stay(patient, prescriber.user).referral, by=prescriber.user, now=home,
        discharged_at=home, left="none", taken="", last_dose_on=NOW.date(), summary="Calm.",
        short_because="Took two a month.",
    )  # fmt: skip
    close(prescriber, home + HOUR)
    assert unplanned(home + 6 * DAY) == [0, 0]
    assert unplanned(home + 8 * DAY) == [1, 0]
    assert asked() == [("second", "other"), ("second", "")]


def test_a_dose_told_after_the_last_one_is_asked_about_until_it_is_settled(
    patient, nurse, prescriber
) -> None:
    then = NOW - 60 * DAY
    make_active_plan(patient, prescriber.user, now=then, start_on=then.date().isoformat())
    leave_plans(patient=patient, is_over=True, reason="Over.", by=prescriber.user, now=then + DAY)
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=(NOW - 30 * DAY).date())
    tell(patient, nurse, now=NOW, medication={"night_mg": Decimal("7.5")})
    sweep_detox(NOW + HOUR)
    assert asked() == [(RESTART, "")]
    close(prescriber, NOW + DAY)
    assert unplanned(NOW + 6 * DAY) == [0, 0]
    assert unplanned(NOW + 8 * DAY) == [1, 0]
    assert asked() == [(RESTART, "other"), (RESTART, "")]


def test_the_intake_told_anew_after_a_plan_at_nothing_lets_nobody_be_left(
    clinic, nurse, prescriber
) -> None:
    """The second drug kept the last dose from being noted; then the main one is told again."""
    wren, late = at_nothing_beside_zolpidem(clinic, nurse, prescriber)
    sweep_detox(late)
    leave_plans(patient=wren, is_over=True, reason="Over.", by=prescriber.user, now=late)
    tell(wren, nurse, now=late + DAY, medication={"night_mg": Decimal(2)})
    sweep_detox(late + DAY + HOUR)
    assert asked() == [(BESIDE, "overtaken"), (NO_PLAN, "")], "closed by the facts"
    assert "told a dose since the last plan ended" in leave(wren, nurse, late + 2 * DAY)
    agree(Patient.objects.get(pk=wren.pk), prescriber, late + 2 * DAY)
    assert unplanned(late + 3 * DAY) == [1, 0]
    assert asked()[1:] == [(NO_PLAN, "overtaken"), (TOLD_OFF, "")], "how was the other stopped?"
    say_how(prescriber, late + 4 * DAY)
    assert unplanned(late + 5 * DAY) == [0, 0]
    assert leave(wren, nurse, late + 5 * DAY) == ""


def test_a_question_about_a_second_drug_holds_no_other_look_back(clinic, nurse, prescriber) -> None:
    wren, late = at_nothing_beside_zolpidem(clinic, nurse, prescriber)
    sweep_detox(late)
    leave_plans(patient=wren, is_over=True, reason="Over.", by=prescriber.user, now=late)
    take_again(wren, prescriber, "stay", now=late + DAY)
    (_, open_), (title, _) = asked()
    assert (open_, title) == ("", "Some is taken again: ask how it goes, and about a plan")
    task = CareTask.objects.open().get(title=title)
    close_task(task=task, by=prescriber.user, outcome="spoke", note="", now=late + 2 * DAY)
    assert sweep_detox(late + 9 * DAY).restarts == 1
    assert asked() == [(BESIDE, ""), (title, "spoke"), (title, "")]


def test_a_question_about_a_drug_told_off_ends_when_it_is_told_on_again(
    clinic, nurse, prescriber
) -> None:
    wren, late = at_nothing_beside_zolpidem(clinic, nurse, prescriber)
    tell(wren, nurse, now=late)
    sweep_detox(late + HOUR)
    assert asked() == [(TOLD_OFF, "")]
    tell(wren, nurse, ZOLPIDEM, now=late + DAY)
    sweep_detox(late + DAY + HOUR)
    assert asked() == [(TOLD_OFF, "overtaken"), (BESIDE, "")]


def test_nothing_is_kept_when_the_audit_row_cannot_be(stays, monkeypatch) -> None:
    monkeypatch.setattr("apps.checkins.task_actions.record", refuse)
    with pytest.raises(Exception, match="audit row refused"):
        ask_for_a_plan(stays.pk, NOW + HOUR)
    assert asked() == []


def test_ending_it_twice_is_once(stays) -> None:
    ask_for_a_plan(stays.pk, NOW + HOUR)
    assert end_plan_task(stays.pk, NOW + HOUR) is False, "some is taken still"
    Patient.objects.update(last_dose_on=NOW.date())
    for _ in range(2):
        end_plan_task(stays.pk, NOW + 2 * HOUR)
    assert asked() == [(NO_PLAN, "overtaken")]


def test_ended_stays_refused_meanwhile(stays, nurse) -> None:
    with pytest.raises(StatusError, match="ASAM-03"):
        change_status(patient=stays, status="ended", by=nurse.user, now=NOW + HOUR)


def test_nobody_asks_for_a_plan_in_a_hospital_and_at_once_after_it(stays, nurse) -> None:
    sweep_detox(NOW + HOUR)
    assert asked() == [(NO_PLAN, "")]
    change_status(patient=stays, status="in_hospital", by=nurse.user, now=NOW + 2 * HOUR)
    for hours in (3, 74, 100):
        sweep_detox(NOW + hours * HOUR)
    assert CareTask.objects.get(kind="new_plan").outcome == "overtaken"
    assert not Alert.objects.filter(rules__contains=["D07_NO_PLAN_AFTER"]).exists()
    change_status(patient=stays, status="active", by=nurse.user, now=NOW + 101 * HOUR)
    sweep_detox(NOW + 102 * HOUR)
    assert CareTask.objects.open().get().title == NO_PLAN


def test_who_is_paused_after_the_question_is_asked_about_once(stays, nurse) -> None:
    sweep_detox(NOW + HOUR)
    change_status(patient=stays, status="paused", by=nurse.user, now=NOW + 2 * HOUR)
    sweep_detox(NOW + DAY)
    assert CareTask.objects.open().get().kind == "new_plan", "until the other clock asks"
    for days in (8, 10):
        sweep_detox(NOW + days * DAY)
    assert CareTask.objects.open().get().kind == "paused"


def test_a_question_about_a_second_drug_holds_none_about_the_first_back(
    clinic, nurse, prescriber
) -> None:
    wren, late = at_nothing_beside_zolpidem(clinic, nurse, prescriber)
    sweep_detox(late)
    assert CareTask.objects.open().get().title == BESIDE
    stay = make_stay(Patient.objects.get(pk=wren.pk), prescriber.user, now=late + HOUR)
    home = late + 5 * DAY
    discharge_patient(
        referral=stay.referral, by=prescriber.user, now=home, discharged_at=home, left="some",
        taken="diazepam 5 mg", last_dose_on=None, summary="Calm.",
    )  # fmt: skip
    task = CareTask.objects.open().get(kind="new_plan")
    close_task(task=task, by=prescriber.user, outcome="other", note="Later.", now=home + DAY)
    sweep_detox(home + 2 * DAY)
    assert (NO_PLAN, "") not in asked(), "somebody closed it yesterday"
    sweep_detox(home + 9 * DAY)
    assert {(NO_PLAN, ""), (BESIDE, "")} <= set(asked())


def test_each_overdue_task_of_a_kind_is_told_again_by_itself(clinic, nurse) -> None:
    wren = make_patient(clinic)
    for title in (BESIDE, SILENT):
        source = uuid5(wren.pk, title)
        open_clock_task(wren, "aftercare", source, NOW + 3 * HOUR, NOW, title=title)
    for task in CareTask.objects.all():
        assert warn_of_task(task.pk, NOW + 4 * HOUR)
    silent = CareTask.objects.get(title=SILENT)
    resolve(Alert.objects.get(source_id=silent.pk), nurse, NOW + 5 * HOUR)
    assert warn_of_task(silent.pk, NOW + 30 * HOUR), "its own alert was closed"
    assert not warn_of_task(CareTask.objects.get(title=BESIDE).pk, NOW + 30 * HOUR), "its is open"


def test_two_drugs_told_off_are_asked_about_one_by_one(clinic, nurse, prescriber) -> None:
    wren, late = at_nothing_beside_zolpidem(clinic, nurse, prescriber)
    other = ZOLPIDEM | {"drug_id": "lorazepam_ir", "night_mg": Decimal(1)}
    tell(wren, nurse, now=late)
    sweep_detox(late + HOUR)
    tell(wren, nurse, other, now=late + 2 * HOUR)
    sweep_detox(late + 3 * HOUR)
    tell(wren, nurse, now=late + DAY)
    say_how(prescriber, late + DAY + HOUR)
    for _ in range(2):
        sweep_detox(late + DAY + 2 * HOUR)
    answered = [(TOLD_OFF, "other"), (BESIDE, "overtaken")]
    assert asked() == [*answered, (TOLD_OFF, "")], "nobody wrote of the second one yet"
    assert "A prescriber first writes" in leave(wren, nurse, late + DAY + 2 * HOUR)
    say_how(prescriber, late + 2 * DAY)
    sweep_detox(late + 2 * DAY + HOUR)
    assert leave(wren, nurse, late + 2 * DAY + HOUR) == ""


def test_two_drugs_told_off_before_any_clock_looked_take_two_answers(
    clinic, nurse, prescriber
) -> None:
    wren, late = at_nothing_beside_zolpidem(clinic, nurse, prescriber)
    other = ZOLPIDEM | {"drug_id": "lorazepam_ir", "night_mg": Decimal(1)}
    tell(wren, nurse, ZOLPIDEM, other, now=late)
    tell(wren, nurse, other, now=late + HOUR)
    tell(wren, nurse, now=late + 2 * HOUR)
    for day in (1, 2):
        sweep_detox(late + day * DAY)
        assert "A prescriber first writes" in leave(wren, nurse, late + day * DAY)
        say_how(prescriber, late + day * DAY + HOUR)
    sweep_detox(late + 3 * DAY)
    assert asked() == [(TOLD_OFF, "other")] * 2
    assert leave(wren, nurse, late + 3 * DAY) == ""


def test_a_word_in_another_section_neither_silences_the_clock_nor_wakes_it(
    stays, clinic, nurse, prescriber
) -> None:
    """After the last dose only what tells of a dose calls for a look; before it, nothing less."""
    save = partial(save_section, section="health", by=nurse.user, now=NOW + DAY)
    save(patient=stays, values=SectionValues(risk={RISK_FLAGS[0]: True}), based_on=99)
    assert unplanned(NOW + DAY + HOUR) == [1, 0], "the dose of a plan that ended is asked about"
    at_rest = make_patient(clinic)
    make_active_plan(at_rest, prescriber.user)
    leave_plans(patient=at_rest, is_over=True, reason="x", by=prescriber.user, now=NOW)
    Patient.objects.filter(pk=at_rest.pk).update(last_dose_on=NOW.date())
    save(patient=at_rest, values=SectionValues(risk={RISK_FLAGS[0]: True}), based_on=99)
    assert at_rest.pk not in dict(left_without_plan())
    tell(at_rest, nurse, now=NOW + 2 * DAY, medication={"night_mg": Decimal("0.5")})
    assert at_rest.pk in dict(left_without_plan())


@pytest.mark.django_db(transaction=True)
def test_the_alert_of_a_late_task_and_the_act_that_ends_it_never_wait_for_each_other(
    patient, prescriber
) -> None:
    """The alert holds the task and refers to the patient, whom the act holds on its way to it."""
    make_active_plan(patient, prescriber.user)
    with transaction.atomic():
        leave_plans(patient=patient, is_over=True, reason="x", by=prescriber.user, now=NOW)
    ask_for_a_plan(patient.pk, NOW + HOUR)
    task = CareTask.objects.get()
    late = task.due_at + HOUR
    task_held, patient_held = Event(), Event()

    def warn() -> bool:
        try:
            with transaction.atomic():
                CareTask.objects.select_for_update(of=("self",)).get(pk=task.pk)
                task_held.set()
                assert patient_held.wait(20)
                return warn_of_task(task.pk, late)
        finally:
            connection.close()

    def act() -> None:
        try:
            assert task_held.wait(20)
            with transaction.atomic():
                held = locked(patient.pk)
                held.daily_until = NOW.date()
                held.save(update_fields=["daily_until"])
                patient_held.set()
                overtake_tasks(patient_id=patient.pk, kind="new_plan", by=None, now=late)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        warned, acted = pool.submit(warn), pool.submit(act)
        acted.result(30)
        assert warned.result(30) is True
    task.refresh_from_db()
    assert (task.outcome, Alert.objects.count()) == ("overtaken", 1)
