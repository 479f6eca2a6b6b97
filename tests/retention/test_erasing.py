"""A record goes whole, only when nothing holds it, and never comes back in silence."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.delivery import claim
from apps.alerts.models import Alert, Delivery
from apps.audit.actions import record, seal_events
from apps.audit.chain import problems
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask
from apps.checkins.task_actions import close_task
from apps.checkins.task_team_actions import comment_task
from apps.dashboard.break_glass import open_record
from apps.dashboard.models import PatientNote
from apps.dashboard.state_actions import refresh_noted
from apps.exchange.actions import make_feed
from apps.patients.actions import change_status
from apps.patients.models import Clinic, Patient
from apps.portal.actions import begin, give_consent, invite_patient
from apps.portal.research_actions import agree_to_research
from apps.retention.actions import (
    BEGINS_AFTER,
    RetentionError,
    end_hold,
    set_hold,
    set_rules,
    sign_erasure,
    withdraw_erasure,
)
from apps.retention.closure import record_keys, record_tables
from apps.retention.due import old_records
from apps.retention.erased_list import Erased, ErasureError, lines_in
from apps.retention.erasing import erase, erase_again, erase_due
from apps.retention.models import ErasureDecision, ErasureItem, rules_of
from apps.retention.rules import USUAL_YEARS
from apps.tapers.actions import hold_plan
from tests.factories import NOW, make_active_plan, make_alert, make_patient, put_on_call, today
from tests.test_access_matrix import objects_of

pytestmark = pytest.mark.django_db
MARKERS = ("Zephyrine", "Quillfeather", "zephyrine@home.example", "Marzipanfall")
LONG_AFTER = timedelta(days=365 * 12)


@pytest.fixture(autouse=True)
def erased_list(settings: Any, tmp_path: Path) -> Path:
    settings.ERASURE_LIST = os.fspath(tmp_path / "erased.txt")
    return Path(settings.ERASURE_LIST)


@pytest.fixture
def later() -> datetime:
    """Twelve years after everything."""
    return timezone.now() + LONG_AFTER


@pytest.fixture
def rules(clinic: Clinic, lead: Any) -> Any:
    return set_rules(clinic=clinic, years=USUAL_YEARS, version=0, by=lead.user, now=timezone.now())


@pytest.fixture
def zephyrine(clinic: Clinic, prescriber: Any, clinic_admin: Any, lead: Any) -> Patient:
    """A patient with a row of nearly every kind, whom the clinic has left in good order."""
    now = timezone.now()
    patient = make_patient(
        clinic, now=now, given_name="Zephyrine", family_name="Quillfeather",
        email="zephyrine@home.example",
    )  # fmt: skip
    put_on_call(prescriber, now=now)
    make_active_plan(patient, prescriber.user, now=now, start_on=today().isoformat())
    things = objects_of(patient, prescriber)
    now = timezone.now()
    claim(now, Delivery.objects.filter(alert__patient=patient).first().pk)
    hold_plan(
        patient=patient, action="hold_next", rules=["E01_SEIZURE"], source_type="check_in",
        source_id=uuid4(), by=None, now=now,
    )  # fmt: skip
    task = CareTask.objects.get(pk=things["task_id"])
    comment_task(task=task, text="Marzipanfall", by=prescriber.user, now=now)
    PatientNote.objects.create(
        clinic=clinic, patient=patient, text="Marzipanfall", written_at=now,
        written_by=prescriber.user,
    )  # fmt: skip
    hold_of(patient, lead, now)
    end_hold(hold=patient.legal_holds.get(), reason="Marzipanfall", by=lead.user, now=now)
    open_record(member=clinic_admin, patient=patient, reason="Marzipanfall, in danger", now=now)
    invitation = invite_patient(patient=patient, address=patient.email, by=None, now=now)
    begin(invitation=invitation, now=now)
    give_consent(patient=patient, language="en", now=now)
    agree_to_research(patient=patient, language="en", now=now)
    make_feed(patient=patient, with_names=False, by=None, now=now)
    leave_in_order(patient, prescriber)
    return patient


def leave_in_order(patient: Patient, by: Any) -> None:
    now = timezone.now()
    for alert in Alert.objects.filter(patient=patient):
        acknowledge_alert(alert=alert, by=by.user, now=now)
        resolve_alert(alert=alert, by=by.user, outcome="spoke", note="Marzipanfall", now=now)
    for task in CareTask.objects.filter(patient=patient, done_at=None):
        close_task(task=task, by=by.user, outcome="done", note="Marzipanfall", now=now)
    change_status(patient=patient, status=Patient.Status.DECEASED, by=by.user, now=now)


def left(clinic: Clinic, now: datetime | None = None, **values: Any) -> Patient:
    """Return a patient with little on record who left today."""
    now = now or timezone.now()
    patient = make_patient(clinic, now=now, **values)
    return change_status(patient=patient, status="ended", by=None, now=now)


def signed(rules: Any, *patients: Patient, now: datetime) -> ErasureDecision:
    return sign_erasure(
        rules=rules, patient_ids=[each.pk for each in patients], note="Nobody asked for a copy.",
        method="two_factors", by=rules.changed_by, now=now,
    )  # fmt: skip


def everything_stored() -> dict[str, str]:
    """Return every row of every table as text."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT coalesce(string_agg(t::text, chr(10)), '') FROM \"{table}\" t")
            found[table] = cursor.fetchone()[0]
    return found


