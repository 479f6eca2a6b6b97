"""The second wall: what the queries forget, PostgreSQL does not show.

`tests/test_access_matrix.py` tries the first wall; here code forgets it on purpose. How the scope
reaches the server is tried in `tests/test_scope.py`.
"""

import ast
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pgtrigger
import pytest
from django.apps import apps
from django.contrib.postgres.signals import get_hstore_oids
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, models, transaction
from django.db.backends.signals import connection_created
from django.test import override_settings

from apps.alerts.delivery import claim
from apps.alerts.sweep import sweep
from apps.audit.actions import record
from apps.checkins.clock_sweep import sweep_clocks
from apps.checkins.reminder_sweep import sweep_reminders
from apps.dashboard.count_actions import count_due
from apps.database import policies
from apps.database.login import refuse_owner
from apps.database.postgresql import told
from apps.database.scope import EVERY, as_owner, current, every_clinic, no_clinic, one_clinic
from apps.detox.clocks import sweep_detox
from apps.patients.models import Clinic, Patient
from apps.tapers.actions_clock import settle_due
from tests.factories import CALM, NOW, check_in, make_active_plan, make_patient, put_on_call
from tests.test_access_matrix import objects_of

ROOT = Path(__file__).resolve().parents[2]

# The functions that may look past the wall, and why.
ALLOWED = {
    "apps/alerts/delivery.py:note_server": "what waits for a mail server waits in every clinic",
    "apps/alerts/gateway_views.py:gateway_report": "a report names a gateway, signed by its secret",
    "apps/alerts/health.py:read_signs": "the banner warns everybody when the machinery fails one",
    "apps/alerts/views.py:alert_take": "the link in a mail names its alert",
    "apps/audit/actions.py:record": "what belongs to no clinic is recorded for the installation",
    "apps/audit/reading.py:rows_of": "keys of one clinic, by an index that policies shut",
    "apps/checkins/link_actions.py:answering": "the link of a check-in names its patient",
    "apps/checkins/views.py:find_link": "the link of a check-in names its patient",
    "apps/dashboard/caseload.py:page_of": "keys of one clinic, by an index that policies shut",
    "apps/dashboard/clinic_views.py:choose_clinic": "where the reader works, to choose among it",
    "apps/dashboard/health_views.py:metrics_page": "figures of all clinics, behind a token",
    "apps/dashboard/staff_actions.py:deactivate_member": "who works elsewhere keeps their account",
    "apps/dashboard/staff_actions.py:forget_member_proofs": "proofs are the person's everywhere",
    "apps/dashboard/staff_delivery.py:wall": "a link for a new password is of no clinic",
    "apps/dashboard/staff_outbox.py:ask_for_reset": "who forgot a password is of no clinic",
    "apps/dashboard/staff_views.py:join": "an invitation names its clinic",
    "apps/exchange/views.py:feed": "the address of a calendar names its patient",
    "apps/patients/middleware.py:memberships_of": "in which clinics the signed-in person works",
    "apps/patients/moving.py:inside": "a drill joins the clinic it proves and one of nobody real",
    "apps/patients/sign_in_record.py:write_down": "a sign-in is noted in each clinic of the person",
    "apps/portal/access.py:current_session": "a patient's session names the patient",
    "apps/portal/entry_views.py:invited": "an invitation names its patient",
    "apps/portal/sign_in_actions.py:ask_for_code": "one address may be known to several clinics",
    "apps/portal/sign_in_actions.py:sign_in": "one address may be known to several clinics",
    "apps/portal/trusted_views.py:guarded": "a trusted person's link names the patient",
    "apps/programs/access.py:find_token": "a program's token names its person",
    "apps/programs/token_views.py:find_program": "a program's id and secret name its clinic",
    "config/demo/views.py:enter_own_pages": "the demo's door, which no real installation has",
    "config/demo/views.py:enter_patient": "the demo's door, which no real installation has",
    "config/demo/views.py:enter_staff": "the demo's door, which no real installation has",
    "config/demo/views.py:entry": "the demo's door, which no real installation has",
}


def walled_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if policies.is_walled(model)]


