"""A second benzodiazepine or Z-drug of the intake is not over with the last dose of the plan."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask
from apps.checkins.task_actions import TaskClosedError, close_task
from apps.checkins.task_ends import BESIDE, TOLD_OFF
from apps.detox.aftercare_clocks import RESTART
from apps.detox.clocks import sweep_detox
from apps.detox.hand_over import hand_over_of
from apps.detox.restart_actions import RestartError, record_restart
from apps.patients.actions import StatusError, change_status
from apps.patients.intake_actions import SectionValues, save_section
from apps.patients.models import Patient
from apps.tapers.actions_clock import settle_due
from tests.conftest import signed_in
from tests.detox.test_discharge import HOME, NONE, go_home
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_care_level,
    make_patient,
    make_plan,
    make_stay,
    sign,
)
from tests.tapers.test_stopping import end

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ZOLPIDEM = {
    "drug_id": "zolpidem_ir", "pattern": "daily", "taken_months": 24, "night_mg": Decimal(10),
    "dose_confirmed": True,
}  # fmt: skip


def tell(patient, member, *further, now=NOW, **values):
    """Save what the intake says is taken beside the drug to be tapered."""
    return save_section(
        patient=patient, section="medicine", by=member.user, now=now,
        values=SectionValues(further=further, **values),
        based_on=Patient.objects.get(pk=patient.pk).intake_version,
    )  # fmt: skip


def at_nothing(patient, member, start=NOW):
    """Return a plan of a small dose whose step of nothing has begun."""
    plan = sign(
        make_plan(
            patient, member.user, now=start, start_on=start.date().isoformat(), goal_mg="0",
            slots={"night": "1"}, method={"kind": "custom", "daily_mg": ["0"]},
        ),
        member.user, now=start,
    )  # fmt: skip
    check_in(patient, CALM, now=start + 13 * DAY)
    settle_due(start + 15 * DAY)
    return plan


@pytest.fixture
def wren(clinic, nurse):
    wren = make_patient(clinic, drug_id="diazepam", slots={"night": "1"})
    return tell(wren, nurse, ZOLPIDEM)


def asked() -> list[str]:
    return list(CareTask.objects.open().filter(kind="aftercare").values_list("title", flat=True))


def say_how(prescriber, now):
    """Let a prescriber write how a drug that was told off was stopped."""
    close_task(
        task=CareTask.objects.open().get(title=TOLD_OFF), by=prescriber.user, outcome="other",
        note="Tapered by the other clinic.", now=now,
    )  # fmt: skip


def last_dose(patient):
    return Patient.objects.get(pk=patient.pk).last_dose_on


def test_no_year_after_begins_while_a_second_drug_is_taken(wren, nurse, prescriber) -> None:
    at_nothing(wren, prescriber)
    late = NOW + 15 * DAY
    for _ in range(2):
        sweep_detox(late)
    assert (last_dose(wren), asked()) == (None, [BESIDE])
    close_task(
        task=CareTask.objects.get(title=BESIDE),
        by=prescriber.user,
        outcome="other",
        note="A plan for it next month.",
        now=late,
    )
    sweep_detox(late + 6 * DAY)
    assert asked() == []
    sweep_detox(late + 8 * DAY)
    assert asked() == [BESIDE]
    tell(wren, nurse, now=late + 9 * DAY)
    for _ in range(2):
        sweep_detox(late + 9 * DAY + HOUR)
    assert (last_dose(wren), asked()) == (None, [TOLD_OFF]), "nobody said how it was stopped"
    say_how(prescriber, late + 9 * DAY + 2 * HOUR)
    sweep_detox(late + 9 * DAY + 3 * HOUR)
    assert last_dose(wren) == (late + 9 * DAY).date(), "the last of it was taken until then"
    assert AuditEvent.objects.filter(event="patient.last_dose_noted").count() == 1


def test_no_nurse_closes_the_question_and_a_plan_for_the_drug_does(wren, nurse, prescriber) -> None:
    first, late = at_nothing(wren, prescriber), NOW + 15 * DAY
    sweep_detox(late)
    task = CareTask.objects.get(title=BESIDE)
    for outcome in CareTask.Outcome.for_people():
        with pytest.raises(TaskClosedError, match="asked again after a week"):
            close_task(task=task, by=nurse.user, outcome=outcome[0], note="So.", now=late)
    page = signed_in(nurse).get(reverse("checkins:task", args=[task.pk])).text
    assert "or an intake that tells it off, closes this task" in page
    assert "Close the task" not in page
    end(first, prescriber, late + HOUR)
    begins = late + 35 * DAY
    main = {**ZOLPIDEM, "drug_id": "clonazepam", "morning_mg": 1, "noon_mg": 0,
            "evening_mg": 0, "night_mg": 1}  # fmt: skip
    tell(wren, nurse, now=late + 2 * HOUR, medication=main)
    sweep_detox(late + 3 * HOUR)
    assert asked() == [BESIDE]
    wren = Patient.objects.get(pk=wren.pk)
    make_care_level(wren, prescriber.user, now=begins)
    make_active_plan(wren, prescriber.user, now=begins, start_on=begins.date().isoformat())
    sweep_detox(begins)
    task.refresh_from_db()
    assert (asked(), task.outcome, task.done_by) == ([], "overtaken", None)


def test_the_second_drug_becomes_the_one_to_be_tapered(wren, nurse, prescriber) -> None:
    """The plan at nothing was another drug's: the intake names what is taken now."""
    at_nothing(wren, prescriber)
    late = NOW + 15 * DAY
    main = {**ZOLPIDEM, "morning_mg": 0, "noon_mg": 0, "evening_mg": 0}
    tell(wren, nurse, now=late, medication=main)
    sweep_detox(late + HOUR)
    assert (last_dose(wren), asked()) == (None, [BESIDE])


