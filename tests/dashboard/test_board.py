"""The board: what it shows, how it stays true while it is open, and what one does on it."""

import re
from datetime import datetime, timedelta
from urllib.parse import unquote
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.actions import acknowledge_alert
from apps.alerts.health import WATCHED
from apps.alerts.models import Alert
from apps.alerts.sweep import beat
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask
from apps.checkins.task_actions import ask_for, take_task
from apps.checkins.task_team_actions import UndoError
from apps.dashboard import state_actions
from apps.dashboard.board import board_of
from apps.dashboard.board_actions import (
    TooSevereError,
    close_together,
    take_together,
    undo_together,
)
from apps.dashboard.models import PatientChange, PatientState
from apps.dashboard.state_actions import refresh_noted
from apps.patients.models import Clinic, Role
from tests.conftest import signed_in
from tests.factories import (
    CALM,
    check_in,
    make_active_plan,
    make_alert,
    make_member,
    make_patient,
    make_plan,
    make_task,
    put_on_call,
    sign,
    sign_too,
)

pytestmark = pytest.mark.django_db
SCRIPT = {"HTTP_X_BOARD": "1"}


@pytest.fixture(autouse=True)
def all_well(db: None) -> None:
    for name in WATCHED:
        beat(name, timezone.now())


@pytest.fixture
def client(nurse) -> Client:
    return signed_in(nurse)


def url(name: str, *args: object) -> str:
    return reverse(f"dashboard:{name}", args=args)


def live(client: Client, tag: str = "") -> object:
    return client.get(url("board_live"), headers={"If-None-Match": tag} if tag else {})


def test_an_empty_board_says_so_and_teaches(client) -> None:
    page = client.get("/")
    assert page.context["alerts"] == []
    assert "Nobody needs you right now" in page.text
    assert "Nothing is due today" in page.text
    assert "Nobody is on call" in page.text


def test_the_most_severe_come_first_with_owner_and_clock(client, nurse, patient) -> None:
    now = timezone.now()
    make_alert(patient, "watch", now=now - timedelta(days=1))
    taken = make_alert(patient, "urgent", now=now - timedelta(hours=2))
    make_alert(patient, "emergency", now=now)
    acknowledge_alert(alert=taken, by=nurse.user, now=now)
    page = client.get("/")
    assert [alert.level for alert in page.context["alerts"]] == ["emergency", "urgent", "watch"]
    assert page.context["board"].tally == {"emergency": 1, "urgent": 1, "watch": 1}
    assert f"{nurse.user.full_name} has it" in page.text


@pytest.mark.parametrize("fit", [60, 3])
def test_a_board_costs_twelve_queries_whatever_is_on_it(
    client, clinic, prescriber, django_assert_max_num_queries, monkeypatch, fit
) -> None:
    monkeypatch.setattr("apps.dashboard.board.ALERTS_SHOWN", fit)
    for _ in range(8):
        person = make_patient(clinic)
        make_active_plan(person, prescriber.user)  # before the alert, which would stand against it
        make_alert(person, now=timezone.now())
        make_task(person, now=timezone.now())
    client.get("/")  # brings the rows of the new patients up to date
    with django_assert_max_num_queries(12):
        assert client.get("/").status_code == 200
    tag = live(client).headers["ETag"]
    with django_assert_max_num_queries(12):
        assert live(client, tag).status_code == 304


def test_what_waits_in_another_clinic_is_no_work_of_this_board(
    client, other_patient, django_assert_max_num_queries
) -> None:
    client.get("/")
    noted = PatientChange.objects.filter(patient_id=other_patient.pk)
    assert noted.exists()
    for page in ("/", reverse("dashboard:caseload")):
        with django_assert_max_num_queries(12):
            assert client.get(page).status_code == 200
    assert noted.exists()
    refresh_noted(timezone.now())
    assert not noted.exists()


