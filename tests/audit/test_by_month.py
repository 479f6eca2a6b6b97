"""The record by month: every row finds room, and every month keeps what the whole keeps."""

from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pgtrigger
import pytest
from django.db import DatabaseError, connection, transaction

from apps.alerts.health import check_health
from apps.alerts.record_check import sort_record
from apps.audit.actions import seal_events
from apps.audit.chain import problems
from apps.audit.models import AuditEvent
from apps.audit.partitions import make_partitions
from apps.database.roles import APP_ROLE, SWEEP_ROLE
from apps.database.scope import as_owner, every_clinic, one_clinic
from tests.factories import NOW, make_clinic, recorded

FAR = datetime(2061, 7, 4, 12, tzinfo=UTC)
MIGRATION = import_module("apps.audit.migrations.0004_by_month")
FORGED = (
    "INSERT INTO audit_auditevent (id, at, event, clinic_id, object_type, request_id, details) "
    "VALUES (%s, %s, 'plan.signed', %s, '', gen_random_uuid(), '{}')"
)
UNSORTED = "The audit record had no room made for its month: run make_partitions."


def ask(statement: str, *values: Any) -> list[Any]:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def partitions() -> set[str]:
    found = ask(
        "SELECT inhrelid::regclass::text FROM pg_inherits "
        "WHERE inhparent = 'audit_auditevent'::regclass"
    )
    return {name for (name,) in found}


def place_of(row: AuditEvent) -> str:
    return ask("SELECT tableoid::regclass::text FROM audit_auditevent WHERE id = %s", row.pk)[0][0]


@pytest.mark.django_db
def test_the_coming_months_have_room() -> None:
    ahead = ask(
        "SELECT now() + make_interval(months => n), clock_timestamp() FROM generate_series(0, 3) n"
    )
    for at, _ in ahead:
        row = recorded(by=None, now=at)
        assert place_of(row) != "audit_auditevent_default", at
    old = recorded(by=None, now=datetime(1999, 1, 1, tzinfo=UTC))
    assert place_of(old) == "audit_auditevent_before"


@pytest.mark.django_db
def test_a_row_without_a_month_is_stored_said_and_put_in_its_month() -> None:
    clinic = make_clinic()
    row = recorded(by=None, now=FAR, clinic_id=clinic.pk)
    assert place_of(row) == "audit_auditevent_default"
    sort_record(NOW)
    assert UNSORTED in check_health(NOW).problems
    assert place_of(row) == "audit_auditevent_2061_07"
    seal_events()
    assert list(problems()) == []
    sort_record(NOW)
    assert UNSORTED not in check_health(NOW).problems
    assert make_partitions() == 0


