"""Who stays on a dose that another doctor gives can be left honestly, and only so."""

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.checkins.clock_sweep import sweep_clocks
from apps.checkins.models import CareTask
from apps.checkins.reminder_actions import set_schedule
from apps.checkins.reminder_sweep import sweep_reminders
from apps.checkins.task_ends import SILENT_AGAIN
from apps.detox.clocks import sweep_detox
from apps.detox.discharge_actions import discharge_patient
from apps.detox.given_on_actions import GivenOnError, record_given_on
from apps.detox.leaving import given_on_by
from apps.detox.models import GivenOn
from apps.detox.restart_actions import record_restart
from apps.patients.actions import StatusError, change_status
from apps.patients.models import Patient
from apps.patients.review_actions import set_review_clock
from apps.tapers.leaving_actions import leave_plans
from tests.conftest import signed_in
from tests.detox.test_beside import ZOLPIDEM, tell
from tests.detox.test_discharge import refuse
from tests.factories import NOW, make_active_plan, make_stay, proof_of, today

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SAID = {
    "prescriber": "Dr Ada Other, Mill Street", "reached_by": "555 0199",
    "taken": "clonazepam 2 mg a day", "agreed": "By phone: she writes it from the first on.",
}  # fmt: skip


@pytest.fixture
def stays(patient, prescriber) -> Patient:
    """A patient whose plan ended at a dose: some is taken, and no plan gives it."""
    make_active_plan(patient, prescriber.user)
    leave_plans(patient=patient, is_over=True, reason="Stays.", by=prescriber.user, now=NOW)
    patient.refresh_from_db()
    return patient


def agree(patient, by, now=NOW, **changes: Any) -> GivenOn:
    values = SAID | {"agreed_on": now.date(), "signed_with": "two_factors"} | changes
    return record_given_on(patient=patient, by=by.user, now=now, **values)


def leave(patient, by, now=NOW) -> str:
    """Set the patient to "ended" and return why not."""
    patient.refresh_from_db()
    try:
        with transaction.atomic():
            change_status(patient=patient, status="ended", by=by.user, now=now)
    except StatusError as error:
        return str(error)
    return ""


def test_a_named_doctor_lets_a_patient_on_a_dose_be_left(stays, prescriber, nurse) -> None:
    assert "or record under “Care” which doctor gives it on" in leave(stays, nurse)
    row = agree(stays, prescriber)
    assert agree(stays, prescriber, signed_with="passkey") == row, "twice is once"
    event = AuditEvent.objects.get(event="given_on.recorded")
    assert (event.object_id, event.actor_id) == (row.pk, prescriber.user.pk)
    assert leave(stays, nurse) == ""
    assert stays.status == "ended"


def test_nothing_is_kept_when_the_audit_row_cannot_be(stays, prescriber, monkeypatch) -> None:
    monkeypatch.setattr("apps.detox.given_on_actions.record", refuse)
    with pytest.raises(IntegrityError, match="audit row refused"), transaction.atomic():
        agree(stays, prescriber)
    assert not GivenOn.objects.exists()


def test_it_ends_the_tasks_that_ask_for_a_plan(patient, prescriber, nurse) -> None:
    home = go_home(patient, prescriber)
    assert "At discharge the patient still took" in leave(patient, nurse, home)
    agree(patient, prescriber, home)
    task = CareTask.objects.get(kind="new_plan")
    assert (task.outcome, task.done_by) == ("overtaken", prescriber.user)
    assert leave(patient, nurse, home) == ""


def go_home(patient, prescriber):
    """Send a patient home from a unit with some left; return when."""
    make_active_plan(patient, prescriber.user)
    home = NOW + 4 * DAY
    discharge_patient(
        referral=make_stay(patient, prescriber.user).referral, by=prescriber.user, now=home,
        discharged_at=home, left="some", taken="clonazepam 1 mg", last_dose_on=None,
        summary="Calm.",
    )  # fmt: skip
    return home


