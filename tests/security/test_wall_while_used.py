"""An upgrade makes the wall anew while patients write: it stops nobody and leaves no gap."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.db import connection, migrations, models
from django.db.migrations.state import ModelState, ProjectState

from apps.database import giving_way, policies
from apps.database.indexes import AddIndexConcurrently
from apps.database.management.commands.migrate import Command
from apps.database.owners import OwnersCommand
from apps.database.scope import as_owner
from tests.factories import make_clinic, make_patient
from tests.harness.database import current_database_url
from tests.harness.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = %s::regclass AND NOT granted)"


def ask(statement: str, *values: Any) -> list[Any]:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def session() -> Any:
    """Return another process's connection, in a transaction from its first statement on."""
    return psycopg.connect(current_database_url())


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do the work in a thread during the block, and fail with it."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert failed == []


def is_awaited(other: Any, table: str) -> bool:
    """Answer whether somebody stands and waits for the table just now."""
    return bool(other.execute(WAITS, [table]).fetchone()[0])


def unfit() -> set[str]:
    with as_owner(), connection.cursor() as cursor:
        return set(policies.unfit(cursor, policies.rules()))


def policies_of(table: str) -> set[tuple[int, str]]:
    return set(
        ask("SELECT oid, polname FROM pg_policy WHERE polrelid = %s::regclass ORDER BY 1", table)
    )


@pytest.fixture
def tables() -> Iterator[list[str]]:
    """Every walled table, in the wall's order; each marked as made by another release."""
    names = [*policies.rules()]
    for name in names:
        ask(f"COMMENT ON POLICY one_clinic ON {name} IS 'of the release before'")
    assert unfit() == set(names)
    yield names
    policies.raise_the_wall(connection)
    assert unfit() == set()


def test_who_holds_the_last_table_and_reads_all_others_meets_no_deadlock(tables) -> None:
    last = tables[-1]
    with session() as patient:
        patient.execute(f"LOCK TABLE {last} IN ROW EXCLUSIVE MODE")

        def check_in() -> None:
            wait_until(lambda: is_awaited(patient, last), 60)
            for table in tables:
                patient.execute(f"SELECT FROM {table} LIMIT 1")
            patient.commit()

        with meanwhile(check_in):
            policies.raise_the_wall(connection)
    assert unfit() == set()
    assert all(len(policies_of(table)) == 2 for table in tables)


def test_at_no_moment_is_a_row_seen_elsewhere_or_not_at_home(tables) -> None:
    """Without its policies a table shows nothing; without the wall it shows everything."""
    clinic = make_clinic()
    make_patient(clinic)
    seen, over = set(), threading.Event()

    def look() -> None:
        with session() as other:
            other.autocommit = True
            other.execute("SET ROLE glidepath_app")
            while not over.is_set():
                for key in (str(clinic.pk), ""):
                    other.execute("SELECT set_config('app.clinic_id', %s, false)", [key])
                    found = other.execute("SELECT count(*) FROM patients_patient").fetchone()[0]
                    seen.add((bool(key), found))

    with meanwhile(look):
        for _ in range(30):
            ask("COMMENT ON POLICY one_clinic ON patients_patient IS 'of the release before'")
            policies.raise_the_wall(connection)
        over.set()
    assert seen == {(True, 1), (False, 0)}