def test_a_row_that_cannot_be_worked_out_stops_no_page_and_no_other_row(
    client, clinic, patient, monkeypatch
) -> None:
    well, really = make_patient(clinic), state_actions.states_of

    def states_of(ids: list[UUID], now: datetime) -> list[PatientState]:
        if patient.pk in ids:
            raise ArithmeticError
        return really(ids, now)

    monkeypatch.setattr(state_actions, "states_of", states_of)
    for page in ("/", reverse("dashboard:caseload"), reverse("dashboard:caseload_csv")):
        assert client.get(page).status_code == 200
    refresh_noted(timezone.now())
    assert PatientState.objects.filter(pk=well.pk).exists()
    assert set(PatientChange.objects.values_list("patient_id", flat=True)) == {patient.pk}
    monkeypatch.undo()
    client.get("/")
    assert not PatientChange.objects.exists()


def test_more_alerts_than_fit_are_counted(client, patient, monkeypatch) -> None:
    monkeypatch.setattr("apps.dashboard.board.ALERTS_SHOWN", 2)
    for level in ("watch", "urgent", "emergency"):
        make_alert(patient, level, now=timezone.now())
    page = client.get("/")
    assert len(page.context["alerts"]) == 2
    assert page.context["board"].tally["watch"] == 1
    assert "and 1 less urgent" in page.text


def test_an_open_page_is_told_304_until_something_changes(client, nurse, patient) -> None:
    tag = live(client).headers["ETag"]
    unchanged = live(client, tag)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    alert = make_alert(patient, now=timezone.now())
    changed = live(client, tag)
    assert changed.status_code == 200
    assert alert.reference in changed.text
    tag = changed.headers["ETag"]
    acknowledge_alert(alert=alert, by=nurse.user, now=timezone.now())
    changed = live(client, tag)
    assert f"{nurse.user.full_name} has it" in changed.text
    put_on_call(nurse, now=timezone.now())
    assert live(client, changed.headers["ETag"]).status_code == 200


def test_the_open_page_hears_of_a_stopped_dispatcher(client) -> None:
    tag = live(client).headers["ETag"]
    beat("dispatcher", timezone.now() - timedelta(minutes=5))
    page = live(client, tag)
    assert page.status_code == 200
    assert "Alerts may not be delivered" in page.text


def test_who_is_signed_out_is_not_fed_old_news(client) -> None:
    tag = live(client).headers["ETag"]
    client.logout()
    assert live(client, tag).status_code == 302


def test_a_silent_patient_and_a_waiting_step_are_tasks_until_somebody_takes_them(
    client, nurse, patient, prescriber
) -> None:
    now = timezone.now()
    make_active_plan(patient, prescriber.user, now=now - timedelta(days=30), start_on=str(
        (now - timedelta(days=30)).date()
    ))  # fmt: skip
    patient.plans.update(begun_step=1)
    jobs = client.get("/").context["board"].jobs
    assert [(job.kind, job.owner) for job in jobs] == [("step", "")]
    answer = client.post(url("board_seen_take", patient.pk), {"kind": "step"}, **SCRIPT)
    assert answer.status_code == 204
    jobs = client.get("/").context["board"].jobs
    assert [(job.kind, job.mine) for job in jobs] == [("step", True)]
    task = CareTask.objects.get()
    client.post(url("board_task_done", task.pk), {"outcome": "goes_on", "note": ""}, **SCRIPT)
    assert client.get("/").context["board"].jobs == []
    assert (
        client.post(url("board_seen_take", patient.pk), {"kind": "no"}, **SCRIPT).status_code == 422
    )


def test_the_second_name_under_a_discharge_is_taken_and_leads_to_care(
    client, patient, nurse
) -> None:
    now = timezone.now()
    task = CareTask.objects.create(
        clinic_id=patient.clinic_id, patient=patient, kind="second", source_id=patient.pk,
        created_at=now, due_at=now + timedelta(hours=1),
    )  # fmt: skip
    page = client.get("/").text
    assert url("board_task_take", task.pk) in page
    assert reverse("detox:care", args=[patient.pk]) in page
    assert "#second-signatures" not in page, "no plan waits there"


