"""Statements kept by a connection, and what happens when that connection breaks."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.database.postgresql.base import is_silent
from apps.database.prepared import WAIT_AT_MOST, PreparedStatements, numbered
from apps.database.scope import every_clinic, no_clinic, one_clinic
from apps.database.statements import (
    Change,
    Insert,
    Read,
    ReadRows,
    ask_ahead,
    execute,
    execute_later,
)
from apps.patients.models import Patient
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


# --- Writes that wait -----------------------------------------------------------------------------
PUT_USER = Insert(User)
RENAME = Change(
    lambda email, name: (User.objects.filter(email=email), {"full_name": name}),
    email=str, name=str,
)  # fmt: skip
EMAIL = "later@clinic.example"
NAMES = ReadRows(lambda name: Patient.objects.filter(given_name=name).values_list("pk"), name=str)


def put_later(email: str = EMAIL) -> User:
    user = User(email=email, full_name="Later", password="!")
    PUT_USER.run_later(user)
    return user


def waiting() -> int:
    return len(connection.prepared.waiting)


def stored(email: str = EMAIL) -> bool:
    """Answer what another session sees: what is committed."""
    with psycopg.connect(current_database_url(), autocommit=True) as other:
        found = other.execute("SELECT 1 FROM accounts_user WHERE email = %s", [email])
        return found.fetchone() is not None


def timeout(name: str) -> None:
    execute(f"SET LOCAL {name} = 50", [])


@transaction.atomic
def together(*acts: Callable[[], Any]) -> None:
    """Do this in one transaction, of which the server knows before the first of it."""
    EMAILS.all(email=EMAIL)
    for act in acts:
        with connection.wrap_database_errors:  # for what is asked without Django
            act()


def put_taken() -> None:
    """Put what breaks a rule: this address has a user."""
    put_later(User.objects.exclude(email=EMAIL).get().email)
    assert waiting()


def fail() -> None:
    raise KeyError


def pass_over() -> None:
    with suppress(IntegrityError):
        EMAILS.all(email=EMAIL)


def break_off() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PreparedStatements, "wait", interrupt)
        EMAILS.all(email=EMAIL)


def interrupt(*args: object) -> None:
    raise KeyboardInterrupt


def in_another_scope() -> None:
    with no_clinic():
        EMAILS.all(email=EMAIL)


def watched() -> None:
    with CaptureQueriesContext(connection):
        EMAILS.all(email=EMAIL)


def copied() -> None:
    with connection.cursor() as cursor, cursor.copy("COPY accounts_user (id) TO STDOUT") as rows:
        list(rows)


NEXT: dict[str, Callable[[], Any]] = {
    "a kept read": lambda: EMAILS.all(email=EMAIL),
    "a queryset": lambda: list(User.objects.all()),
    "an iterator of the server": lambda: list(User.objects.iterator()),
    "many at once": lambda: connection.cursor().executemany("SELECT %s", [(1,), (2,)]),
    "a savepoint": transaction.savepoint,
    "a scope of its own": in_another_scope,
    "a watched statement": watched,
    "psycopg itself": lambda: connection.connection.execute("SELECT 1"),
    "a copy": copied,
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("following", NEXT)
def test_a_write_that_waits_goes_before_whatever_comes_next(nurse, following) -> None:
    with transaction.atomic():
        assert EMAILS.all(email=EMAIL) == []
        put_later()
        assert waiting() == 1
        NEXT[following]()
        assert waiting() == 0
        assert User.objects.filter(email=EMAIL).exists()
    assert stored()


@pytest.mark.django_db(transaction=True)
def test_writes_that_wait_are_committed_in_their_order_with_the_commit(nurse) -> None:
    with transaction.atomic():
        assert EMAILS.all(email=EMAIL) == []
        put_later()
        RENAME.run_later(email=EMAIL, name="First")
        RENAME.run_later(email=EMAIL, name="Second")
        assert waiting() == 3
        assert not stored()
    assert waiting() == 0
    assert stored()
    assert User.objects.get(email=EMAIL).full_name == "Second"


@pytest.mark.django_db(transaction=True)
def test_values_are_those_of_the_moment_of_asking(nurse) -> None:
    with transaction.atomic():
        EMAILS.all(email=EMAIL)
        user = put_later()
        user.full_name = "Another"
    assert User.objects.get(email=EMAIL).full_name == "Later"


@pytest.mark.django_db(transaction=True)
def test_not_more_wait_than_the_line_holds(nurse) -> None:
    with transaction.atomic():
        EMAILS.all(email=EMAIL)
        for number in range(2 * WAIT_AT_MOST):
            put_later(f"{number}@clinic.example")
            assert waiting() < WAIT_AT_MOST
    assert stored(f"{2 * WAIT_AT_MOST - 1}@clinic.example")


@pytest.mark.django_db(transaction=True)
def test_nothing_waits_outside_a_transaction_or_where_it_is_the_first_statement(nurse) -> None:
    put_later()
    assert stored()
    with transaction.atomic():
        RENAME.run_later(email=EMAIL, name="First statement")
        assert waiting() == 0
    assert User.objects.get(email=EMAIL).full_name == "First statement"


@pytest.mark.django_db(transaction=True)
def test_a_watched_write_waits_for_nothing_and_is_seen(nurse) -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as asked:
        put_later()
        assert waiting() == 0
        assert EMAIL in asked[-1]["sql"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("following", NEXT)
def test_what_a_waiting_write_breaks_is_raised_by_what_comes_next(nurse, following) -> None:
    with pytest.raises(IntegrityError, match="accounts_user"):
        together(put_later, put_later, NEXT[following], pytest.fail)
    assert waiting() == 0
    assert not stored()
    assert EMAILS.all(email=nurse.user.email)


@pytest.mark.django_db(transaction=True)
def test_what_a_waiting_write_breaks_is_raised_by_the_end_of_its_block(nurse) -> None:
    told = []
    with pytest.raises(IntegrityError, match="accounts_user"):
        together(put_taken, lambda: transaction.on_commit(lambda: told.append("saved")))
    assert (told, waiting()) == ([], 0)
    with transaction.atomic():
        put_later()
        with pytest.raises(IntegrityError, match="accounts_user"):
            together(put_taken)
    assert stored()


@pytest.mark.django_db(transaction=True)
def test_what_is_passed_over_is_no_success(nurse) -> None:
    """PostgreSQL answers the COMMIT of a failed transaction with a rollback, and no error."""
    with pytest.raises(InternalError, match="has failed"):
        together(put_later, put_later, pass_over)
    assert not stored()
    assert EMAILS.all(email=nurse.user.email)


@pytest.mark.django_db(transaction=True)
def test_a_rollback_forgets_what_waits(nurse) -> None:
    with pytest.raises(KeyError):
        together(put_later, fail)
    assert waiting() == 0
    together()
    assert not stored()


@pytest.mark.django_db(transaction=True)
def test_going_back_to_a_savepoint_forgets_what_came_after_it_and_nothing_else(nurse) -> None:
    with transaction.atomic():
        EMAILS.all(email=EMAIL)
        put_later()
        with pytest.raises(KeyError):
            together(lambda: put_later("inner@clinic.example"), fail)
        assert waiting() == 0
        put_later("after@clinic.example")
    assert [stored(), stored("inner@clinic.example"), stored("after@clinic.example")] == [
        True, False, True,
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("following", ["a kept read", "a queryset", "a savepoint", None])
def test_a_server_that_is_gone_takes_what_waits_with_it(nurse, following) -> None:
    with pytest.raises(OperationalError):
        together(put_later, end_session, *([NEXT[following]] if following else []))
    assert not stored()
    connection.close_if_unusable_or_obsolete()
    together(put_later)
    assert stored()


@pytest.mark.django_db(transaction=True)
def test_a_write_that_waits_in_vain_for_a_lock_fails_its_transaction(nurse) -> None:
    """The same way as a statement that takes too long; what came before it is undone, too."""
    with psycopg.connect(current_database_url()) as other:
        other.execute("SELECT 1 FROM accounts_user FOR UPDATE")
        with pytest.raises(OperationalError, match="lock timeout"):
            together(
                lambda: timeout("lock_timeout"),
                put_later,
                lambda: RENAME.run_later(email=nurse.user.email, name="Renamed"),
            )
    assert not stored()
    assert User.objects.get().full_name == nurse.user.full_name


@pytest.mark.django_db(transaction=True)
def test_a_statement_that_takes_too_long_fails_what_waited_before_it(nurse) -> None:
    slow = partial(execute, "SELECT pg_sleep(%s)", [5])
    with pytest.raises(OperationalError, match="statement timeout"):
        together(lambda: timeout("statement_timeout"), put_later, slow)
    assert not stored()
    assert EMAILS.all(email=nurse.user.email)


@pytest.mark.django_db(transaction=True)
def test_who_breaks_off_in_the_middle_of_an_answer_loses_the_connection(nurse) -> None:
    """Nobody knows what is still on the line: an answer must never be taken for another's."""
    with pytest.raises(KeyboardInterrupt):
        together(put_later, break_off)
    assert not stored()
    connection.close_if_unusable_or_obsolete()
    assert EMAILS.all(email=nurse.user.email)


