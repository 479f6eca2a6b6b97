"""The state row of a patient: never different from the truth, whatever was done."""

from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.models import Alert
from apps.checkins.reminder_actions import plan_window
from apps.checkins.reminder_sweep import sweep_reminders
from apps.dashboard import state_actions
from apps.dashboard.models import PatientChange, PatientState
from apps.dashboard.state_actions import differing, rebuild_states, refresh_noted, refresh_states
from apps.dashboard.tasks import refresh_states as refresh_task
from apps.database import scope
from apps.patients.actions import change_status
from apps.patients.intake_actions import SectionValues, save_section
from apps.patients.models import Patient, Section
from apps.tapers.actions_clock import settle_due
from apps.tapers.models import PlanHold
from tests.factories import (
    CALM,
    NOW,
    SEIZURE,
    check_in,
    make_active_plan,
    make_patient,
    make_plan,
)

pytestmark = pytest.mark.django_db


def row_of(patient: Patient) -> PatientState:
    return PatientState.objects.get(pk=patient.pk)


def settled(now=NOW) -> None:
    """Work off every note; then nothing may differ."""
    refresh_noted(now)
    assert not PatientChange.objects.exists()
    assert differing(now) == []


def test_a_new_patient_is_found_with_dose_and_tier_of_the_intake(patient) -> None:
    settled()
    row = row_of(patient)
    assert (row.stage, row.drug_id, row.dose) == ("no_plan", "clonazepam", "2 mg clonazepam")
    assert (row.tier, row.alert_rank, row.blocked) == (patient.risk.tier, 9, "")


def test_no_act_of_a_patients_life_leaves_the_row_behind(patient, prescriber, nurse) -> None:
    """Register, draft, sign, check in, red flag, take, close, pause: the row follows each."""
    settled()
    make_plan(patient, prescriber.user)
    settled()
    assert row_of(patient).stage == "draft"
    plan = make_active_plan(patient, prescriber.user)
    settled()
    row = row_of(patient)
    assert (row.stage, row.step, row.steps) == ("tapering", 2, plan.version.steps.count())
    assert row.blocked == "No check-in came since the present step began."
    check_in(patient, CALM)
    settled()
    row = row_of(patient)
    assert (row.blocked, row.score, row.last_check_in_at) == ("", 10, NOW)
    check_in(patient, SEIZURE, now=NOW + timedelta(hours=1))
    settled()
    row = row_of(patient)
    assert (row.stage, row.alert_rank, row.alerts) == ("held", 0, 1)
    assert row.decision_since == NOW + timedelta(hours=1)
    alert = Alert.objects.get()
    acknowledge_alert(alert=alert, by=nurse.user, now=NOW)
    settled()
    resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="Well.", now=NOW)
    settled()
    assert row_of(patient).alert_rank == 9
    change_status(patient=patient, status="paused", by=nurse.user, now=NOW)
    settled()
    assert row_of(patient).stage == "paused"


def test_the_calendar_alone_moves_the_row_at_the_patients_midnight(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, start_on="2026-12-01")
    check_in(patient, CALM)
    settled()
    assert (row_of(patient).stage, row_of(patient).step) == ("starts", None)
    before, after = NOW.replace(day=30, hour=23), NOW.replace(day=1, month=12, hour=5, minute=1)
    refresh_noted(before)
    assert row_of(patient).step is None
    settled(after)
    assert (row_of(patient).stage, row_of(patient).step) == ("tapering", 1)