def test_whatever_is_newer_takes_it_away(stays, prescriber, nurse) -> None:
    agree(stays, prescriber)
    tell(stays, nurse, now=NOW + DAY, medication={"night_mg": Decimal("0.5")})
    assert given_on_by(stays, NOW + DAY) is None
    assert "left the patient on" in leave(stays, nurse, NOW + DAY)
    agree(stays, prescriber, NOW + 2 * DAY)
    make_active_plan(
        stays,
        prescriber.user,
        now=NOW + 3 * DAY,
        start_on=(NOW + 3 * DAY).date().isoformat(),
    )
    assert "The active plan gives" in leave(stays, nurse, NOW + 3 * DAY)
    with pytest.raises(GivenOnError, match="A plan of this clinic is in force"):
        agree(stays, prescriber, NOW + 3 * DAY)
    leave_plans(patient=stays, is_over=True, reason="Stays.", by=prescriber.user, now=NOW + 4 * DAY)
    assert "left the patient on" in leave(stays, nurse, NOW + 4 * DAY)
    agree(stays, prescriber, NOW + 5 * DAY)
    assert given_on_by(stays, NOW + 35 * DAY) is not None
    assert given_on_by(stays, NOW + 36 * DAY) is None, "a doctor's yes is of its time"


def test_a_second_drug_may_be_given_on_and_is_not_asked_about_then(patient, prescriber) -> None:
    tell(patient, prescriber, ZOLPIDEM)
    make_active_plan(patient, prescriber.user)
    leave_plans(patient=patient, is_over=True, reason="Stays.", by=prescriber.user, now=NOW)
    assert leave(patient, prescriber) != ""
    agree(patient, prescriber, taken="clonazepam 2 mg and zolpidem 10 mg a day")
    assert leave(patient, prescriber) == ""


@pytest.mark.parametrize(("days", "why"), [(1, "not come yet"), (-31, "more than 30 days ago")])
def test_a_day_that_cannot_be_is_refused(stays, prescriber, days, why) -> None:
    with pytest.raises(GivenOnError, match=why) as caught:
        agree(stays, prescriber, agreed_on=(NOW + days * DAY).date())
    assert caught.value.field == "agreed_on"


def test_where_none_is_taken_or_a_unit_has_the_patient_nobody_gives_it_on(
    stays, prescriber
) -> None:
    Patient.objects.update(last_dose_on=NOW.date())
    with pytest.raises(GivenOnError, match="none is taken any more"):
        agree(stays, prescriber)
    Patient.objects.update(last_dose_on=None, status="in_hospital")
    with pytest.raises(GivenOnError, match="A unit has this patient"):
        agree(stays, prescriber)
    assert not GivenOn.objects.exists()


def test_an_agreement_is_no_discharge(patient, prescriber, nurse) -> None:
    make_active_plan(patient, prescriber.user)
    leave_plans(patient=patient, is_over=False, reason="Ward.", by=prescriber.user, now=NOW)
    with pytest.raises(GivenOnError, match="A unit has this patient"):
        agree(patient, prescriber)
    assert "no discharge since" in leave(patient, nurse)


def test_postgresql_keeps_it_whole_and_as_it_was_signed(stays, prescriber) -> None:
    row = agree(stays, prescriber)
    with pytest.raises(DatabaseError, match="update or delete"), transaction.atomic():
        GivenOn.objects.update(prescriber="Somebody")
    values = {f.attname: getattr(row, f.attname) for f in GivenOn._meta.concrete_fields}
    for empty in ("prescriber", "reached_by", "taken", "agreed", "signed_with"):
        with pytest.raises(IntegrityError, match="given_on_is_whole"), transaction.atomic():
            GivenOn(**values | {"id": None, empty: ""}).save(force_insert=True)


def test_a_prescriber_signs_it_on_its_page_and_reads_it_under_care(stays, prescriber) -> None:
    Patient.objects.update(registered_at=timezone.now() - 90 * DAY)
    path = reverse("detox:given_on", args=[stays.pk])
    seat = signed_in(prescriber)
    care = reverse("detox:care", args=[stays.pk])
    assert path in seat.get(care).text
    typed = SAID | {"agreed_on": today().isoformat()}
    assert (
        'On record:</b> <span class="d-block">The plan that ended left the patient on '
        in seat.get(path).text
    )
    page = seat.post(path, typed)
    assert (page.status_code, GivenOn.objects.count()) == (422, 0), "no signature"
    page = seat.post(path, typed | proof_of(prescriber), follow=True)
    assert "Signed. Another doctor gives it on." in page.text
    assert GivenOn.objects.get().signed_with
    shown = seat.get(care).text
    assert "Dr Ada Other, Mill Street" in shown
    assert "This does not count any more" not in shown