def test_a_plan_with_one_signature_of_two_is_on_the_board_until_the_second(
    client, clinic, patient, prescriber, django_assert_max_num_queries
) -> None:
    now = timezone.now()
    fast = {"kind": "percent_of_current", "percent": "40"}
    start_on = str((now + timedelta(days=1)).date())
    plan = make_plan(patient, prescriber.user, now=now, method=fast, start_on=start_on)
    sign(plan, prescriber.user, now=now, breach_reason="Falls.")
    page = client.get("/")
    (job,) = page.context["board"].jobs
    assert (job.kind, job.patient, job.due_at) == ("unsigned", patient.full_name, now)
    assert "Plan waits for a second signature" in page.text
    assert url("board_seen_take", patient.pk) not in page.text
    with django_assert_max_num_queries(12):
        client.get("/")
    sign_too(plan, make_member(clinic, Role.CLINICAL_LEAD).user, now=timezone.now())
    assert client.get("/").context["board"].jobs == []


def test_taking_and_closing_stay_on_the_board(client, nurse, patient) -> None:
    alert = make_alert(patient, "urgent", now=timezone.now())
    answer = client.post(url("board_take", alert.pk), **SCRIPT)
    assert (answer.status_code, unquote(answer["X-Said"])) == (
        204,
        f"Alert {alert.reference} is yours.",
    )
    wrong = client.post(url("board_close", alert.pk), {"outcome": "spoke", "note": ""}, **SCRIPT)
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == {"note": ["Write what was done, in a few words."]}
    done = client.post(
        url("board_close", alert.pk), {"outcome": "spoke", "note": "Well."}, **SCRIPT
    )
    assert done.status_code == 204
    again = client.post(url("board_take", alert.pk), **SCRIPT)
    assert "This alert is closed" in again.json()["errors"][""][0]
    assert Alert.objects.get().status == "resolved"


def test_without_a_script_what_was_typed_comes_back_on_its_line(client, patient) -> None:
    alert = make_alert(patient, "watch", now=timezone.now())
    page = client.post(url("board_close", alert.pk), {"outcome": "", "note": "Called twice"})
    assert page.status_code == 422
    assert "Called twice" in page.text
    assert "Choose what was done." in page.text
    page = client.post(
        url("board_close", alert.pk), {"outcome": "spoke", "note": "Fine"}, follow=True
    )
    assert f"Alert {alert.reference} is closed." in page.text
    page = client.post(url("board_take", alert.pk), follow=True)
    assert "This alert is closed" in page.text


def test_an_emergency_is_never_closed_on_the_board(client, patient) -> None:
    alert = make_alert(patient, "emergency", now=timezone.now())
    page = client.post(url("board_close", alert.pk), {"outcome": "spoke", "note": "Well."})
    assert page.headers["Location"] == url("alert", alert.pk)
    assert Alert.objects.get().status == "open"


def test_of_two_nurses_the_second_is_told_who_was_quicker(client, nurse, backup, patient) -> None:
    """Her page still shows nobody's line: it does not become hers behind the first one's back."""
    task, theirs = make_task(patient, now=timezone.now()), signed_in(backup)
    CareTask.objects.update(owner=None)
    lines_of_both = {
        url("board_task_take", task.pk): {"owner": ""},
        url("board_seen_take", patient.pk): {"kind": "silent"},
    }
    for address, typed in lines_of_both.items():
        assert client.post(address, typed, **SCRIPT).status_code == 204
        late = theirs.post(address, typed, **SCRIPT)
        assert f"{nurse.user.full_name} has taken" in late.json()["errors"][""][0]
    chosen = {"line": [f"silent-{patient.pk}"], "act": "take"}
    late = theirs.post(url("board_together"), chosen, **SCRIPT)
    assert unquote(late["X-Said"]) == ("Taken: 0 of 1. A colleague has the rest, or has closed it.")
    assert set(CareTask.objects.values_list("owner", flat=True)) == {nurse.user.pk}
    seen = {"owner": str(nurse.user.pk)}  # who sees whose it is may take it over
    assert theirs.post(url("board_task_take", task.pk), seen, **SCRIPT).status_code == 204