def test_what_the_clock_settles_was_in_the_row_before(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    settled()
    due = NOW + timedelta(days=14)
    settled(due)
    row = row_of(patient)
    assert row.stage == "held"
    assert settle_due(due) == 1
    assert PlanHold.objects.open().count() == 1
    settled(due)
    assert (row_of(patient).step, row_of(patient).blocked) == (row.step, row.blocked)


def test_silence_is_in_the_row_as_a_moment(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    plan_window(patient.pk, NOW)
    settled()
    silent_from = row_of(patient).silent_from
    assert silent_from > NOW
    assert not PatientState.objects.silent(NOW).exists()
    later = silent_from + timedelta(days=3)
    sweep_reminders(later)
    settled(later)
    assert row_of(patient).silent_from == silent_from
    check_in(patient, CALM, now=later)
    settled(later)
    assert PatientState.objects.silent(later).count() == 0


def test_symptoms_after_a_step_against_before_it_give_the_trend(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, now=NOW)
    for days, score in ((20, 1), (18, 1), (5, 2), (3, 2)):
        answers = CALM | {key: score for key in CALM if key.startswith("s_")}
        check_in(patient, answers, now=NOW - timedelta(days=days))
    settled()
    assert row_of(patient).trend == "worse"


def test_a_raw_or_a_bulk_write_is_noted_too(patient) -> None:
    settled()
    Patient.objects.filter(pk=patient.pk).update(family_name="Zimmer")
    settled()
    assert row_of(patient).name_key == "zimmer, wren"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE patients_riskprofile SET tier = 'high', tier_points = 5")
    settled()
    assert row_of(patient).tier_rank == 3


def test_after_a_plan_the_dose_is_the_last_one_until_the_intake_says_another(
    patient, prescriber, nurse
) -> None:
    plan = make_active_plan(patient, prescriber.user)
    last = plan.version.steps.order_by("number")[3]
    plan.status, plan.begun_step, plan.left_reason = "inpatient", last.number, "To hospital."
    plan.left_at, plan.left_by = NOW, prescriber.user
    plan.save()
    settled()
    row = row_of(patient)
    assert (row.stage, row.daily_mg) == ("hospital", last.daily_mg)
    assert row.dose == f"{last.dose} clonazepam"
    medicine = {
        "drug_id": "clonazepam", "pattern": "daily", "taken_months": 24, "dose_confirmed": True,
        "morning_mg": Decimal(0), "night_mg": Decimal("0.75"),
    }  # fmt: skip
    save_section(
        patient=patient, section=Section.MEDICINE, values=SectionValues(medication=medicine),
        based_on=patient.intake_version, by=nurse.user, now=NOW + timedelta(days=3),
    )  # fmt: skip
    settled()
    assert row_of(patient).dose == "0.75 mg clonazepam"


def test_a_row_says_what_a_check_in_held_the_plan_for(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    check_in(patient, SEIZURE)
    settled()
    assert "seizure" in row_of(patient).blocked


def test_a_change_that_is_rolled_back_leaves_no_note(patient) -> None:
    settled()
    with transaction.atomic():
        Patient.objects.update(given_name="Never")
        transaction.set_rollback(True)
    assert not PatientChange.objects.exists()


def test_refreshing_twice_or_by_the_task_changes_nothing_more(patient) -> None:
    refresh_task()
    kept = row_of(patient)
    assert refresh_states([patient.pk], NOW) == 1
    refresh_task()
    assert differing(NOW) == []
    assert row_of(patient).name_key == kept.name_key
    assert refresh_states([], NOW) == 0


def test_rebuilding_mends_a_damaged_row_and_check_finds_it(patient, other_patient) -> None:
    settled()
    PatientState.objects.update(daily_mg=7)
    with pytest.raises(CommandError, match="2 or more rows differ"):
        call_command("rebuild_states", check=True)
    call_command("rebuild_states", stdout=StringIO(), stderr=StringIO())
    out = StringIO()
    call_command("rebuild_states", check=True, stdout=out)
    assert "Every row is as it should be." in out.getvalue()


def test_many_patients_cost_no_more_queries_than_one(
    clinic, prescriber, django_assert_max_num_queries
) -> None:
    for _ in range(12):
        make_patient(clinic)
    with django_assert_max_num_queries(24):
        rebuild_states(NOW)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("wren", True),
        ("ZAHR", True),
        ("wre zah", True),
        ("ahra", False),
        ("0123", True),
        ("555-0123", True),
        ("555 01", True),
        ("123", True),
        ("50123", True),
        ("125550123", True),
        ("wren 0123", True),
        ("garcia", True),
        ("JOSÉ", True),
        ("obrien", True),
        ("O’Brien", True),
        ("brien", True),
        ("munoz", False),
        ("12", False),
        ("'; drop table", False),
        ("!!!", False),
    ],
)
def test_a_search_finds_beginnings_of_names_and_ends_of_phones(clinic, query, found) -> None:
    patient = make_patient(
        clinic, given_name="Wren José", family_name="Zahra-Lind García O'Brien",
        birth_date=date(1980, 1, 1), phone="+1 (212) 555-0123",
    )  # fmt: skip
    refresh_noted(NOW)
    assert PatientState.objects.matching(query).filter(pk=patient.pk).exists() is found
    assert PatientState.objects.matching(patient.reference).count() == 1


@pytest.mark.parametrize("work", [refresh_noted, rebuild_states])
def test_the_clock_works_out_each_row_inside_its_own_clinic(
    work, patient, other_patient, monkeypatch
) -> None:
    """What a row is made of can then be nobody else's, whatever its queries forget."""
    really, scopes = state_actions.states_of, {}

    def states_of(ids, now):
        scopes.update(dict.fromkeys(ids, scope.current()))
        assert set(Patient.objects.values_list("clinic_id", flat=True)) <= {
            UUID(scope.current())
        }, "PostgreSQL shows this one clinic"
        return really(ids, now)

    monkeypatch.setattr(state_actions, "states_of", states_of)
    assert work(NOW) == 2
    assert scopes == {
        patient.pk: str(patient.clinic_id),
        other_patient.pk: str(other_patient.clinic_id),
    }
    assert {patient.pk, other_patient.pk} == set(PatientState.objects.values_list("pk", flat=True))


def test_the_note_of_whom_nothing_is_left_goes(patient) -> None:
    PatientChange.objects.create(patient_id=uuid4(), transaction=1)
    settled()
    assert row_of(patient).drug_id == "clonazepam"
