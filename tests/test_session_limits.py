"""A session that stalls in a transaction is ended, and what it held is free; commands may wait."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from apps.database.postgresql.base import DatabaseWrapper
from apps.patients.models import Patient
from config.database import IDLE_IN_TRANSACTION_SECONDS, STATEMENT_SECONDS, database
from tests.harness.database import current_database_url

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parent.parent


def shown(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


@pytest.fixture
def stalling() -> Iterator[Any]:
    """Another process's connection, whose patience is shorter than the settings'."""
    place = connection.settings_dict
    options = f"{place['OPTIONS']['options']} -c idle_in_transaction_session_timeout=300ms"
    other = DatabaseWrapper({**place, "OPTIONS": {**place["OPTIONS"], "options": options}})
    yield other
    other.close()


def test_a_stalled_session_loses_its_lock_and_what_it_wrote(stalling, patient) -> None:
    before = patient.given_name
    stalling.ensure_connection()
    stalling.set_autocommit(False)
    with stalling.cursor() as cursor:
        changed = "UPDATE patients_patient SET given_name = 'Nobody' WHERE id = %s"
        cursor.execute(changed, [patient.pk])
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '60s'")  # this test fails, and does not hang
        row = Patient.objects.select_for_update().get(pk=patient.pk)
    assert row.given_name == before
    with pytest.raises(DatabaseError, match="idle-in-transaction"), stalling.cursor() as cursor:
        cursor.execute("SELECT 1")
    stalling.close_if_unusable_or_obsolete()  # as Django does after a request and a task
    with stalling.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_every_process_is_given_the_limit() -> None:
    connection.close()
    assert shown("idle_in_transaction_session_timeout") == f"{IDLE_IN_TRANSACTION_SECONDS}s"
    given = connection.get_connection_params()
    assert given["keepalives_idle"] == 15
    assert given["tcp_user_timeout"] == 30_000


@pytest.mark.slow
def test_a_page_has_a_limit_for_each_statement_and_a_task_has_its_own() -> None:
    """Asked of a process that serves pages, as gunicorn loads it; a worker has time limits."""
    ask = (
        "from config.wsgi import application; from django.db import connection as c; "
        "cursor = c.cursor(); cursor.execute('SHOW statement_timeout'); "
        "print(cursor.fetchone()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "DATABASE_URL": current_database_url(), "DEBUG": "1",
             "DJANGO_SETTINGS_MODULE": "config.settings_test"},
    )  # fmt: skip
    assert done.stdout.strip() == f"{STATEMENT_SECONDS}s"
    assert shown("statement_timeout") == "0"


@pytest.mark.slow
def test_a_backup_and_a_migration_take_their_time(settings, tmp_path) -> None:
    settings.BACKUP_PASSPHRASE = "a pass phrase that is long enough for a backup"
    for command in (["backup", str(tmp_path / "backup")], ["migrate"]):
        connection.close()
        call_command(*command, verbosity=0)
        assert shown("idle_in_transaction_session_timeout") == "0", command
    connection.close()


def test_what_the_address_asks_for_wins() -> None:
    place = {"NAME": "x", "OPTIONS": {"host": "/run", "options": "-c work_mem=8MB"}}
    made = database(place)["OPTIONS"]
    assert made["host"] == "/run"
    assert made["options"].endswith(" -c work_mem=8MB")
    assert "idle_in_transaction_session_timeout=30s" in made["options"]