def test_undo_gives_way_to_a_newer_task(client, patient) -> None:
    asked = {"patient": patient, "kind": CareTask.Kind.CALL_TODAY}
    task = ask_for(**asked, now=timezone.now())
    client.post(url("board_task_done", task.pk), {"outcome": "spoke"}, **SCRIPT)
    ask_for(**asked, now=timezone.now())
    answer = client.post(url("board_task_undo", task.pk), **SCRIPT)
    assert "newer task" in answer.json()["errors"][""][0]


def test_an_open_page_hears_of_another_number(client, patient) -> None:
    make_task(patient, now=timezone.now())
    tag = live(client).headers["ETag"]
    patient.phone = "(212) 555-0199"
    patient.save()
    assert live(client, tag).status_code == 200


def test_what_does_not_fit_is_said(client, nurse, clinic, monkeypatch) -> None:
    now = timezone.now()
    monkeypatch.setattr("apps.dashboard.board.SEEN_SHOWN", 1)
    for _ in range(2):
        make_patient(clinic)
    refresh_noted(now, limit=10)
    PatientState.objects.update(silent_from=now - timedelta(days=3))
    shown = board_of(nurse, now)
    assert (len(shown.jobs), shown.more_jobs) == (1, True)
    assert "There are more than fit here" in client.get("/").text


def test_a_task_done_in_error_is_undone_at_once_by_who_did_it(client, backup, patient) -> None:
    task = make_task(patient, now=timezone.now())
    page = client.post(url("board_task_done", task.pk), {"outcome": "spoke"}, follow=True)
    undo = url("board_task_undo", task.pk)
    assert undo in page.text
    theirs = signed_in(backup).post(undo, **SCRIPT)
    assert "A colleague closed this task" in theirs.json()["errors"][""][0]
    assert client.post(undo, **SCRIPT).status_code == 204
    assert CareTask.objects.get().done_at is None
    assert AuditEvent.objects.filter(event="task.close_undone").count() == 1
    client.post(url("board_task_done", task.pk), {"outcome": "spoke"})
    CareTask.objects.update(done_at=timezone.now() - timedelta(minutes=11))
    assert "too long ago" in client.post(undo, **SCRIPT).json()["errors"][""][0]


def lines(*rows: object) -> list[str]:
    return [f"{'alert' if isinstance(row, Alert) else 'task'}-{row.pk}" for row in rows]


def test_forty_lines_are_closed_together_each_with_its_own_audit_row(client, clinic) -> None:
    now = timezone.now()
    people = [make_patient(clinic) for _ in range(4)]
    chosen = [make_alert(people[0], "watch", now=now), *(make_task(p, now=now) for p in people)]
    typed = {"line": lines(*chosen), "act": "done", "outcome": "spoke", "note": "All rung."}
    assert client.post(url("board_together"), typed | {"act": "take"}, **SCRIPT).status_code == 204
    answer = client.post(url("board_together"), typed, **SCRIPT)
    assert unquote(answer["X-Said"]) == "Closed: 5."
    assert Alert.objects.get().note == "All rung."
    assert CareTask.objects.open().count() == 0
    assert AuditEvent.objects.filter(event="task.closed").count() == 4
    twice = client.post(url("board_together"), typed, **SCRIPT)
    assert "Closed: 4 of 5." in unquote(twice["X-Said"])
    too_many = client.post(url("board_together"), typed | {"line": ["task-x"] * 41}, **SCRIPT)
    assert "at most 40" in too_many.json()["errors"]["__all__"][0]


