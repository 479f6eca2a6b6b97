"""The year after the last dose: how often to ask, waves, relapse, use that began again."""

from datetime import time, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.assessment import planned_now
from apps.checkins.models import CareTask, Reminder
from apps.checkins.reminder_actions import set_schedule
from apps.checkins.reminder_sweep import sweep_reminders
from apps.checkins.task_actions import close_task
from apps.dashboard.states import states_of
from apps.detox.aftercare_clocks import SILENT_AGAIN
from apps.detox.clocks import sweep_detox
from apps.detox.hand_over import hand_over_of
from apps.detox.models import Restart
from apps.detox.outcome import outcome_of
from apps.detox.restart_actions import RestartError, record_restart
from apps.tapers.actions_clock import settle_due
from apps.tapers.leaving_actions import leave_plans
from apps.tapers.taken import taken_without_plan
from tests.conftest import signed_in
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_dispensing,
    make_patient,
    make_plan,
    sign,
    weekly,
)
from tests.tapers.test_stopping import RARELY, document, end, half_way

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LAST = NOW.date()
BAD = CALM | dict.fromkeys(("s_anx", "s_restless", "s_sleep"), 3)
GOOD = CALM | dict.fromkeys([key for key in CALM if key.startswith("s_")], 0)


def refuse(*args: object, **kwargs: object) -> None:
    raise IntegrityError("audit row refused")


def off(patient, day=LAST):
    """Put a patient at the end: nothing taken since this day."""
    patient.last_dose_on = day
    patient.save(update_fields=["last_dose_on"])
    return patient


def restart(patient, member, **changes):
    values = {
        "seen_how": "told", "taken": "One tablet before flying.", "days_per_week": 1,
        "agreed": "stop_again",
        "plan": "Calls before the next flight.", "last_dose_on": (NOW + 40 * DAY).date(),
    } | changes  # fmt: skip
    return record_restart(patient=patient, by=member.user, now=NOW + 41 * DAY, **values)


def end_early(plan, member) -> None:
    """End a plan the way ASAM-05 documents."""
    document(plan.patient, member)
    end(plan, member, timezone.now())


def titles(now) -> list[str]:
    sweep_detox(now)
    return [task.title for task in CareTask.objects.open().filter(kind="aftercare")]


def test_w17_and_the_cadence_go_on_without_a_plan(patient) -> None:
    off(patient)
    fired = [
        [each["rule_id"] for each in check_in(patient, BAD, now=NOW + days * DAY).triage.fired]
        for days in (30, 31)
    ]
    assert [("W17_PROTRACTED" in rules) for rules in fired] == [False, True]
    outcome = outcome_of(patient, NOW + 31 * DAY)
    assert (outcome.days_since, outcome.dose_now) == (31, "none")


def test_silence_after_the_last_dose_is_asked_about_and_a_task_nobody_looks_at_alerts(
    patient,
) -> None:
    """A high tier is no step away here, so no silence rule fires: the task does."""
    off(patient)
    set_schedule(patient=patient, remind_at=time(9), wants_mail=True, by=None, now=NOW)
    check_in(patient, GOOD, now=NOW)
    found = []
    for day in range(30):
        sweep_reminders(NOW + day * DAY)
        found.append(titles(NOW + day * DAY))
    asked = next(day for day, words in enumerate(found) if words)
    assert 14 <= asked <= 23
    assert found[asked] == ["Two check-ins in a row were missed after the last dose: get in touch"]
    rules = [rule for alert in Alert.objects.all() for rule in alert.rules]
    assert rules.count("D09_AFTERCARE_UNSEEN") == 1
    assert CareTask.objects.filter(kind="aftercare").count() == 1