def test_nobody_is_left_with_a_second_drug_that_no_plan_tapers(wren, nurse, prescriber) -> None:
    plan = at_nothing(wren, prescriber)
    late = NOW + 15 * DAY
    wren.refresh_from_db()
    with pytest.raises(StatusError, match=r"zolpidem.* is still taken"):
        change_status(patient=wren, status="ended", by=nurse.user, now=late)
    end(plan, prescriber, timezone.now() + 20 * DAY)
    with pytest.raises(StatusError, match=r"zolpidem.* is still taken"):
        change_status(patient=wren, status="ended", by=nurse.user, now=late)
    sweep_detox(NOW + 40 * DAY)
    assert (last_dose(wren), asked()) == (None, [BESIDE]), "without a plan, too"
    wren = tell(wren, nurse, now=NOW + 41 * DAY)
    sweep_detox(NOW + 41 * DAY)
    wren.refresh_from_db()
    with pytest.raises(StatusError, match="how it was stopped"):
        change_status(patient=wren, status="ended", by=nurse.user, now=NOW + 41 * DAY)
    say_how(prescriber, NOW + 41 * DAY + HOUR)
    sweep_detox(NOW + 41 * DAY + 2 * HOUR)
    assert last_dose(wren) == (NOW + 41 * DAY).date()
    wren.refresh_from_db()
    change_status(patient=wren, status="ended", by=nurse.user, now=NOW + 42 * DAY)


def test_a_unit_is_told_when_the_second_drug_is_taken_and_that_it_is_over(wren, prescriber) -> None:
    taken = "zolpidem tartrate (IR tablet; capsule): 10 mg night, 10 mg a day"
    assert hand_over_of(wren, NOW, None)["medicines"][0] == taken
    go_home(make_stay(wren, prescriber.user), prescriber, **NONE)
    day = f"{HOME.astimezone(wren.tz):%-d %b %Y}"
    line = hand_over_of(wren, HOME + DAY, None)["medicines"][0]
    assert line == f"{taken}; not taken any more, as was said on {day}"


def test_a_last_dose_noted_before_this_rule_is_taken_back_once(wren, prescriber) -> None:
    at_nothing(wren, prescriber)
    day = (NOW + 13 * DAY).date()
    Patient.objects.filter(pk=wren.pk).update(last_dose_on=day)
    for _ in range(2):
        sweep_detox(NOW + 16 * DAY)
    assert (last_dose(wren), asked()) == (None, [BESIDE])
    assert AuditEvent.objects.filter(event="patient.last_dose_taken_back").count() == 1


def test_a_second_drug_told_after_the_last_dose_is_asked_about_and_takes_nothing_back(
    clinic, nurse, prescriber
) -> None:
    wren = make_patient(clinic, drug_id="diazepam", slots={"night": "1"})
    at_nothing(wren, prescriber)
    sweep_detox(NOW + 15 * DAY)
    day = (NOW + 13 * DAY).date()
    assert last_dose(wren) == day
    tell(wren, nurse, ZOLPIDEM, now=NOW + 30 * DAY)
    sweep_detox(NOW + 30 * DAY)
    assert (last_dose(wren), asked()) == (day, [BESIDE])
    wren.refresh_from_db()
    ends = {
        "seen_how": "told", "taken": "zolpidem, two nights", "days_per_week": 2,
        "agreed": "stop_again", "plan": "None from now on.", "by": prescriber.user,
        "last_dose_on": (NOW + 30 * DAY).date(), "now": NOW + 31 * DAY,
    }  # fmt: skip
    with pytest.raises(RestartError, match="not stopped at once"):
        record_restart(patient=wren, **ends)
    rarely = ZOLPIDEM | {"pattern": "rarely", "days_per_week": 2}
    tell(wren, prescriber, rarely, now=NOW + 30 * DAY)
    record_restart(patient=wren, **ends)
    sweep_detox(NOW + 45 * DAY)
    assert (last_dose(wren), asked()) == ((NOW + 30 * DAY).date(), []), "a person has said"


def test_a_unit_that_says_none_says_so_of_all(wren, prescriber) -> None:
    make_plan(wren, prescriber.user, goal_mg="0")
    none = {"left": "none", "taken": "", "last_dose_on": HOME.date()}
    go_home(make_stay(wren, prescriber.user), prescriber, **none)
    sweep_detox(HOME + DAY)
    assert last_dose(wren) == HOME.date()
    assert BESIDE not in asked()