def test_a_table_that_stays_in_use_is_said_and_the_next_run_does_the_rest(
    tables, monkeypatch
) -> None:
    monkeypatch.setattr(giving_way, "GIVES_UP", "200ms")
    monkeypatch.setattr(giving_way, "TRIES_FOR_SECONDS", 0.5)
    middle = tables[len(tables) // 2]
    before = policies_of(middle)
    with session() as backup:
        backup.execute(f"SELECT FROM {middle} LIMIT 1")  # as pg_dump, to the end of its transaction
        with pytest.raises(CommandError, match=f"The table {middle} stayed.*run migrate again"):
            policies.raise_the_wall(connection)
        assert unfit() == set(tables[tables.index(middle) :])
        assert policies_of(middle) == before
        assert not is_awaited(backup, middle)
    done = policies_of(tables[0])
    policies.raise_the_wall(connection)
    assert unfit() == set()
    assert policies_of(tables[0]) == done, "what was done is not done twice"


def test_who_is_in_the_way_for_a_while_is_waited_for_without_a_queue(tables, monkeypatch) -> None:
    """Who comes while it tries again need not wait: between its tries nobody stands in line."""
    monkeypatch.setattr(giving_way, "GIVES_UP", "200ms")
    first = tables[0]
    with session() as backup:
        backup.execute(f"SELECT FROM {first} LIMIT 1")

        def go_on() -> None:
            for _ in range(2):  # two tries, each of which gave up
                wait_until(lambda: is_awaited(backup, first), 60)
                wait_until(lambda: not is_awaited(backup, first), 60)
            backup.commit()

        with meanwhile(go_on):
            policies.raise_the_wall(connection)
    assert unfit() == set()


def test_a_command_of_the_owner_begins_again_while_a_table_is_in_use(monkeypatch) -> None:
    class Below(BaseCommand):
        tries = 0

        def handle(self, *args: Any, **options: Any) -> None:
            Below.tries += 1
            ask("SET lock_timeout = '200ms'")
            ask("TRUNCATE alerts_heartbeat")
            ask("SET lock_timeout = DEFAULT")

    class Above(OwnersCommand, Below):
        """As `migrate` stands before Django's."""

    with session() as backup:
        backup.execute("SELECT FROM alerts_heartbeat")

        def go_on() -> None:
            wait_until(lambda: Below.tries > 1, 60)
            backup.commit()

        with meanwhile(go_on):
            Above().execute(
                database="default", no_color=True, force_color=False, skip_checks=True,
                stdout=None, stderr=None,
            )  # fmt: skip
    assert Below.tries > 1


def test_patience_begins_anew_after_each_thing_that_was_done(monkeypatch) -> None:
    monkeypatch.setattr(giving_way, "TRIES_FOR_SECONDS", 0.4)
    got_on_at = [0.0]

    def work(steps: Iterator[bool]) -> None:
        for done in steps:
            if not done:
                ask("SET LOCAL lock_timeout = '10ms'; TRUNCATE alerts_heartbeat")
            got_on_at[0] = time.monotonic()

    with session() as backup:
        backup.execute("SELECT FROM alerts_heartbeat")
        one_by_one = iter([False, True, False, True, False, True])
        giving_way.until_free(lambda: work(one_by_one), lambda: got_on_at[0])
        assert list(one_by_one) == []
        with pytest.raises(CommandError, match="run migrate again"):
            giving_way.until_free(lambda: work(iter([False])), lambda: got_on_at[0])


def test_an_error_of_another_kind_is_not_tried_again() -> None:
    tries = []

    def work() -> None:
        tries.append(time.monotonic())
        ask("SELECT FROM no_such_table")

    with pytest.raises(Exception, match="no_such_table"):
        giving_way.until_free(work)
    assert len(tries) == 1


@pytest.mark.parametrize(("atomic", "waits"), [(True, giving_way.GIVES_UP), (False, "0")])
def test_a_migration_waits_briefly_unless_it_stops_nobody(atomic: bool, waits: str) -> None:
    each = migrations.Migration("0099_next", "alerts")
    each.atomic = atomic
    command = Command()
    command.connection, command.verbosity = connection, 0
    try:
        command.migration_progress_callback("apply_start", each)
        assert ask("SHOW lock_timeout") == [(waits,)]
    finally:
        command.wait_for_locks("DEFAULT")
    assert ask("SHOW lock_timeout") == [("0",)]


@pytest.mark.parametrize("state", ["not there", "broken off", "whole"])
def test_an_index_that_was_broken_off_is_built_by_the_next_run(state: str) -> None:
    add = AddIndexConcurrently("thing", models.Index(fields=["name"], name="thing_by_name"))
    before = ProjectState()
    before.add_model(
        ModelState("alerts", "Thing", [
            ("id", models.BigAutoField(primary_key=True)), ("name", models.TextField()),
        ])
    )  # fmt: skip
    after = before.clone()
    add.state_forwards("alerts", after)
    ask("CREATE TABLE alerts_thing (id bigint PRIMARY KEY, name text)")
    try:
        if state != "not there":
            ask("CREATE INDEX thing_by_name ON alerts_thing (name)")
        if state == "broken off":
            ask("UPDATE pg_index SET indisvalid = false "
                "WHERE indexrelid = 'thing_by_name'::regclass")  # fmt: skip
        with as_owner(), connection.schema_editor(atomic=False) as editor:
            add.database_forwards("alerts", editor, before, after)
        assert ask(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'thing_by_name'::regclass"
        ) == [(True,)]
    finally:
        ask("DROP TABLE alerts_thing")