def test_what_was_closed_together_is_opened_again_together(client, nurse, backup, clinic) -> None:
    now = timezone.now()
    people = [make_patient(clinic) for _ in range(2)]
    alert, task = make_alert(people[0], "watch", now=now), make_task(people[1], now=now)
    typed = {"line": lines(alert, task), "act": "done", "outcome": "spoke", "note": "All rung."}
    undo = client.post(url("board_together"), typed, **SCRIPT)["X-Undo"]
    assert unquote(signed_in(backup).post(undo, **SCRIPT)["X-Said"]) == "Open again: 0."
    for opened in (2, 0):
        assert unquote(client.post(undo, **SCRIPT)["X-Said"]) == f"Open again: {opened}."
    alert.refresh_from_db()
    assert (alert.status, alert.owner) == ("acknowledged", nurse.user)
    assert CareTask.objects.open().get() == task
    assert client.post(url("board_together") + "?undo=x", **SCRIPT).status_code == 422
    old = {"clinic_id": clinic.pk, "closed_at": now, "by": nurse.user}
    with pytest.raises(UndoError, match="too long ago"):
        undo_together(**old, now=now + timedelta(hours=1))


def test_what_the_board_saw_is_closed_together_too(client, nurse, patient, other_patient) -> None:
    seen = [f"silent-{patient.pk}", f"step-{patient.pk}", f"silent-{other_patient.pk}", "silent-x"]
    client.post(url("board_together"), {"line": seen, "act": "take"}, **SCRIPT)
    tasks = CareTask.objects.order_by("kind").values_list("kind", "owner", "patient")
    assert list(tasks) == [(kind, nurse.user.pk, patient.pk) for kind in ("silent", "step")]
    typed = {"line": seen[:2], "act": "done", "outcome": "spoke", "note": "All rung."}
    assert client.post(url("board_together"), typed, **SCRIPT).status_code == 204
    assert CareTask.objects.open().count() == 0
    assert AuditEvent.objects.filter(event="task.closed").count() == 2


def test_a_red_flag_among_them_stops_all_of_them(client, nurse, patient) -> None:
    now = timezone.now()
    red, task = make_alert(patient, "emergency", now=now), make_task(patient, now=now)
    typed = {"line": lines(red, task), "act": "done", "outcome": "spoke", "note": "All rung."}
    answer = client.post(url("board_together"), typed, **SCRIPT)
    assert "looked at one by one" in answer.json()["errors"][""][0]
    assert CareTask.objects.open().count() == 1
    with pytest.raises(TooSevereError):
        take_together(alerts=[red], tasks=[], by=nurse.user, now=now)
    watch = make_alert(patient, "watch", now=now)
    with pytest.raises(TooSevereError, match="ends with"):
        close_together(alerts=[watch], tasks=[], outcome="done", note="x", by=nurse.user, now=now)


@pytest.mark.parametrize("hour", [0, 9, 21, 22, 23])
def test_what_is_asked_for_is_on_the_board_at_any_hour(nurse, patient, hour) -> None:
    now = datetime(2026, 11, 20, hour, 30, tzinfo=nurse.clinic.tz)
    task = make_task(patient, now=now)  # due at two hours from now at the earliest
    assert [job.task_id == task.pk for job in board_of(nurse, now).jobs] == [True]


def test_tomorrow_afternoon_is_not_on_the_board_of_an_evening(nurse, patient) -> None:
    now = datetime(2026, 11, 20, 21, 0, tzinfo=nurse.clinic.tz)
    make_task(patient, now=now + timedelta(hours=12))
    assert board_of(nurse, now).jobs == []


def test_closing_together_says_what_is_missing_and_keeps_what_was_typed(client, patient) -> None:
    task = make_task(patient, now=timezone.now())
    page = client.post(url("board_together"), {"line": lines(task), "act": "done", "note": "Hm"})
    assert page.status_code == 422
    assert "Choose what came of them." in page.text
    assert 'value="Hm"' in page.text
    assert 'form="together" checked' in page.text
    nothing = client.post(url("board_together"), {"line": ["x", "task-x"], "act": "take"}, **SCRIPT)
    assert "Choose at least one line" in nothing.json()["errors"]["__all__"][0]


