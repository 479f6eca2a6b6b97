"""The patient's page: the course as it was, everything that happened, notes that stay."""

from datetime import datetime, time, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.checkins.models import Reminder
from apps.dashboard.course import course_of
from apps.dashboard.models import PatientNote
from apps.dashboard.patient_history import lines_of, plans_of
from apps.dashboard.patient_page import page_of, rows
from apps.dashboard.view_actions import NoteError, write_note
from apps.patients.models import IntakeEntry, PdmpCheck, RiskBenefitReview
from apps.tapers.actions import hold_plan
from apps.tapers.models import TaperPlan
from apps.tapers.today import plan_today
from tests.conftest import signed_in
from tests.detox.test_given_on import agree, go_home, take_again
from tests.factories import (
    CALM,
    NOW,
    SEIZURE,
    check_in,
    make_active_plan,
    make_alert,
    make_care_level,
    make_dispensing,
    make_patient,
    make_task,
    today,
)

pytestmark = pytest.mark.django_db


def url(patient: object, name: str = "patient") -> str:
    return reverse(f"dashboard:{name}", args=[patient.pk])


def test_the_page_shows_the_course_everything_that_happened_and_who_looked(
    nurse, patient, prescriber
) -> None:
    now = timezone.now()
    make_active_plan(patient, prescriber.user, now=now)
    check_in(patient, CALM, now=now - timedelta(days=2))
    check_in(patient, SEIZURE, now=now)
    make_task(patient, now=now)
    page = signed_in(nurse).get(url(patient))
    for words in (
        "score 10 of 40",  # a mark that explains itself
        "no check-in",
        "The same numbers as a table",
        "emergency alert",
        "Asks for a call today",
        "Plan version 1 in force",
        "Seizure",
    ):
        assert words.lower() in page.text.lower(), words
    event = AuditEvent.objects.get(event="patient.viewed")
    assert (event.actor_id, event.patient_id) == (nurse.user.pk, patient.pk)


def test_the_page_costs_twelve_queries_however_long_the_history(
    nurse, patient, prescriber, django_assert_max_num_queries
) -> None:
    now = timezone.now()
    make_active_plan(patient, prescriber.user, now=now)
    for day in range(12):
        check_in(patient, SEIZURE if day % 5 == 0 else CALM, now=now - timedelta(days=day))
    client = signed_in(nurse)
    for _ in range(3):
        write_note(patient=patient, text=f"Note {_}", by=nurse.user, now=now)
    with django_assert_max_num_queries(12):
        assert client.get(url(patient)).status_code == 200


def test_a_patient_without_anything_has_a_page_that_teaches(nurse, patient) -> None:
    page = signed_in(nurse).get(url(patient), {"weeks": "all"})
    assert "No check-in yet" in page.text
    assert "No plan yet" in page.text


def test_the_axis_names_each_day_once_however_few_there_are(nurse, patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, now=timezone.now(), start_on=today().isoformat())
    drawn = signed_in(nurse).get(url(patient)).context["course"]
    days = [day for _, day in drawn.ticks]
    assert days
    assert days == sorted(set(days))


def test_of_several_check_ins_a_day_the_worst_is_drawn(nurse, patient, prescriber) -> None:
    morning = datetime.combine(today() - timedelta(days=3), time(9), tzinfo=patient.tz)
    check_in(patient, CALM | {"s_shaky": 2, "s_sleep": 3}, now=morning)
    check_in(patient, CALM, now=morning + timedelta(hours=8))
    drawn = signed_in(nurse).get(url(patient)).context["course"]
    assert [row.score for row in drawn.rows] == [13]


@pytest.mark.parametrize("weeks", ["4", "12", "52", "all", "rubbish"])
def test_the_time_shown_can_be_chosen(nurse, patient, prescriber, weeks) -> None:
    check_in(patient, CALM, now=timezone.now() - timedelta(weeks=8))
    page = signed_in(nurse).get(url(patient), {"weeks": weeks})
    assert (": score 10 of 40" in page.text) is (weeks != "4")