def ask(statement: str, *values: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else [(cursor.rowcount,)]


@pytest.fixture
def two_clinics(patient, prescriber, other_patient, outsider) -> tuple[Clinic, Clinic]:
    """Return two clinics with something in almost every table."""
    for who, member in ((patient, prescriber), (other_patient, outsider)):
        put_on_call(member)
        objects_of(who, member)
        other = make_patient(member.clinic)
        make_active_plan(other, member.user)
        check_in(other, CALM)
        record("patient.viewed", by=member.user, now=NOW, clinic_id=member.clinic_id)
    call_command("rebuild_states", verbosity=0)
    call_command("seal_audit", verbosity=0)
    return patient.clinic, other_patient.clinic


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the block did."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


# --- Every table ----------------------------------------------------------------------------------
def keys_of(model: type[models.Model]) -> set[Any]:
    """Return the keys that raw SQL finds in a table."""
    meta = model._meta
    return {key for (key,) in ask(f"SELECT {meta.pk.column} FROM {meta.db_table}")}


VALUES = {
    "uuid": "gen_random_uuid()", "timestamp with time zone": "now()", "date": "current_date",
    "boolean": "true", "jsonb": "'{}'", "bytea": "''", "time": "'12:00'",
}  # fmt: skip


def fill_every_table(clinic: Clinic) -> None:
    """Put a row of the clinic into each table that has none, whatever it would say.

    So that a new table is tried before anybody has written a factory for it.
    """
    waiting = walled_models()
    with as_owner():
        ask("SET CONSTRAINTS ALL IMMEDIATE")
        ask("SET LOCAL session_replication_role = replica")  # no triggers, no foreign keys
    while waiting:
        model = waiting.pop(0)
        parent = policies.parent_field(model)
        with one_clinic(clinic.pk):
            parents = keys_of(parent.remote_field.model) if parent else set()
            filled = bool(keys_of(model))
        if filled:
            continue
        if parent and not parents and parent.remote_field.model in waiting:
            waiting.append(model)
            continue
        with as_owner():
            put_anything(model, clinic, parent.column if parent else "", next(iter(parents), None))
    with as_owner():
        ask("SET LOCAL session_replication_role = origin")


def put_anything(model: type[models.Model], clinic: Clinic, hangs_by: str, parent: Any) -> None:
    """Store a row that no application would write; its checks are off until the test is over."""
    table = model._meta.db_table
    checks = "conrelid = %s::regclass AND contype = 'c'"
    for (name,) in ask(f"SELECT conname FROM pg_constraint WHERE {checks}", table):
        ask(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    values = {}
    for field in model._meta.local_concrete_fields:
        kind = str(field.db_type(connection))
        if field.column == hangs_by:
            values[field.column] = f"'{parent}'"
        elif field.column == "clinic_id":
            values[field.column] = f"'{clinic.pk}'"
        elif not (field.null or field.generated or isinstance(field, models.AutoField)):
            other = "'1'" if "char" in kind or kind == "text" else "1"
            values[field.column] = "'{}'" if kind.endswith("[]") else VALUES.get(kind, other)
    listed = ", ".join(f'"{name}"' for name in values)
    ask(f"INSERT INTO {table} ({listed}) VALUES ({', '.join(values.values())})")


@pytest.mark.django_db
def test_no_row_of_another_clinic_can_be_read_changed_removed_or_added(two_clinics) -> None:
    fill_every_table(two_clinics[1])
    here, there = (clinic.pk for clinic in two_clinics)
    for model in walled_models():
        table, key = model._meta.db_table, model._meta.pk.column
        everywhere = keys_of(model)
        with one_clinic(there):
            theirs = keys_of(model)
        with one_clinic(here):
            ours = keys_of(model)
            assert not ours & theirs, table
            assert ours | theirs <= everywhere, table
            for verb in (f"UPDATE {table} SET {key} = {key}", f"DELETE FROM {table}"):
                if table not in policies.APPEND_ONLY:
                    with undone(), pgtrigger.ignore():
                        assert ask(f"{verb} WHERE {key} = ANY(%s)", list(theirs)) == [(0,)], table
        with no_clinic():
            assert not keys_of(model), table
        assert theirs, table
        for scope in (one_clinic(here), no_clinic()):
            with pytest.raises(ProgrammingError, match=r"row-level security|permission denied"):
                put_in(model, next(iter(theirs)), scope)


def put_in(model: type[models.Model], key: Any, scope: Any) -> None:
    """Store a copy of a row from within a scope; the policy speaks before the key is compared."""
    table, column = model._meta.db_table, model._meta.pk.column
    names = [field.column for field in model._meta.local_concrete_fields if not field.generated]
    ((row,),) = ask(f"SELECT row_to_json(t)::text FROM {table} t WHERE {column} = %s", key)
    listed = ", ".join(f'"{name}"' for name in names)
    with scope, pgtrigger.ignore(), transaction.atomic():
        ask(
            f"INSERT INTO {table} ({listed}) OVERRIDING SYSTEM VALUE "
            f"SELECT {listed} FROM json_populate_record(NULL::{table}, %s)",
            json.dumps(json.loads(row)),
        )


@pytest.mark.django_db
def test_a_row_cannot_be_moved_into_another_clinic(two_clinics, patient) -> None:
    here, there = two_clinics
    with one_clinic(here.pk):
        moved = Patient.objects.filter(pk=patient.pk)
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            moved.update(clinic_id=there.pk)


@pytest.mark.django_db
def test_every_table_of_a_clinic_has_both_its_policies() -> None:
    names = "array_agg(policyname::text ORDER BY policyname)"
    found = ask(f"SELECT tablename, {names} FROM pg_policies GROUP BY 1")
    on = {name for (name,) in ask("SELECT relname FROM pg_class WHERE relrowsecurity")}
    walled = {model._meta.db_table for model in walled_models()}
    assert {table for table, names in found if names == ["every_clinic", "one_clinic"]} == walled
    assert on == walled


@pytest.mark.django_db
def test_work_for_every_clinic_sees_every_row(two_clinics) -> None:
    for model in walled_models():
        with as_owner():
            there_are = keys_of(model)
        assert keys_of(model) == there_are, model
        with every_clinic():
            assert keys_of(model) == there_are, model


@pytest.mark.django_db
def test_what_clocks_and_senders_add_they_add_inside_the_clinic_of_its_row(two_clinics) -> None:
    added: set[tuple[str, str]] = set()

    def watch(execute: Any, statement: str, *rest: Any) -> Any:
        if found := re.match(r'INSERT INTO "(\w+)"', statement):
            added.add((current(), found[1]))
        return execute(statement, *rest)

    later = NOW + timedelta(hours=3)
    with connection.execute_wrapper(watch):
        sweep(later)
        while claim(later):
            pass
        sweep_reminders(later)
        sweep_clocks(later + timedelta(days=30))
        sweep_detox(later + timedelta(days=2))
        settle_due(later + timedelta(days=30))
        count_due(later)
    everywhere = {table for scope, table in added if scope == EVERY}
    assert everywhere <= {"alerts_heartbeat", "alerts_systemalert", "checkins_sweepplace"}
    for clinic in two_clinics:
        inside = {table for scope, table in added if scope == str(clinic.pk)}
        assert inside >= {
            "alerts_delivery", "alerts_deliveryattempt", "alerts_alertevent",
            "checkins_reminder", "audit_auditevent", "dashboard_clinicday",
        }  # fmt: skip


# --- Rights ---------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_application_owns_nothing_and_passes_no_policy() -> None:
    for scope, role in ((no_clinic(), "glidepath_app"), (every_clinic(), "glidepath_sweep")):
        with scope:
            assert ask("SELECT current_user::text, row_security_active('patients_patient')") == [
                (role, True)
            ]
            assert ask(
                "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcanlogin FROM pg_roles "
                "WHERE rolname = current_user"
            ) == [(False,)]
            assert not ask("SELECT 1 FROM pg_class WHERE relowner = current_user::regrole")


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", policies.APPEND_ONLY)
@pytest.mark.parametrize("scope", [every_clinic, no_clinic])
def test_nobody_has_the_right_to_change_the_audit_record(statement, table, scope) -> None:
    """Even where somebody has switched the triggers off."""
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        pgtrigger.ignore(),
        transaction.atomic(),
        scope(),
    ):
        ask(statement.format(table))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE patients_patient DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_auditevent DISABLE TRIGGER ALL",
        "DROP POLICY one_clinic ON patients_patient",
        "CREATE TABLE mine (id int)",
        "DELETE FROM django_migrations",
        "TRUNCATE alerts_alert CASCADE",
    ],
)
def test_no_role_of_the_application_changes_a_table_or_a_policy(statement) -> None:
    for scope in (every_clinic(), no_clinic()):
        with scope, pytest.raises(ProgrammingError), transaction.atomic():
            ask(statement)