def test_taking_several_leaves_a_colleague_what_is_theirs(nurse, backup, patient) -> None:
    now = timezone.now()
    task = make_task(patient, now=now)
    take_task(task=task, by=backup.user, now=now)
    assert take_together(alerts=[], tasks=[task], by=nurse.user, now=now) == 0
    task.refresh_from_db()
    assert task.owner == backup.user


def test_calls_stand_above_decisions_that_can_wait(client, patient, prescriber, clinic) -> None:
    now = timezone.now()
    make_active_plan(patient, prescriber.user, now=now - timedelta(days=30), start_on=str(
        (now - timedelta(days=30)).date()
    ))  # fmt: skip
    make_task(make_patient(clinic), now=now)
    assert [job.kind for job in client.get("/").context["board"].jobs] == ["call_today", "step"]


def test_nobody_is_offered_what_only_a_clock_may_say(client, patient) -> None:
    task = make_task(patient, now=timezone.now())
    assert "No longer needed" not in client.get("/").text
    values = {"line": lines(task), "act": "done", "outcome": "overtaken", "note": "x"}
    assert client.post(url("board_together"), values, **SCRIPT).status_code == 422


def test_other_clinics_lines_are_passed_over(client, other_patient) -> None:
    task = make_task(other_patient, now=timezone.now())
    client.post(url("board_together"), {"line": lines(task), "act": "take"}, **SCRIPT)
    assert CareTask.objects.get().owner is None


def test_closing_together_is_all_or_nothing(nurse, patient, monkeypatch) -> None:
    now = timezone.now()
    alert, task = make_alert(patient, "watch", now=now), make_task(patient, now=now)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no audit")

    monkeypatch.setattr("apps.checkins.task_actions.record", fail)
    with pytest.raises(RuntimeError):
        close_together(
            alerts=[alert], tasks=[task], outcome="spoke", note="x", by=nurse.user, now=now
        )
    assert Alert.objects.unresolved().count() == 1
    assert CareTask.objects.open().count() == 1


def test_a_clinic_admin_sees_no_patient_on_the_board(clinic, patient) -> None:
    make_alert(patient)
    admin = signed_in(make_member(clinic, Role.CLINIC_ADMIN))
    page = admin.get("/", follow=True)
    assert page.redirect_chain == [("/rota/", 302)]
    assert patient.family_name not in page.text
    assert live(admin).status_code == 403


def test_a_check_in_of_the_morning_shows_no_ghost_of_yesterday(client, patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, now=timezone.now())
    check_in(patient, CALM, now=timezone.now())
    assert client.get("/").context["board"].jobs == []


def test_a_kept_line_is_drawn_with_each_readers_own_token_and_zone(client, backup, patient) -> None:
    """The second reader of a line gets it from the store, and can act on it."""
    alert = make_alert(patient, "urgent", now=timezone.now())
    client.get("/")
    theirs = signed_in(backup)
    theirs.handler.enforce_csrf_checks = True
    page = theirs.get("/").text
    tokens = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]*)"', page))
    assert len(tokens) == 1
    shown = re.search(r"since <time [^>]*>([^<]*)", page)[1]
    Clinic.objects.filter(pk=patient.clinic_id).update(time_zone="Asia/Kolkata")
    assert shown not in theirs.get("/").text
    answer = theirs.post(url("board_take", alert.pk), {"csrfmiddlewaretoken": tokens.pop()})
    assert answer.status_code == 302
    assert f"{backup.user.full_name} has it" in client.get("/").text
    patient.given_name = "Renamed"
    patient.save()
    assert f"Renamed {patient.family_name}" in client.get("/").text