def test_the_day_is_saved_with_its_audit_row_or_not_at_all(clinic, prescriber, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    wren = make_patient(clinic, drug_id="diazepam", slots={"night": "1"})
    at_nothing(wren, prescriber)
    monkeypatch.setattr("apps.detox.last_dose_clock.record", refuse)
    with transaction.atomic():
        sweep_detox(NOW + 15 * DAY)
    assert last_dose(wren) is None


def home_with_some(clinic, prescriber):
    """Never on a plan here, in a unit and home with some left."""
    wren = make_patient(clinic)
    go_home(make_stay(wren, prescriber.user), prescriber)
    return wren


def takes_again(clinic, prescriber):
    """Off for a while, and on a dose again without a plan."""
    wren = make_patient(clinic)
    Patient.objects.filter(pk=wren.pk).update(last_dose_on=NOW.date())
    record_restart(
        patient=wren, seen_how="told", taken="1 mg each night", days_per_week=7, agreed="stay",
        plan="Stay for now.", last_dose_on=None, by=prescriber.user, now=HOME,
    )  # fmt: skip
    return wren


@pytest.mark.parametrize(
    ("story", "said"),
    [(home_with_some, "At discharge the patient still took"), (takes_again, "Some is taken again")],
)
def test_whom_no_plan_tapers_is_not_left(clinic, prescriber, story, said) -> None:
    wren = story(clinic, prescriber)
    path = reverse("patients:status", args=[wren.pk])
    page = signed_in(prescriber).post(path, {"status": "ended"}, follow=True)
    assert said in page.text
    wren.refresh_from_db()
    assert wren.status == "active"


def test_after_a_plan_for_the_rest_they_may_be_left(clinic, prescriber) -> None:
    wren = make_patient(clinic, drug_id="diazepam", slots={"night": "1"})
    go_home(make_stay(wren, prescriber.user), prescriber, taken="diazepam 1 mg")
    plan = at_nothing(wren, prescriber, HOME + DAY)
    sweep_detox(HOME + 17 * DAY)
    assert last_dose(wren) is not None
    wren.refresh_from_db()
    change_status(patient=wren, status="ended", by=prescriber.user, now=HOME + 18 * DAY)
    assert plan.patient_id == wren.pk


def test_no_nurse_says_how_a_drug_was_stopped(wren, nurse, prescriber) -> None:
    at_nothing(wren, prescriber)
    tell(wren, nurse, now=NOW + 15 * DAY)
    sweep_detox(NOW + 16 * DAY)
    task = CareTask.objects.open().get(title=TOLD_OFF)
    for outcome in ("spoke", "done", "other"):
        with pytest.raises(TaskClosedError, match="A prescriber writes how"):
            close_task(task=task, by=nurse.user, outcome=outcome, note="So.", now=NOW + 16 * DAY)
    page = signed_in(nurse).get(reverse("checkins:task", args=[task.pk])).text
    assert "Close the task" not in page
    assert last_dose(wren) is None


def test_what_it_was_first_prescribed_for_takes_no_last_dose_back(wren, nurse, prescriber) -> None:
    make_plan(wren, prescriber.user, goal_mg="0")
    none = {"left": "none", "taken": "", "last_dose_on": HOME.date()}
    go_home(make_stay(wren, prescriber.user), prescriber, **none)
    save_section(
        patient=wren, section="medicine", by=nurse.user, now=HOME + 100 * DAY,
        values=SectionValues(medication={"reason": "insomnia"}),
        based_on=Patient.objects.get(pk=wren.pk).intake_version,
    )  # fmt: skip
    sweep_detox(HOME + 101 * DAY)
    assert last_dose(wren) == HOME.date()
    assert BESIDE not in asked()


@pytest.mark.parametrize("drug", ["diazepam", "zolpidem_ir"])
def test_a_dose_told_after_the_last_one_asks_and_nobody_is_left(
    clinic, nurse, prescriber, drug
) -> None:
    wren = make_patient(clinic, drug_id="diazepam", slots={"night": "1"})
    at_nothing(wren, prescriber)
    sweep_detox(NOW + 15 * DAY)
    main = ZOLPIDEM | {"drug_id": drug, "morning_mg": 0, "noon_mg": 0, "evening_mg": 0}
    tell(wren, nurse, now=NOW + 60 * DAY, medication=main)
    for _ in range(2):
        sweep_detox(NOW + 60 * DAY + HOUR)
    assert RESTART in asked()
    wren.refresh_from_db()
    with pytest.raises(StatusError):
        change_status(patient=wren, status="ended", by=nurse.user, now=NOW + 61 * DAY)


def test_tasks_of_somebody_who_died_alert_nobody(wren, nurse, prescriber) -> None:
    at_nothing(wren, prescriber)
    sweep_detox(NOW + 15 * DAY)
    wren.refresh_from_db()
    change_status(patient=wren, status="deceased", by=nurse.user, now=NOW + 16 * DAY)
    sweep_detox(NOW + 30 * DAY)
    assert asked() == [BESIDE]
    assert not Alert.objects.filter(rules__contains=["D09_AFTERCARE_UNSEEN"]).exists()
