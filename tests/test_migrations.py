"""The previous release runs on the new schema: a migration only adds; a later one takes away."""

import inspect
import sys
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres import operations
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader

from apps.database.indexes import AddIndexConcurrently
from tests.migration_rules import BIG, busy, faults

# What no code has used since the release before: {(app, migration): "since which release"}.
CONTRACTS: dict[tuple[str, str], str] = {}
# What stops somebody for as long as it takes, and why it may.
STOPS: dict[tuple[str, str], str] = {
    ("alerts", "0002_reached_by_messages"): "before the first clinic: no table had rows",
    ("checkins", "0004_stored_once_per_patient"): "before the first clinic: no table had rows",
}
# What takes several busy tables in one transaction, and why it may.
SEVERAL: dict[tuple[str, str], str] = {
    ("alerts", "0002_reached_by_messages"): "before the first clinic: nobody wrote meanwhile",
    ("checkins", "0002_kept_rows"): "before the first clinic: nobody wrote meanwhile",
    ("dashboard", "0002_change_triggers"): "before the first clinic: nobody wrote meanwhile",
    ("checkins", "0005_same_clinic"): "reads no row of theirs; moments in the drill (ADR 95)",
    ("checkins", "0013_fewer_indexes"): "reads no row of theirs; moments in the drill (ADR 95)",
}
TAKES_AWAY = (
    migrations.RemoveField, migrations.RenameField, migrations.RenameModel, migrations.DeleteModel,
    migrations.AlterModelTable,
)  # fmt: skip


def breaks_old_code(operation: object, was: models.Field | None) -> str:
    """Return why a process of the previous release would fail after this, "" if it would not."""
    if isinstance(operation, TAKES_AWAY):
        return "takes away what the previous release reads"
    if isinstance(operation, migrations.AddField):
        field = operation.field
        given = field.null or field.many_to_many or field.db_default is not models.NOT_PROVIDED
        return "" if given else "a row of the previous release has no value for it"
    if isinstance(operation, migrations.AlterField):
        return "may not be empty any more" if was and was.null and not operation.field.null else ""
    return ""


def test_every_migration_after_the_first_release_only_adds() -> None:
    loader = MigrationLoader(None)
    ours = [key for key, each in loader.disk_migrations.items() if "apps." in each.__module__]
    later = [key for key in ours if not loader.disk_migrations[key].initial]
    assert len(later) > 5
    for key in later:
        if key in CONTRACTS:
            continue
        for operation in loader.disk_migrations[key].operations:
            was = None
            if isinstance(operation, migrations.AlterField):
                before = loader.project_state(key, at_end=False)
                was = before.models[key[0], operation.model_name_lower].fields[operation.name]
            assert breaks_old_code(operation, was) == "", f"{key}: {operation.describe()}"


def test_what_would_break_the_previous_release_is_found() -> None:
    text = models.CharField(max_length=5)
    assert breaks_old_code(migrations.RemoveField("alert", "level"), None)
    assert breaks_old_code(migrations.AddField("alert", "level", text), None)
    kept = models.CharField(max_length=5, db_default="")
    assert not breaks_old_code(migrations.AddField("alert", "level", kept), None)


def sql_of(loader: MigrationLoader, key: tuple[str, str]) -> str:
    """Return what a migration sends, and, where Python sends it, what its module holds."""
    migration = loader.disk_migrations[key]
    sent = "\n".join(loader.collect_sql([(migration, False)]))
    if any(isinstance(each, migrations.RunPython) for each in migration.operations):
        sent += ";" + inspect.getsource(sys.modules[migration.__module__])
    return "\n".join(line for line in sent.splitlines() if not line.startswith("--"))


def ours(loader: MigrationLoader) -> dict[tuple[str, str], Any]:
    """Return the migrations after the first release."""
    found = loader.disk_migrations.items()
    return {k: each for k, each in found if "apps." in each.__module__ and not each.initial}


# Concurrent indexes are asked for outside of a transaction.
@pytest.mark.django_db(transaction=True)
def test_no_migration_stops_whoever_works_meanwhile() -> None:
    loader = MigrationLoader(connection)
    stopped = {key: said for key in ours(loader) if (said := faults(sql_of(loader, key)))}
    assert {key: said for key, said in stopped.items() if key not in STOPS} == {}
    assert set(STOPS) <= set(stopped), "an exemption for a migration that needs none"
    assert all(STOPS.values())