@pytest.mark.django_db(transaction=True)
def test_writes_that_wait_are_written_in_the_scope_that_asked(patient, other_patient) -> None:
    """PostgreSQL refuses a row of another clinic; what is asked next may look at every clinic."""
    text = "UPDATE patients_patient SET given_name = %s"
    with transaction.atomic():
        with one_clinic(patient.clinic_id):
            NAMES.all(name="Changed")
            execute_later(text, ["Changed"])
            assert waiting() == 1
        with every_clinic():
            assert NAMES.all(name="Changed") == [(patient.pk,)]
    with transaction.atomic():
        with one_clinic(patient.clinic_id):
            NAMES.all(name="Again")
            execute_later(text, ["Again"])
        with every_clinic():
            execute_later("SELECT 1 WHERE %s = 0", [1])  # sends the other one first
            assert waiting() == 0
        assert waiting() == 0
    assert NAMES.all(name="Again") == [(patient.pk,)]


# --- Questions asked ahead ------------------------------------------------------------------------
NAMED = Read[User](lambda email: User.objects.filter(email=email), email=str)


@pytest.mark.django_db(transaction=True)
def test_a_question_asked_ahead_sees_what_was_written_before_it_and_nothing_later(nurse) -> None:
    with transaction.atomic():
        EMAILS.all(email=EMAIL)
        put_later()
        ahead = NAMED.ahead(email=EMAIL)
        RENAME.run_later(email=EMAIL, name="Renamed")
        assert waiting() == 3
        assert NAMED.first(email=EMAIL).full_name == "Renamed"
        assert waiting() == 0
    assert [user.full_name for user in ahead()] == ["Later"]
    assert [user.full_name for user in ahead()] == ["Later"]


