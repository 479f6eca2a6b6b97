"""How the scope reaches the server, on real connections that are kept from request to request."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.contrib.auth.decorators import login_not_required
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

import config.urls
from apps.database.scope import current, every_clinic, no_clinic, one_clinic
from apps.database.statements import execute
from apps.patients.models import Patient
from tests.conftest import signed_in
from tests.harness.database import current_database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("patient")]


# --- Ways in which a request ends -----------------------------------------------------------------
def fail() -> None:
    connection.cursor().execute("SELECT nothing FROM nowhere")


def fail_prepared() -> None:
    execute("SELECT nothing FROM nowhere WHERE id = %s", [1])


@transaction.atomic
def roll_back() -> None:
    names()
    transaction.set_rollback(True)


@transaction.atomic
def fail_in_a_transaction() -> None:
    names()
    fail()


@transaction.atomic
def fail_before_the_first_statement_of_a_savepoint() -> None:
    with every_clinic():
        names()
    with pytest.raises(ProgrammingError), transaction.atomic():
        fail_prepared()
    with pytest.raises(ProgrammingError), transaction.atomic():
        fail_in_a_transaction()


def swallow_a_failure() -> None:
    """PostgreSQL answers such a COMMIT with a ROLLBACK, and takes back what it was told."""
    with every_clinic():
        names()
    with transaction.atomic():
        names()
        with pytest.raises(ProgrammingError):
            fail()


def swallow_a_prepared_failure() -> None:
    with every_clinic():
        names()
    with transaction.atomic():
        names()
        with pytest.raises(ProgrammingError):
            fail_prepared()


def go_back_to_a_savepoint_past_the_wall() -> None:
    with transaction.atomic():
        with every_clinic():
            names()
            savepoint = transaction.savepoint()
        names()
        transaction.savepoint_rollback(savepoint)
        names()


def leave_a_block_past_the_wall() -> None:
    with transaction.atomic(), suppress(KeyError), transaction.atomic():
        with every_clinic():
            names()
        with transaction.atomic():
            names()
            raise KeyError


def lose_the_server() -> None:
    pid = connection.connection.info.backend_pid
    with psycopg.connect(current_database_url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    names()


def look_past_the_wall_and_fail() -> None:
    with every_clinic(), transaction.atomic():
        names()
        fail()


ENDS: dict[str, Callable[[], None]] = {
    end.__name__: end
    for end in (
        fail, fail_prepared, roll_back, fail_in_a_transaction, lose_the_server,
        fail_before_the_first_statement_of_a_savepoint, look_past_the_wall_and_fail,
        swallow_a_failure, swallow_a_prepared_failure, go_back_to_a_savepoint_past_the_wall,
        leave_a_block_past_the_wall,
    )
}  # fmt: skip


def names() -> set[str]:
    """Return every name that can be seen, by a cursor and by a kept statement alike."""
    found = {patient.family_name for patient in Patient.objects.all()}
    kept = execute("SELECT family_name FROM patients_patient WHERE family_name <> %s", [""])
    assert {name for (name,) in kept.rows} == found
    return found


@login_not_required
def forgetful(request: HttpRequest) -> HttpResponse:
    """Show every patient: the first wall is left out. Before that, end as told."""
    names()
    if end := request.GET.get("end"):
        ENDS[end]()
    return HttpResponse(" ".join(sorted(names())))


urlpatterns = [path("forgetful/", forgetful), *config.urls.urlpatterns]


@override_settings(ROOT_URLCONF="tests.test_scope")
@pytest.mark.parametrize("end", ENDS)
def test_what_one_request_may_see_the_next_does_not(
    end: str, patient, other_patient, nurse, outsider
) -> None:
    here, there, nobody = signed_in(nurse), signed_in(outsider), Client()
    here.raise_request_exception = False
    for _ in range(2):
        answer = here.get("/forgetful/", {"end": end})
        assert answer.status_code == 500 or answer.text == patient.family_name
        connection.close_if_unusable_or_obsolete()  # as Django does when a request begins
        assert nobody.get("/forgetful/").text == ""
        assert here.get("/forgetful/").text == patient.family_name
        here.get("/forgetful/", {"end": end})
        connection.close_if_unusable_or_obsolete()  # as Django does when a request begins
        assert there.get("/forgetful/").text == other_patient.family_name
        assert nobody.get("/forgetful/").text == ""
    assert current() == "*"  # and what comes after requests is as it was before
    assert names() == {patient.family_name, other_patient.family_name}


# --- Statements -----------------------------------------------------------------------------------
def test_each_statement_is_asked_in_the_scope_of_its_moment(patient, other_patient) -> None:
    both = {patient.family_name, other_patient.family_name}
    for outer in (lambda: transaction.atomic(), lambda: transaction.atomic(savepoint=False)):
        with one_clinic(patient.clinic_id):
            assert names() == {patient.family_name}
            with outer(), every_clinic():
                assert names() == both
                with no_clinic():
                    assert names() == set()
            assert names() == {patient.family_name}
        assert names() == both


def test_a_cursor_in_the_server_reads_in_the_scope_in_which_it_was_opened(
    patient, other_patient
) -> None:
    connection.ensure_connection()
    with one_clinic(other_patient.clinic_id):
        assert [p.pk for p in Patient.objects.iterator(chunk_size=1)] == [other_patient.pk]
    with one_clinic(patient.clinic_id), connection.cursor() as cursor:
        cursor.executemany("SELECT count(*) FROM patients_patient WHERE id <> %s", [(None,)])
        with cursor.copy("COPY (SELECT id::text FROM patients_patient) TO STDOUT") as rows:
            assert [row for (row,) in rows.rows()] == [str(patient.pk)]


def test_a_lost_server_is_an_error_and_not_a_hang(patient) -> None:
    names()
    pid = connection.connection.info.backend_pid
    with psycopg.connect(current_database_url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with one_clinic(patient.clinic_id), pytest.raises(OperationalError):
        execute("SELECT family_name FROM patients_patient WHERE family_name <> %s", [""])
    connection.close()
    assert names() == {patient.family_name}


def round_trips(asked: Callable[[], Any]) -> int:
    """Return how often the server was waited for, as libpq itself writes it down."""
    pgconn = connection.connection.pgconn
    with tempfile.TemporaryFile() as trace:
        pgconn.trace(trace.fileno())
        asked()
        pgconn.untrace()
        os.lseek(trace.fileno(), 0, os.SEEK_SET)
        return sum("\tReadyForQuery\t" in line for line in trace.read().decode().splitlines())


def test_a_change_of_scope_costs_no_round_trip(patient) -> None:
    kept = "SELECT family_name FROM patients_patient WHERE family_name <> %s"
    ways: list[Callable[[], Any]] = [
        lambda: list(Patient.objects.values_list("pk")),
        lambda: execute(kept, [""]),
        transaction.atomic(lambda: execute(kept, [""])),
        transaction.atomic(lambda: list(Patient.objects.values_list("pk"))),
    ]
    for way in ways:  # a statement is prepared at its first use; so is what tells the scope
        with one_clinic(patient.clinic_id):
            way()
        names()
    with every_clinic():
        names()
        before = [round_trips(way) for way in ways]
    after = []
    for way in ways:
        with one_clinic(patient.clinic_id):
            after.append(round_trips(way))
        names()
    # BEGIN, scope and a kept statement travel together; the COMMIT is the second.
    assert before == after == [1, 1, 2, 3]