@pytest.mark.django_db
def test_every_month_refuses_changes_and_is_nobodys_to_read() -> None:
    recorded(by=None, now=FAR)
    make_partitions()
    names = partitions()
    assert {"audit_auditevent_before", "audit_auditevent_default"} < names
    assert ask("SELECT count(*) FROM audit_auditevent_2061_07") == [(1,)]
    for name in names:
        for change in ("UPDATE {} SET event = 'x'", "DELETE FROM {}"):
            filled = ask(f"SELECT EXISTS (SELECT FROM {name})")[0][0]
            if filled:
                with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
                    ask(change.format(name))
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            ask(f"TRUNCATE {name}")
        for scope in (every_clinic(), one_clinic(make_clinic().pk)):
            with (
                scope,
                pytest.raises(DatabaseError, match="permission denied"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(f"SELECT * FROM {name}")


@pytest.mark.django_db
def test_a_request_may_not_have_partitions_made() -> None:
    with (
        one_clinic(make_clinic().pk),
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
    ):
        make_partitions()


@pytest.mark.django_db
def test_the_whole_has_the_triggers_indexes_and_rights_of_the_table_that_it_was() -> None:
    triggers = ask(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_auditevent'::regclass "
        "AND NOT tgisinternal"
    )
    assert len(triggers) == len(AuditEvent._meta.triggers)  # type: ignore[attr-defined]
    for name in partitions():
        own = ask(f"SELECT tgname FROM pg_trigger WHERE tgrelid = '{name}'::regclass")
        assert {trigger for (trigger,) in triggers} <= {trigger for (trigger,) in own}, name
    indexes = ask(
        "SELECT indexrelid::regclass::text FROM pg_index "
        "WHERE indrelid = 'audit_auditevent'::regclass AND indisvalid"
    )
    wanted = {index.name for index in AuditEvent._meta.indexes} | {"audit_auditevent_pkey"}
    assert {name for (name,) in indexes} == wanted


@pytest.mark.django_db
def test_what_was_stored_before_is_kept_and_a_second_run_changes_nothing() -> None:
    """The exchange itself, on a table as the release before had it, with rows in it."""
    flat()
    clinic = make_clinic()
    rows = [recorded(by=None, now=NOW, clinic_id=clinic.pk) for _ in range(3)]
    seal_events()
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(MIGRATION.BOUND)
        (bound,) = cursor.fetchone()
        for statement in MIGRATION.BESIDE_THE_WRITERS:
            cursor.execute(statement.replace("CONCURRENTLY ", "").format(bound=bound))
        cursor.execute(MIGRATION.EXCHANGE.format(bound=bound))
    assert {place_of(row) for row in rows} == {"audit_auditevent_before"}
    make_partitions()
    after = recorded(by=None, now=NOW, clinic_id=clinic.pk)
    assert after.pk > rows[-1].pk
    seal_events()
    assert list(problems()) == []
    with one_clinic(clinic.pk):
        assert AuditEvent.objects.filter(event="test.seen").count() == 4
    with one_clinic(make_clinic().pk):
        assert not AuditEvent.objects.filter(event="test.seen").exists()
    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic(), as_owner():
        AuditEvent.objects.filter(pk=rows[0].pk).delete()


def flat() -> None:
    """Give the record the one table that it was, with its triggers, rights and policies."""
    from apps.database.policies import raise_the_wall

    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE audit_auditevent CASCADE")
        with connection.schema_editor() as editor:
            editor.create_model(AuditEvent)
    for model, trigger in pgtrigger.registered("audit.AuditEvent:audit_append_only",
                                               "audit.AuditEvent:audit_no_truncate",
                                               "audit.AuditEvent:audit_awaits_seal"):  # fmt: skip
        with as_owner():
            trigger.install(model)
    raise_the_wall(connection)
    ask(f"GRANT INSERT ON audit_auditevent TO {APP_ROLE}, {SWEEP_ROLE}")  # as it was then


@pytest.mark.django_db
def test_a_row_with_the_id_of_a_sealed_one_is_named_in_whichever_month_it_lies() -> None:
    clinic = make_clinic()
    row = recorded(by=None, now=NOW, clinic_id=clinic.pk)
    while seal_events():
        pass
    assert list(problems()) == []
    for at in (datetime(1999, 1, 1, tzinfo=UTC), FAR):
        with pgtrigger.ignore():
            ask(FORGED, row.pk, at, clinic.pk)
    assert f"Audit row {row.pk} is there 3 times: the others were put in." in list(problems())


@pytest.mark.django_db
@pytest.mark.parametrize("everywhere", [False, True])
def test_no_role_of_the_program_chooses_the_id_of_a_row(everywhere: bool) -> None:
    clinic = make_clinic()
    scope = every_clinic() if everywhere else one_clinic(clinic.pk)
    with scope, connection.cursor() as cursor, pgtrigger.ignore():
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute(FORGED, [1, NOW, clinic.pk])
        cursor.execute(FORGED.replace("id, at", "at").replace("%s, ", "", 1), [NOW, clinic.pk])
        assert cursor.rowcount == 1


@pytest.mark.django_db
def test_a_month_taken_off_and_a_copy_of_patients_are_opened_to_nobody() -> None:
    from apps.database.policies import raise_the_wall

    clinic = make_clinic()
    recorded(by=None, now=FAR, clinic_id=clinic.pk)
    make_partitions()
    (name,) = ask("SELECT tableoid::regclass::text FROM audit_auditevent WHERE at = %s", FAR)[0]
    ask("SET CONSTRAINTS ALL IMMEDIATE")
    ask(f"ALTER TABLE audit_auditevent DETACH PARTITION {name}")
    ask("CREATE TABLE copied AS SELECT * FROM patients_patient")
    raise_the_wall(connection)
    for table in (name, "copied"):
        with (
            every_clinic(),
            connection.cursor() as cursor,
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
        ):
            cursor.execute(f"SELECT FROM {table}")