@pytest.mark.django_db(transaction=True)
def test_a_real_installation_does_not_start_as_the_owner() -> None:
    """The tests sign in as the owner; the processes they start do not, or they would not start."""
    with pytest.raises(ImproperlyConfigured, match="owns the tables or is a superuser"):
        refuse_owner()
    with override_settings(DEMO_MODE=True):
        refuse_owner()


@pytest.mark.django_db(transaction=True)
def test_a_login_that_could_not_be_judged_at_the_start_is_judged_with_its_first_connection(
    monkeypatch,
) -> None:
    connection.close()
    with monkeypatch.context() as down:
        down.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        down.setitem(connection.settings_dict, "PORT", "1")
        refuse_owner()
    try:
        for _ in range(2):
            with pytest.raises(ImproperlyConfigured, match="owns the tables or is a superuser"):
                ask("SELECT 1")
    finally:
        assert connection_created.disconnect(dispatch_uid="refuse owner")
    assert ask("SELECT 1") == [(1,)]


@pytest.mark.django_db
def test_the_owner_makes_the_login_of_the_processes(monkeypatch) -> None:
    """On a managed server nobody is superuser; asked again it changes the password."""
    with as_owner():
        for password in ("a password of letters", "another one of letters"):
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
            call_command("create_run_login", name="tried_login", stdout=io.StringIO())
        ((may, sealed),) = ask(
            "SELECT rolcanlogin AND NOT (rolinherit OR rolsuper OR rolcreaterole), rolpassword "
            "FROM pg_authid WHERE rolname = 'tried_login'"
        )
        assert may
        assert sealed.startswith("SCRAM-SHA-256$")
        roles = ask(
            "SELECT roleid::regrole::text FROM pg_auth_members "
            "WHERE member = 'tried_login'::regrole ORDER BY 1"
        )
    assert [name for (name,) in roles] == [
        "glidepath_app", "glidepath_retention", "glidepath_sweep",
    ]  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match="20 characters"):
        call_command("create_run_login", name="tried_login")