def test_waves_and_windows_and_what_speaks_for_which(patient, nurse) -> None:
    weekly(patient, NOW - 10 * DAY, 0)
    off(patient)
    for days, answers in ((40, BAD), (47, GOOD), (54, BAD)):
        check_in(patient, answers, now=NOW + days * DAY)
    outcome = outcome_of(patient, NOW + 55 * DAY)
    assert [span.is_wave for span in outcome.spans] == [True, False, True]
    assert "2 waves and 1 window" in outcome.weighing.for_withdrawal[0]
    assert outcome.weighing.for_relapse == ()
    assert titles(NOW + 55 * DAY) == []
    weekly(patient, NOW + 56 * DAY, 2, "4")
    assert len(outcome_of(patient, NOW + 56 * DAY).weighing.for_relapse) == 3
    assert "first illness" in titles(NOW + 56 * DAY)[0]
    page = signed_in(nurse).get(reverse("detox:outcome", args=[patient.pk])).text
    for words in ("Speaks for the first illness", "PHQ-9 is 16 now and was 0", "Wave", "Window",
                  "2 waves and 1 window"):  # fmt: skip
        assert words in page


def test_a_baseline_that_is_missing_is_said_and_sleep_is_weighed(patient, nurse) -> None:
    client, page = signed_in(nurse), reverse("detox:outcome", args=[patient.pk])
    assert "No baseline yet: PHQ-9, GAD-7, sleep" in client.get(page).text
    off(patient)
    weekly(patient, NOW + 20 * DAY, 2, "4")
    text = client.get(page).text
    assert "No baseline: PHQ-9, GAD-7, sleep" in text
    assert text.count(">no baseline<") == 5
    assert titles(NOW + 20 * DAY) == []
    off(patient, (NOW + 21 * DAY).date())
    weekly(patient, NOW + 30 * DAY, 2, "2")
    assert titles(NOW + 30 * DAY) == [
        "Mood, anxiety or sleep is worse than at the last dose: look at the first illness"
    ]
    text = client.get(page).text
    assert "Sleep is 2 hours a night now and was 4 at the last dose" in text
    assert "No baseline" not in text


def test_the_outcome_costs_the_same_after_a_year_and_its_read_is_on_record(
    patient, nurse, prescriber, django_assert_max_num_queries
) -> None:
    make_active_plan(patient, prescriber.user)
    off(patient)
    client, url = signed_in(nurse), reverse("detox:outcome", args=[patient.pk])
    weekly(patient, NOW, 1)
    client.get(url)
    for week in range(1, 9):
        weekly(patient, NOW + week * 7 * DAY, 1)
    with django_assert_max_num_queries(24):
        page = client.get(url)
    assert (
        page.context["outcome"].dose_first,
        AuditEvent.objects.filter(event="outcome.viewed", patient_id=patient.pk).count(),
    ) == ("2 mg", 2)


TOLD = {
    "check-in": {"other_drugs": "other_sedative"}, "street": {"other_drugs": "street"},
    "extra": {"dose_taken": "took_extra", "dose_taken_mg": "1"},
}  # fmt: skip


@pytest.mark.parametrize("seen", [*TOLD, "weekly", "pharmacy"])
def test_a_restart_is_seen_asked_about_once_and_met_with_a_plan(
    patient, nurse, prescriber, seen
) -> None:
    off(patient)
    at = NOW + 40 * DAY
    if seen in TOLD:
        check_in(patient, CALM | TOLD[seen], now=at)
    elif seen == "weekly":
        weekly(patient, at, 0, new_meds=True, new_meds_list="Ambien 10 mg at night")
    else:
        make_dispensing(patient, nurse.user, now=at)
    assert "talk about it and agree on a plan" in titles(at)[0]
    row = restart(patient, prescriber)
    assert restart(patient, prescriber) == row
    patient.refresh_from_db()
    assert patient.last_dose_on == (NOW + 40 * DAY).date()
    assert titles(NOW + 41 * DAY + timedelta(hours=1)) == []
    assert AuditEvent.objects.filter(event="restart.recorded").count() == 1