def tables_with(word: str) -> set[str]:
    return {table for table, text in everything_stored().items() if word in text}


# --- What goes ----------------------------------------------------------------------------------
def test_a_record_goes_whole_and_only_ids_say_that_it_was(
    rules, zephyrine, later, erased_list
) -> None:
    other = left(rules.clinic, given_name="Ordinary")
    filled = {model for model, keys in record_keys(zephyrine.pk).items() if keys}
    assert len(filled) > 30, "the record has a row of nearly every kind"
    assert all(tables_with(word) for word in MARKERS), "the instrument sees the words"
    decision = signed(rules, zephyrine, now=later)
    assert erase_due(later) == 0, "not before its week is over"
    assert erase_due(later + BEGINS_AFTER) == 1
    assert [table for word in MARKERS for table in tables_with(word)] == []
    refresh_noted(later + BEGINS_AFTER)  # the clock sweeps passing notes, of who is gone too
    assert tables_with(str(zephyrine.pk)) == {"audit_auditevent", "retention_erasureitem"}
    assert Patient.objects.filter(pk=other.pk).exists()
    item = decision.items.get()
    assert (item.state, item.rows > 50, item.listed_at) == ("erased", True, later + BEGINS_AFTER)
    event = AuditEvent.objects.get(event="record.erased")
    assert (event.patient_id, event.details) == (zephyrine.pk, {"rows": item.rows})
    assert erase_due(later + BEGINS_AFTER) == 0
    line = lines_in(erased_list.read_text().splitlines())
    assert [each.patient_id for each in line] == [zephyrine.pk]
    assert erased_list.stat().st_mode & 0o077 == 0
    while seal_events():
        pass
    assert list(problems()) == [], "the audit record is whole"


def test_every_table_with_a_patient_is_part_of_a_record_and_its_rows_can_go() -> None:
    names = {model._meta.db_table for model in record_tables()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT table_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND column_name = 'patient_id'"
        )
        with_patient = {name for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger "
            "WHERE tgname LIKE 'pgtrigger_%'"
        )
        shut = {
            table
            for table, text in cursor.fetchall()
            if table in names and "DELETE" in text and "glidepath_retention" not in text
        }
    # Without a key on purpose: the audit record, what is left of a removal, and passing notes.
    kept = {"audit_auditevent", "retention_erasureitem", "dashboard_patientchange"}
    assert with_patient - names == kept
    assert shut == set(), "use apps.database.kept_rows: the retention job must be able to remove"


def test_nobody_but_the_job_removes_a_patient_who_has_nothing(patient) -> None:
    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
        Patient.objects.filter(pk=patient.pk)._raw_delete("default")