def take_again(patient, by, agreed: str, taken: str = "One each night", now=NOW) -> None:
    """Tell that use began again, a month after the last dose."""
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=(now - 30 * DAY).date())
    patient.refresh_from_db()
    record_restart(
        patient=patient, seen_how="told", taken=taken, days_per_week=7, agreed=agreed,
        plan="Call.", last_dose_on=None, by=by.user, now=now,
    )  # fmt: skip
    patient.refresh_from_db()


def test_a_yes_from_before_what_is_taken_now_is_refused(patient, prescriber, nurse) -> None:
    take_again(patient, prescriber, "new_taper", "alprazolam 6 mg a day, from the street")
    with pytest.raises(GivenOnError, match="changed after this day"):
        agree(patient, prescriber, NOW + DAY, agreed_on=(NOW - DAY).date())
    assert leave(patient, nurse, NOW + DAY) != ""
    agree(patient, prescriber, NOW + DAY, agreed_on=NOW.date())
    assert leave(patient, nurse, NOW + DAY) == ""


def test_a_second_drug_must_be_named_by_who_gives_it_on(patient, prescriber, nurse) -> None:
    tell(patient, prescriber, ZOLPIDEM)
    make_active_plan(patient, prescriber.user)
    leave_plans(patient=patient, is_over=True, reason="Stays.", by=prescriber.user, now=NOW)
    patient.refresh_from_db()
    page = signed_in(prescriber).get(reverse("detox:given_on", args=[patient.pk]))
    assert "The plan that ended" in page.text
    assert "By the intake zolpidem" in page.text
    agree(patient, prescriber, taken="clonazepam 2 mg a day, nothing else")
    assert "By the intake zolpidem" in leave(patient, nurse)
    later = NOW + timedelta(hours=1)
    agree(patient, prescriber, later, taken="clonazepam 2 mg a day and Ambien at night")
    assert leave(patient, nurse, later) == ""


def test_who_is_silent_is_heard_first_whoever_gives_it_on(patient, prescriber) -> None:
    take_again(patient, prescriber, "stay")
    set_schedule(patient=patient, remind_at=time(9), wants_mail=True, by=None, now=NOW)
    silent = CareTask.objects.filter(title=SILENT_AGAIN)
    days = (NOW + number * DAY for number in range(1, 60))
    for at in days:
        sweep_reminders(at)
        sweep_detox(at)
        if silent.exists():
            break
    agree(patient, prescriber, at)
    assert silent.get().done_at is None


def test_signing_again_what_counts_no_more_is_looked_at_anew(stays, prescriber, nurse) -> None:
    row = agree(stays, prescriber)
    tell(stays, nurse, now=NOW + DAY, medication={"night_mg": Decimal("0.5")})
    stays.refresh_from_db()
    assert given_on_by(stays, NOW + 2 * DAY) is None
    with pytest.raises(GivenOnError, match="changed after this day"):
        agree(stays, prescriber, NOW + 2 * DAY, agreed_on=NOW.date())
    again = agree(stays, prescriber, NOW + 2 * DAY)
    assert (again.pk != row.pk, given_on_by(stays, NOW + 2 * DAY)) == (True, again)


def test_the_page_says_at_once_why_nobody_gives_it_on_and_what_was_signed(
    patient, prescriber
) -> None:
    path, seat = reverse("detox:given_on", args=[patient.pk]), signed_in(prescriber)
    start = timezone.now() - 60 * DAY
    make_active_plan(
        patient, prescriber.user, now=start, start_on=start.date().isoformat(), goal_mg="1.5"
    )
    page = seat.get(path).text
    assert "A plan of this clinic is in force" in page
    assert ">Sign<" not in page
    leave_plans(patient=patient, is_over=True, reason="Stays.", by=prescriber.user, now=start)
    then, now = start + DAY, timezone.now()
    agree(patient, prescriber, then, agreed_on=then.astimezone(patient.tz).date())
    page = seat.get(path).text
    assert "Signed before, and counts no more:" in page
    assert ">Sign<" in page
    agree(patient, prescriber, now, agreed_on=now.astimezone(patient.tz).date())
    assert "Signed already:" in seat.get(path).text


def test_the_review_of_risks_and_benefits_goes_on_whoever_gives_it(stays, prescriber) -> None:
    """No plan and another doctor's yes: ASAM-01's three months run all the same."""
    set_review_clock(stays)
    agree(stays, prescriber)
    sweep_clocks(NOW + 60 * DAY)
    assert not CareTask.objects.filter(kind="review").exists()
    sweep_clocks(NOW + 90 * DAY)
    assert CareTask.objects.open().filter(kind="review").count() == 1