def test_a_restart_is_saved_whole_or_not_at_all_and_only_with_a_plan(
    patient, prescriber, monkeypatch
) -> None:
    off(patient)
    for said, wrong in (
        ("not come yet", {"last_dose_on": (NOW + 60 * DAY).date()}),
        ("before the last dose", {"last_dose_on": LAST - DAY}),
        ("not stopped at once", {"days_per_week": 4}),
    ):
        with pytest.raises(RestartError, match=said):
            restart(patient, prescriber, **wrong)
    for wrong in ({"plan": ""}, {"last_dose_on": None}, {"agreed": "stay"}, {"days_per_week": 0}):
        with pytest.raises(IntegrityError, match="restart_"), transaction.atomic():
            restart(patient, prescriber, **wrong)
    monkeypatch.setattr("apps.detox.restart_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        restart(patient, prescriber)
    patient.refresh_from_db()
    assert (Restart.objects.count(), patient.last_dose_on) == (0, LAST)


def test_a_dose_taken_every_day_again_gets_a_task_for_its_plan_and_cannot_end_here(
    patient, prescriber
) -> None:
    off(patient)
    daily = {"days_per_week": 7, "agreed": "new_taper", "last_dose_on": None}
    restart(patient, prescriber, **daily)
    task = CareTask.objects.get(kind="aftercare")
    assert task.title == "Make the new plan to taper that was agreed"
    with pytest.raises(RestartError, match="not stopped at once"):
        restart(patient, prescriber, plan="None from now on.")
    patient.refresh_from_db()
    assert patient.last_dose_on is None


def test_a_restart_after_a_restart_is_met_with_its_own_plan_and_stands_on_the_caseload(
    patient, prescriber
) -> None:
    """Two days a week became seven: the second word counts, and its plan is asked for."""
    off(patient)
    going_on = {"agreed": "stay", "last_dose_on": None, "days_per_week": 2}
    restart(patient, prescriber, **going_on)
    (row,) = states_of([patient.pk], NOW + 42 * DAY)
    assert (row.stage, row.dose) == ("again", "One tablet before flying.")
    more = {"agreed": "new_taper", "last_dose_on": None, "days_per_week": 7, "taken": "1 mg daily"}
    for _ in range(2):
        record_restart(
            patient=patient, seen_how="told", plan="Slower.", by=prescriber.user,
            now=NOW + 60 * DAY, **more,
        )  # fmt: skip
    assert Restart.objects.count() == 2
    assert titles(NOW + 60 * DAY) == ["Make the new plan to taper that was agreed"]
    (row,) = states_of([patient.pk], NOW + 60 * DAY)
    assert (row.stage, row.dose) == ("again", "1 mg daily")
    page = signed_in(prescriber).get(reverse("detox:restart", args=[patient.pk])).text
    assert "1 mg daily (7 days a week)" in page
    plan = make_active_plan(patient, prescriber.user, now=NOW + 61 * DAY)
    with pytest.raises(RestartError, match="takes a dose on record"):
        restart(patient, prescriber, plan="Other words.")
    assert states_of([patient.pk], NOW + 61 * DAY)[0].dose != "1 mg daily"
    assert plan.status == "active"


@pytest.mark.parametrize("was_away", [False, True])
def test_a_restart_ends_the_plan_that_stands_at_nothing_and_no_sweep_takes_it_back(
    clinic, prescriber, was_away
) -> None:
    """Most plans stand at nothing for months; one from before a unit may be there, too."""
    wren = make_patient(clinic, drug_id="diazepam", slots={"night": "1"})
    if was_away:
        old = make_active_plan(
            wren, prescriber.user, goal_mg="0", slots={"night": "1"},
            method={"kind": "custom", "daily_mg": ["0.5", "0"]},
        )  # fmt: skip
        leave_plans(patient=wren, is_over=False, reason="Seizure.", by=prescriber.user, now=NOW)
        old.refresh_from_db()
        assert old.status == "inpatient"
    start = NOW + DAY
    plan = sign(
        make_plan(
            wren, prescriber.user, now=start, start_on=start.date().isoformat(), goal_mg="0",
            slots={"night": "1"}, method={"kind": "custom", "daily_mg": ["0"]},
        ),
        prescriber.user, now=start,
    )  # fmt: skip
    check_in(wren, GOOD, now=start + 13 * DAY)
    settle_due(start + 15 * DAY)
    sweep_detox(start + 15 * DAY)
    wren.refresh_from_db()
    assert wren.last_dose_on == (start + 13 * DAY).date()
    going_on = {"agreed": "stay", "last_dose_on": None, "days_per_week": 2}
    for _ in range(2):
        restart(wren, prescriber, **going_on)
    plan.refresh_from_db()
    assert (plan.status, AuditEvent.objects.filter(event="plan.ended", object_id=plan.pk).count()
            ) == ("ended", 1)  # fmt: skip
    sweep_detox(NOW + 42 * DAY)
    wren.refresh_from_db()
    assert wren.last_dose_on is None
    (row,) = states_of([wren.pk], NOW + 42 * DAY)
    assert (row.stage, row.dose) == ("again", "One tablet before flying.")
    again = {"agreed": "new_taper", "last_dose_on": None, "days_per_week": 7}
    assert restart(wren, prescriber, taken="1 mg daily", **again) != wren.restarts.last()
    assert Restart.objects.count() == 2


def test_use_that_goes_on_on_few_days_may_end_but_not_before_it_was_written_down(
    patient, prescriber
) -> None:
    off(patient)
    restart(patient, prescriber, agreed="specialist", last_dose_on=None, days_per_week=3)
    with pytest.raises(RestartError, match="still taken then"):
        restart(patient, prescriber, plan="It ended.")
    done = restart(patient, prescriber, plan="It ended.", last_dose_on=(NOW + 41 * DAY).date())
    patient.refresh_from_db()
    assert patient.last_dose_on == done.last_dose_on
    assert states_of([patient.pk], NOW + 42 * DAY)[0].dose == "none"


def test_what_is_taken_again_is_no_dose_of_the_old_intake(patient, prescriber) -> None:
    off(patient)
    restart(patient, prescriber, agreed="stay", last_dose_on=None, days_per_week=2)
    patient.refresh_from_db()
    taken = taken_without_plan(patient)
    assert (taken.known, taken.words, planned_now(patient, None)) == (
        "restart", "One tablet before flying.", None,
    )  # fmt: skip
    assert "Taken again" in hand_over_of(patient, NOW + 42 * DAY, None)["taken_note"]


@pytest.mark.parametrize("with_plan", [False, True])
def test_a_documented_stop_begins_the_year_once_and_a_restart_ends_it(
    clinic, prescriber, with_plan
) -> None:
    """ASAM-05: aftercare begins with the stop, and nothing newer is overruled by it."""
    wren, now = make_patient(clinic, medication=RARELY), timezone.now()
    if with_plan:
        end_early(half_way(wren, prescriber), prescriber)
    else:
        document(wren, prescriber)
    sweep_detox(now)
    sweep_detox(now + timedelta(minutes=1))
    wren.refresh_from_db()
    day = now.astimezone(wren.tz).date()
    assert wren.last_dose_on == day
    assert AuditEvent.objects.filter(event="patient.last_dose_noted").count() == 1
    restart(wren, prescriber, agreed="stay", last_dose_on=None, days_per_week=2)
    sweep_detox(now + 3 * DAY)
    wren.refresh_from_db()
    assert wren.last_dose_on is None


def test_a_sweep_of_aftercare_comes_to_everybody(clinic, monkeypatch) -> None:
    """Of five with news only the last by key began again; two are looked at in one beat."""
    monkeypatch.setattr("apps.detox.turns.SLICE", 2)
    people = sorted((off(make_patient(clinic)) for _ in range(5)), key=lambda each: each.pk)
    for each in people:
        more = {"other_drugs": "other_sedative"} if each is people[-1] else {}
        check_in(each, GOOD | more, now=NOW + DAY)
    found = [bool(titles(NOW + DAY)) for _ in range(3)]
    assert found == [False, False, True]


def test_the_page_of_a_restart_blames_nobody_and_keeps_what_was_typed(patient, prescriber) -> None:
    client, path = signed_in(prescriber), reverse("detox:restart", args=[patient.pk])
    off(patient)
    wrong = client.post(path, {"seen_how": "told", "taken": "Kept", "agreed": "stop_again"})
    assert wrong.status_code == 422
    assert "no failure" in wrong.text
    assert "Say on which day the last dose was taken." in wrong.text
    assert "Kept" in wrong.text
    done = client.post(
        path,
        {"seen_how": "told", "taken": "1 mg", "days_per_week": "7", "agreed": "new_taper",
         "plan": "Slower."},
        follow=True,
    )  # fmt: skip
    assert "Slower." in done.text


def test_the_clock_of_units_moves_to_an_instant_only_in_debug(settings, patient) -> None:
    off(patient)
    with pytest.raises(CommandError, match="debug"):
        call_command("run_care_clocks", at="2027-11-24T00:00Z")
    settings.DEBUG = True
    with pytest.raises(CommandError, match="ISO time"):
        call_command("run_care_clocks", at="soon")
    call_command("run_care_clocks", at="2027-11-24T00:00Z")
    assert "A year since the last dose" in CareTask.objects.get(kind="aftercare").title


@pytest.mark.parametrize(
    ("agreed", "title"),
    [
        ("stay", "Some is taken again: ask how it goes, and about a plan"),
        ("specialist", "Get the specialist's advice that was agreed"),
    ],
)
def test_use_that_goes_on_is_asked_after_and_its_silence_is_heard(
    patient, nurse, prescriber, agreed, title
) -> None:
    off(patient)
    set_schedule(patient=patient, remind_at=time(9), wants_mail=True, by=None, now=NOW)
    row = restart(patient, prescriber, agreed=agreed, last_dose_on=None, days_per_week=7)
    task = CareTask.objects.get(kind="aftercare")
    assert (task.title, task.due_at) == (title, row.recorded_at + 7 * DAY)
    sweep_detox(task.due_at + timedelta(minutes=1))
    assert [alert.rules for alert in Alert.objects.all()] == [["D09_AFTERCARE_UNSEEN"]]
    close_task(task=task, by=nurse.user, outcome="spoke", note="As it was.", now=task.due_at)
    for day in range(7, 90):
        sweep_reminders(row.recorded_at + day * DAY)
        sweep_detox(row.recorded_at + day * DAY)
    assert Reminder.objects.filter(state="missed").count() >= 2
    (silent,) = CareTask.objects.open().filter(kind="aftercare")
    assert silent.title == SILENT_AGAIN
    assert "D09_AFTERCARE_UNSEEN" in Alert.objects.order_by("opened_at").last().rules


@pytest.mark.parametrize("answer", [True, None])
def test_no_rare_use_stops_at_once_beside_a_factor_of_high_risk(clinic, prescriber, answer) -> None:
    """The intake refuses it; so does a restart: present, or not asked."""
    wren = make_patient(clinic, risk={"prior_wd_seizure": answer})
    wren.last_dose_on = NOW.date()
    wren.save(update_fields=["last_dose_on"])
    with pytest.raises(RestartError, match=r"high seizure risk|Not asked yet"):
        restart(wren, prescriber, days_per_week=3)
    assert not wren.restarts.exists()
    assert restart(wren, prescriber, days_per_week=3, agreed="specialist", last_dose_on=None)