@pytest.mark.django_db(transaction=True)
def test_a_transaction_takes_one_busy_table_for_itself() -> None:
    """Whoever holds one and waits for the next makes two kinds of work wait, and may deadlock."""
    loader = MigrationLoader(connection)
    found = {
        key
        for key, each in ours(loader).items()
        if each.atomic and len(busy(sql_of(loader, key))) > 1
    }
    assert found == set(SEVERAL)


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ('ALTER TABLE "checkins_checkin" ADD "x" int; ALTER TABLE alerts_alert ADD "y" int', 2),
        ('ALTER TABLE "checkins_checkin" ADD "x" int; DROP INDEX checkins_reminder_by_day', 2),
        ("DROP TRIGGER a ON alerts_alert; CREATE TRIGGER b AFTER INSERT ON alerts_delivery", 2),
        ('ALTER TABLE "checkins_checkin" ADD "x" int; ALTER TABLE checkins_checkin ADD "y" int', 1),
        ('ALTER TABLE "checkins_checkin" ADD "x" int; DROP INDEX CONCURRENTLY alerts_alert_a', 1),
        ("CREATE TABLE alerts_alert (); ALTER TABLE alerts_alert ADD x int", 0),
        ("ALTER TABLE patients_clinic ADD x int; SELECT FROM alerts_alert", 0),
    ],
)
def test_the_busy_tables_that_a_migration_takes_are_found(text: str, tables: int) -> None:
    assert len(busy(text)) == tables


def test_an_index_built_beside_the_writers_can_be_built_again_where_it_was_broken_off() -> None:
    found = [
        (key, operation)
        for key, each in ours(MigrationLoader(None)).items()
        for operation in each.operations
        if isinstance(operation, operations.AddIndexConcurrently)
    ]
    assert found
    for key, operation in found:
        assert isinstance(operation, AddIndexConcurrently), f"{key}: take apps.database.indexes"


def test_every_table_named_as_big_is_one() -> None:
    names = {model._meta.db_table for model in apps.get_models()}
    assert names >= BIG


@pytest.mark.parametrize(
    "statement",
    [
        'ALTER TABLE "patients_patient" DROP COLUMN "phone" CASCADE',
        'ALTER TABLE "patients_patient" RENAME COLUMN "phone" TO "telephone"',
        'ALTER TABLE "patients_patient" RENAME TO "patients_person"',
        'DROP TABLE "patients_patient" CASCADE',
        'ALTER TABLE "patients_patient" ADD COLUMN "x" integer NOT NULL',
        'ALTER TABLE "checkins_checkin" ALTER COLUMN "language" SET NOT NULL',
        'ALTER TABLE "checkins_checkin" ALTER COLUMN "language" TYPE varchar(9)',
        'ALTER TABLE "checkins_checkin" ADD CONSTRAINT "c" CHECK ("x" > 0)',
        'ALTER TABLE "checkins_checkin" ADD CONSTRAINT "c" FOREIGN KEY ("x") REFERENCES y (id)',
        'ALTER TABLE "checkins_checkin" ADD CONSTRAINT "c" UNIQUE ("x")',
        'CREATE INDEX "i" ON "checkins_checkin" ("x")',
        'CREATE UNIQUE INDEX "i" ON public.checkins_checkin USING btree (x)',
        'VACUUM FULL "checkins_checkin"',
        "LOCK TABLE patients_patient IN EXCLUSIVE MODE",
    ],
)
def test_what_stops_somebody_is_found(statement: str) -> None:
    assert len(faults(f"SELECT 1;\n{statement};")) == 1


@pytest.mark.parametrize(
    "statement",
    [
        'ALTER TABLE "patients_patient" ADD COLUMN "x" integer NULL',
        'ALTER TABLE "patients_patient" ADD COLUMN "x" integer DEFAULT 0 NOT NULL',
        'ALTER TABLE "checkins_checkin" ADD CONSTRAINT "c" CHECK ("x" > 0) NOT VALID',
        'ALTER TABLE "checkins_checkin" VALIDATE CONSTRAINT "c"',
        'ALTER TABLE "checkins_checkin" ADD CONSTRAINT "c" UNIQUE USING INDEX i',
        'CREATE INDEX CONCURRENTLY "i" ON "checkins_checkin" ("x")',
        'CREATE TABLE "checkins_new" ("id" integer); CREATE INDEX "i" ON "checkins_new" ("id")',
        "SET lock_timeout = '2s'; LOCK TABLE patients_patient IN EXCLUSIVE MODE",
    ],
)
def test_what_stops_nobody_passes(statement: str) -> None:
    assert faults(f"{statement};") == []