@pytest.mark.django_db(transaction=True)
def test_who_wants_an_answer_early_has_the_line_sent(nurse) -> None:
    with transaction.atomic():
        EMAILS.all(email=EMAIL)
        put_later()
        ahead = NAMED.ahead(email=EMAIL)
        assert [user.full_name for user in ahead()] == ["Later"]
        assert waiting() == 0


@pytest.mark.django_db(transaction=True)
def test_a_question_asked_ahead_is_answered_with_the_commit(nurse) -> None:
    with transaction.atomic():
        EMAILS.all(email=EMAIL)
        ahead = NAMED.ahead(email=nurse.user.email)
        assert waiting() == 1
    assert ahead() == [nurse.user]


@pytest.mark.django_db(transaction=True)
def test_a_question_asked_ahead_waits_for_nothing_outside_a_transaction_or_watched(nurse) -> None:
    put_later()
    ahead = NAMED.ahead(email=EMAIL)
    RENAME.run(email=EMAIL, name="Renamed")
    assert [user.full_name for user in ahead()] == ["Later"]
    with transaction.atomic(), CaptureQueriesContext(connection) as asked:
        ahead = NAMED.ahead(email=EMAIL)
        assert waiting() == 0
        assert EMAIL in asked[-1]["sql"]
        RENAME.run(email=EMAIL, name="Again")
        assert [user.full_name for user in ahead()] == ["Renamed"]


@pytest.mark.django_db(transaction=True)
def test_a_question_asked_ahead_in_what_was_undone_has_no_answer(nurse) -> None:
    asked = []
    with pytest.raises(KeyError):
        together(lambda: asked.append(NAMED.ahead(email=nurse.user.email)), fail)
    with pytest.raises(InterfaceError, match="undone"):
        asked[0]()


@pytest.mark.django_db(transaction=True)
def test_a_question_asked_ahead_that_cannot_be_answered_fails_its_transaction(nurse) -> None:
    def ask() -> None:
        ask_ahead("SELECT 1 / %s", [0])

    with pytest.raises(DataError, match="division by zero"):
        together(put_later, ask)
    assert not stored()


def test_an_insert_that_may_skip_is_no_write_whose_answer_nobody_reads() -> None:
    with pytest.raises(TypeError, match="skipped"):
        Insert(User, skip_taken=True).run_later(User())