@pytest.mark.django_db(transaction=True)
def test_a_new_server_has_no_role_before_its_first_migration(monkeypatch) -> None:
    monkeypatch.setitem(told.ROLES, EVERY, "nobody_made_it")
    connection.close()
    get_hstore_oids.cache_clear()
    call_command("migrate", plan=True, skip_checks=False, stdout=io.StringIO())


# --- The wall itself ------------------------------------------------------------------------------
def looks_past(tree: ast.AST, inside: str = "") -> Iterator[str]:
    """Yield the function of each use of `every_clinic`: as a decorator, a call or a value."""
    for node in ast.iter_child_nodes(tree):
        if "every_clinic" in {getattr(node, "id", ""), getattr(node, "attr", "")}:
            yield inside
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from looks_past(node, getattr(node, "name", "") if named else inside)


def test_every_look_past_the_wall_has_a_reason() -> None:
    found = {
        f"{file.relative_to(ROOT)}:{function}"
        for folder in ("apps", "config")
        for file in (ROOT / folder).rglob("*.py")
        for function in looks_past(ast.parse(file.read_text()))
    }
    assert found == set(ALLOWED)


def test_a_model_without_a_way_to_a_clinic_stops_the_migration(monkeypatch) -> None:
    fewer = {k: v for k, v in policies.OF_ALL_CLINICS.items() if k != "alerts.Heartbeat"}
    monkeypatch.setattr(policies, "OF_ALL_CLINICS", fewer)
    with pytest.raises(ImproperlyConfigured, match=r"alerts\.Heartbeat"):
        policies.rules()


@pytest.mark.django_db
def test_a_hole_in_the_wall_is_mended_and_the_rest_left_alone() -> None:
    def policies_of(table: str) -> list[tuple[Any, ...]]:
        return ask(
            "SELECT p.oid FROM pg_policy p JOIN pg_class c ON c.oid = polrelid "
            "WHERE relname = %s ORDER BY 1",
            table,
        )

    before = policies_of("alerts_alert")
    with as_owner():
        ask("DROP POLICY one_clinic ON patients_patient")
        ask("ALTER POLICY one_clinic ON tapers_taperplan USING (true)")
        ask("ALTER POLICY every_clinic ON patients_clinic TO public")
        ask("CREATE POLICY leak ON checkins_caretask TO glidepath_app USING (true)")
        ask("ALTER TABLE checkins_checkin DISABLE ROW LEVEL SECURITY")
        ask("GRANT UPDATE ON audit_auditevent TO glidepath_sweep")
        policies.raise_the_wall(connection)
    assert len(policies_of("patients_patient")) == 2
    assert len(policies_of("checkins_caretask")) == 2
    assert ask(
        "SELECT roles::text[], qual FROM pg_policies WHERE policyname = 'every_clinic' "
        "AND tablename = 'patients_clinic'"
    ) == [(["glidepath_retention", "glidepath_sweep"], "true")]
    ((rule,),) = ask(
        "SELECT qual FROM pg_policies WHERE policyname = 'one_clinic' "
        "AND tablename = 'tapers_taperplan'"
    )
    assert "app.clinic_id" in rule
    assert ask("SELECT relrowsecurity FROM pg_class WHERE relname = 'checkins_checkin'") == [
        (True,)
    ]
    assert policies_of("alerts_alert") == before
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        pgtrigger.ignore(),
        transaction.atomic(),
    ):
        ask("UPDATE audit_auditevent SET id = id")