def test_removal_is_all_or_nothing(rules, zephyrine, later, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit refused")

    decision = signed(rules, zephyrine, now=later)
    monkeypatch.setattr("apps.retention.erasing.record", refuse)
    with pytest.raises(IntegrityError):
        erase_due(later + BEGINS_AFTER)
    assert Patient.objects.filter(pk=zephyrine.pk).exists()
    assert decision.items.get().state == "waiting"


# --- What stays ---------------------------------------------------------------------------------
def hold_of(patient: Patient, by: Any, now: datetime) -> None:
    set_hold(patient=patient, reason="A complaint is pending.", by=by.user, now=now)


def alert_of(patient: Patient, by: Any, now: datetime) -> None:
    make_alert(patient, now=now)


def care_of(patient: Patient, by: Any, now: datetime) -> None:
    change_status(patient=patient, status="active", by=by.user, now=now)


@pytest.mark.parametrize(
    ("happens", "why"),
    [(hold_of, "not due"), (alert_of, "not due"), (care_of, "clinic's care")],
)
def test_what_happens_after_the_signature_keeps_the_record(
    rules, lead, later, happens, why
) -> None:
    patient = left(rules.clinic)
    decision = signed(rules, patient, now=later)
    happens(patient, lead, later)
    erase_due(later + BEGINS_AFTER)
    item = decision.items.get()
    decision.refresh_from_db()
    assert (item.state, decision.done_at) == ("kept", later + BEGINS_AFTER)
    assert item.why_kept
    assert Patient.objects.filter(pk=patient.pk).exists()
    assert AuditEvent.objects.filter(event="record.kept", patient_id=patient.pk).exists()


def test_what_keeps_an_old_record_is_said(rules, clinic, prescriber, lead, later) -> None:
    held, alerted, young = (left(clinic) for _ in range(3))
    active, planned = (make_patient(clinic, now=timezone.now()) for _ in range(2))
    hold_of(held, lead, timezone.now())
    alert_of(alerted, lead, timezone.now())
    make_active_plan(planned, prescriber.user, now=timezone.now(), start_on=today().isoformat())
    Patient.objects.filter(pk=planned.pk).update(status="ended")  # no page lets them leave so
    change_status(patient=young, status="paused", by=lead.user, now=later - timedelta(days=400))
    change_status(patient=young, status="ended", by=lead.user, now=later - timedelta(days=399))
    said = {old.patient.pk: old.why_kept for old in old_records(rules, later)}
    assert set(said) == {held.pk, alerted.pk, planned.pk}
    assert "legal hold" in said[held.pk]
    assert "alert" in said[alerted.pk]
    assert "plan" in said[planned.pk]
    assert active.pk not in said
    with pytest.raises(RetentionError, match="has changed"):
        signed(rules, held, now=later)


def test_looking_at_a_record_makes_it_no_younger(rules, lead, later) -> None:
    patient = left(rules.clinic)
    for event in ("patient.viewed", "audit.exported", "access.opened", "legal_hold.viewed",
                  "fhir.read", "fhir.searched", "worklist.read", "alerts.listed"):  # fmt: skip
        record(event, by=lead.user, now=later, clinic_id=patient.clinic_id, patient_id=patient.pk)
    assert [old.patient for old in old_records(rules, later)] == [patient]


def test_postgresql_itself_refuses_while_a_hold_is_in_force(rules, lead, later) -> None:
    patient = left(rules.clinic)
    hold_of(patient, lead, later)
    with pytest.raises(DatabaseError, match="Cannot delete"), transaction.atomic():
        erase(patient.pk)
    end_hold(hold=patient.legal_holds.get(), reason="It was settled.", by=lead.user, now=later)
    assert erase(patient.pk) > 3


def test_without_years_or_a_list_or_a_signature_nothing_goes(
    clinic, lead, later, settings, erased_list
) -> None:
    patient = left(clinic)
    assert rules_of(clinic.pk) is None
    rules = set_rules(clinic=clinic, years=USUAL_YEARS, version=0, by=lead.user, now=later)
    assert erase_due(later + LONG_AFTER) == 0
    signed(rules, patient, now=later)
    long_gone = left(clinic, now=NOW.replace(year=2010))
    signed(rules, long_gone, now=timezone.now() - BEGINS_AFTER)
    listed = settings.ERASURE_LIST
    for path in ("", os.fspath(erased_list.parent / "no" / "such" / "folder")):
        settings.ERASURE_LIST = path
        with pytest.raises(ErasureError, match="ERASURE_LIST"):
            erase_due(later + BEGINS_AFTER)
        with pytest.raises(CommandError, match="ERASURE_LIST"):
            call_command("erase_records")
    assert Patient.objects.count() == 2
    settings.ERASURE_LIST = listed
    call_command("erase_records")
    assert Patient.objects.get() == patient


def test_years_below_the_limit_are_refused_by_postgresql_too(rules) -> None:
    for field in ("adult_years", "minor_years", "deceased_years"):
        with pytest.raises(IntegrityError), transaction.atomic():
            type(rules).objects.update(**{field: 2})


def test_two_who_change_the_years_see_each_other(rules, lead) -> None:
    years = {**USUAL_YEARS, next(iter(USUAL_YEARS)): 12}
    assert set_rules(
        clinic=rules.clinic, years=USUAL_YEARS, version=0, by=lead.user, now=timezone.now()
    ).version == 1  # fmt: skip
    with pytest.raises(RetentionError, match="Somebody else"):
        set_rules(clinic=rules.clinic, years=years, version=0, by=lead.user, now=timezone.now())


def test_a_withdrawn_decision_removes_nothing_and_a_begun_one_stays(rules, lead, later) -> None:
    patient = left(rules.clinic)
    first = signed(rules, patient, now=later)
    for _ in range(2):
        withdraw_erasure(decision=first, by=lead.user, now=later)
    assert AuditEvent.objects.filter(event="record.erasure_withdrawn").count() == 1
    assert erase_due(later + BEGINS_AFTER) == 0
    second = signed(rules, patient, now=later)
    with pytest.raises(RetentionError, match="has begun"):
        withdraw_erasure(decision=second, by=lead.user, now=later + BEGINS_AFTER)
    for change in ({"note": "x"}, {"begins_at": later + timedelta(days=1)}, {"method": "demo"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            ErasureDecision.objects.filter(pk=second.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        ErasureItem.objects.all()._raw_delete("default")


# --- After a restore ----------------------------------------------------------------------------
def test_whom_a_restore_brought_back_is_removed_again(rules, lead, later) -> None:
    back, held, never = (left(rules.clinic) for _ in range(3))
    hold_of(held, lead, timezone.now())
    lines = [
        Erased(later, rules.clinic_id, key, uuid4())
        for key in (back.pk, held.pk, UUID(int=7), back.pk)
    ]
    said = list(erase_again([Erased.parse(str(line)) for line in lines], later))
    assert len(said) == 1
    assert str(held.pk) in said[0]
    assert set(Patient.objects.values_list("pk", flat=True)) == {held.pk, never.pk}
    again = AuditEvent.objects.filter(event="record.erased_again")
    assert [event.patient_id for event in again] == [back.pk]


def test_a_list_of_another_kind_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="TIME CLINIC PATIENT DECISION"):
        lines_in(["2026-11-23 something else"])