def test_the_chart_and_its_table_agree_with_what_was_in_force(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    check_in(patient, CALM, now=NOW)
    later = NOW + timedelta(days=3)
    course = course_of(
        plans_of(patient), lines_of(patient), list(patient.check_ins.select_related("triage")),
        later.date(), patient.tz, None, [NOW.date() + timedelta(days=1)],
    )  # fmt: skip
    on_day = {row.day: row for row in course.rows}
    assert on_day[NOW.date()].dose == plan_today(patient, later).step.dose
    assert on_day[NOW.date()].score == 10
    first = min(on_day)
    assert course.first <= first
    assert course.doses[0].points.startswith("0.0,0.0")
    assert {mark.kind for mark in course.marks} >= {"step", "score", "missed"}
    assert on_day[NOW.date() + timedelta(days=1)].words == "no check-in"
    assert NOW.date() + timedelta(days=2) not in on_day  # nothing was due
    assert course_of(plans_of(patient), [], [], NOW.date(), patient.tz, 12) is not None


def test_what_is_open_is_shown_however_much_happened_since(
    nurse, patient, prescriber, monkeypatch
) -> None:
    monkeypatch.setattr("apps.dashboard.patient_history.SHOWN_AT_MOST", 3)
    make_active_plan(patient, prescriber.user)
    hold_plan(
        patient=patient, action="hold_next", rules=["patient_request"], source_type="request",
        source_id=patient.pk, by=None, now=NOW,
    )  # fmt: skip
    alert = make_alert(patient, "watch", now=NOW)
    for day in range(1, 5):
        later = NOW + timedelta(days=day)
        write_note(patient=patient, text=f"Note {day}", by=nurse.user, now=later)
    Reminder.objects.create(
        clinic=patient.clinic, patient=patient, kind="daily", interval_days=1, state="missed",
        created_at=NOW, due_at=NOW, closes_at=later, replan_at=later, ended_at=later,
    )  # fmt: skip
    page = page_of(rows().get(pk=patient.pk), later, 12)
    assert [mark.kind for mark in page["course"].marks].count("missed") == 1
    assert [line.ref for line in page["open_alerts"]] == [alert.pk]
    assert len(page["plan_summary"]["holds"]) == 1


def test_the_whole_time_line_has_everything_and_cuts_nothing(
    nurse, patient, prescriber, django_assert_max_num_queries, monkeypatch
) -> None:
    """What was handed out, reviews, steps begun and the intake stand beside the rest."""
    monkeypatch.setattr("apps.dashboard.patient_history.SHOWN_AT_MOST", 2)
    monkeypatch.setattr("apps.dashboard.views.HAPPENINGS_A_PAGE", 4)
    now, before = timezone.now(), timezone.now() - timedelta(days=20)
    plan = make_active_plan(patient, prescriber.user, now=before, start_on=str(before.date()))
    check_in(patient, CALM, now=now - timedelta(weeks=30))
    make_alert(patient, "watch", now=now)
    make_task(patient, now=now)
    write_note(patient=patient, text="A note", by=nurse.user, now=now)
    make_dispensing(patient, nurse.user, now=now)
    said = {"patient": patient, "recorded_at": now, "recorded_by": nurse.user}
    RiskBenefitReview.objects.create(
        **said, clinic=patient.clinic, reviewed_on=now.date(), outcome="stay", note="Goes well.",
        next_due_on=now.date() + timedelta(days=60),
    )  # fmt: skip
    PdmpCheck.objects.create(**said, checked_on=now.date(), checked_by=nurse.user)
    IntakeEntry.objects.create(
        clinic=patient.clinic, patient=patient, number=90, section="health", changes=[],
        saved_at=now, saved_by=nurse.user,
    )  # fmt: skip
    TaperPlan.objects.filter(pk=plan.pk).update(
        status="ended", begun_step=2, left_at=now, left_by=prescriber.user, left_reason="moved away"
    )
    client, seen = signed_in(nurse), ""
    for number in (1, 2, 3, 4):
        with django_assert_max_num_queries(12):
            seen += client.get(url(patient, "history"), {"page": number}).text
    for words in (
        "Plan version 1 in force", "Check-in, score 10 of 40", "Watch alert", "Note",
        "Asks for a call today", "Handed out: ", "Risk-benefit review of", "Intake changed",
        "Step 2 began", "Plan ended", "Registered", "PDMP checked",
    ):  # fmt: skip
        assert words in seen, words
    only = client.get(url(patient, "history"), {"show": "work"}).text
    assert "A note" in only
    assert "Watch alert" not in only
    page = client.get(url(patient))
    assert "Check-in, score 10 of 40" in page.text  # older than the weeks drawn
    assert url(patient, "history") in page.text


def test_care_units_use_again_and_who_gives_it_on_are_in_the_time_line(
    nurse, patient, prescriber
) -> None:
    make_care_level(patient, prescriber.user)
    home = go_home(patient, prescriber)
    agree(patient, prescriber, home)
    patient.refresh_from_db()
    client, care = signed_in(nurse), reverse("detox:care", args=[patient.pk])
    whole = client.get(url(patient, "history")).text
    only = client.get(url(patient, "history"), {"show": "care"}).text
    unit = patient.referrals.get().facility.name
    for page in (whole, only, client.get(url(patient)).text):
        for words in (
            "Level of care: outpatient", f"Referral to {unit}: sent",
            f"Referral to {unit}: admitted", f"Referral to {unit}: discharged",
            "Home from a unit: still takes clonazepam 1 mg",
            "Given on by another doctor, Dr Ada Other, Mill Street: clonazepam 2 mg a day",
            "By phone: she writes it from the first on.",
        ):  # fmt: skip
            assert words in page, words
        assert f'<a href="{care}">Given on by another doctor' in page
    assert "Plan version 1 in force" not in only
    take_again(patient, prescriber, "stay", now=home + timedelta(days=40))
    page = client.get(url(patient, "history")).text
    assert "Taken again: One each night. Agreed: stay at a dose for now" in page


def test_nothing_known_draws_no_chart(patient) -> None:
    assert course_of(plans_of(patient), [], [], NOW.date(), patient.tz, None) is None


def test_a_note_is_kept_and_its_correction_stands_beside_it(nurse, patient) -> None:
    client = signed_in(nurse)
    for _ in range(2):  # sent twice is one note
        client.post(url(patient, "patient_note"), {"text": "Allergic to nuts."})
    note = PatientNote.objects.get()
    client.post(
        url(patient, "patient_note"), {"text": "Allergic to wasps.", "corrects": str(note.pk)}
    )
    page = client.get(url(patient))
    assert "Allergic to nuts." in page.text
    assert "corrects an earlier note" in page.text
    again = client.post(url(patient, "patient_note"), {"text": "Third", "corrects": str(note.pk)})
    assert again.status_code == 422
    assert "was corrected already" in again.text
    assert "Third" in again.text
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        PatientNote.objects.update(text="Never said")


def test_an_empty_note_and_one_of_another_patient_are_refused(nurse, patient, clinic) -> None:
    client = signed_in(nurse)
    assert client.post(url(patient, "patient_note"), {"text": " "}).status_code == 422
    other = write_note(patient=make_patient(clinic), text="Theirs", by=nurse.user, now=NOW)
    typed = {"text": "Mine", "corrects": str(other.pk)}
    assert client.post(url(patient, "patient_note"), typed).status_code == 422
    with pytest.raises(NoteError):
        write_note(patient=patient, text="Mine", corrects=other, by=nurse.user, now=NOW)
    assert client.get(url(patient, "patient_note")).headers["Location"] == url(patient)


def test_a_note_is_not_kept_when_it_cannot_be_written_down(nurse, patient, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no audit")

    monkeypatch.setattr("apps.dashboard.view_actions.record", fail)
    with pytest.raises(RuntimeError):
        write_note(patient=patient, text="Lost", by=nurse.user, now=NOW)
    assert not PatientNote.objects.exists()
