"""Statements kept by a connection, and what happens when that connection breaks."""

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, transaction

from apps.accounts.models import User
from apps.database.postgresql.base import is_silent
from apps.database.prepared import numbered
from apps.database.statements import Insert, ReadRows, execute
from tests.harness.database import current_database_url

EMAILS = ReadRows(
    lambda email: User.objects.filter(email=email).values_list("email", "date_joined"), email=str
)


def end_session() -> None:
    """End this test's session as a server does that is stopped."""
    pid = connection.connection.info.backend_pid
    with psycopg.connect(current_database_url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@pytest.mark.parametrize(
    ("statement", "text", "names"),
    [
        ("SELECT 1", b"SELECT 1", ()),
        ("VALUES (%s, %s)", b"VALUES ($1, $2)", ()),
        ("x = %(b)s OR y = %(a)s OR z = %(b)s", b"x = $1 OR y = $2 OR z = $1", ("b", "a")),
        ("LIKE '5%%s' AND x = %(a)s", b"LIKE '5%s' AND x = $1", ("a",)),
    ],
)
def test_values_are_numbered_in_the_order_of_their_first_use(statement, text, names) -> None:
    assert numbered(statement) == (text, names)


@pytest.mark.django_db
def test_errors_are_those_of_django_and_leave_savepoints_and_statements_usable(nurse) -> None:
    user = nurse.user
    for _ in range(2):
        with pytest.raises(IntegrityError, match="accounts_user"), transaction.atomic():
            Insert(User).run(User(email=user.email, full_name="Twice", password="!"))
        with pytest.raises(ProgrammingError, match="no_such_table"), transaction.atomic():
            execute("SELECT * FROM no_such_table WHERE id = %s", [1])
        assert EMAILS.all(email=user.email) == [(user.email, user.date_joined)]


@transaction.atomic
def rename_and_fail() -> None:
    assert execute("UPDATE accounts_user SET full_name = %s", ["Somebody else"]).changed == 1
    raise RuntimeError


@pytest.mark.django_db(transaction=True)
def test_a_statement_belongs_to_the_transaction_that_django_opened(nurse) -> None:
    with pytest.raises(RuntimeError):
        rename_and_fail()
    assert User.objects.get().full_name == nurse.user.full_name


@pytest.mark.django_db(transaction=True)
def test_a_session_that_was_ended_is_noticed_without_a_question_and_replaced() -> None:
    assert EMAILS.all(email="nobody@clinic.example") == []
    assert connection.is_usable()
    assert is_silent(connection.connection)
    end_session()
    assert not is_silent(connection.connection)
    assert not connection.is_usable()
    connection.health_check_enabled, connection.health_check_done = True, False
    assert EMAILS.all(email="nobody@clinic.example") == []
    assert connection.is_usable()


@transaction.atomic
def read_in_an_ended_session() -> None:
    EMAILS.all(email="nobody@clinic.example")
    end_session()
    EMAILS.all(email="nobody@clinic.example")


@pytest.mark.django_db(transaction=True)
def test_a_session_that_ends_in_a_transaction_fails_it() -> None:
    with pytest.raises(OperationalError):
        read_in_an_ended_session()
