"""Statements that one connection has prepared: their values go to the server, nothing else does.

Straight to libpq, as psycopg does it below its cursors, with psycopg's own types and errors: a
cursor costs several times what the server needs for a small statement (docs/adr/0033).
"""

import re
import select
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import pq
from psycopg.adapt import AdaptersMap, PyFormat, Transformer

from apps.database.postgresql.told import IN_ONE, Told, values_of

Row = tuple[Any, ...]
TEXT_TYPE: Final = 25
PLACEHOLDER: Final = re.compile(r"%(?:\((\w+)\)s|s|%)")
BEGIN: Final = "BEGIN"
COMMIT: Final = "COMMIT"
WAIT_AT_MOST: Final = 32
DONE: Final = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class Answer(NamedTuple):
    """What the server said to a statement."""

    rows: list[Row]
    changed: int  # rows, or found


class Ahead:
    """Rows that were asked for ahead: on their way until the line has gone out."""

    def __init__(self, send: Callable[[], None]) -> None:
        self.send = send
        self.found: list[Row] | None = None

    def rows(self) -> list[Row]:
        """Return the rows; have the line sent where it still waits.

        Raises an error of psycopg's where the transaction that asked was undone meanwhile.
        """
        if self.found is None:
            self.send()
        if self.found is None:
            raise psycopg.InterfaceError("What was asked ahead was undone with its transaction.")
        return self.found


class Asked(NamedTuple):
    """A statement on its way: the name the server keeps it under, and its values as sent."""

    name: bytes
    values: Sequence[Any] = ()
    formats: Sequence[pq.Format] | None = None  # of text
    ahead: Ahead | None = None  # who wants the answer later


class PreparedStatements:
    """Prepares each statement at its first use on a connection.

    What `run_later` and `ask_ahead` are given waits for the next statement or the COMMIT and
    travels with it (docs/adr/0062, 0077). It is never behind a statement that was asked after it.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.pgconn = connection.pgconn
        self.told: Told = connection.told  # type: ignore[attr-defined]
        self.told.send_waiting = self.flush
        # Django's own loader of moments is slow and says the same: connections are in UTC.
        self.adapters = AdaptersMap(connection.adapters)
        oid = self.adapters.types["timestamptz"].oid
        loader = psycopg.adapters.get_loader(oid, pq.Format.TEXT)
        if loader:
            self.adapters.register_loader("timestamptz", loader)
        self.transformer = Transformer(self)
        self.names: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self.waiting: list[Asked] = []

    def run(self, statement: str, values: Any) -> Answer:
        """Run a statement with `%s` or `%(name)s` in it; part of the transaction if one is open."""
        result = self.exchange(self.asked(statement, values))
        return Answer(self.rows_of(result), result.command_tuples or 0)

    def rows_of(self, result: pq.abc.PGresult) -> list[Row]:
        """Return the rows of an answer as Python's values."""
        if not result.nfields:
            return []
        self.transformer.set_pgresult(result)
        return self.transformer.load_rows(0, result.ntuples, tuple)

    def run_later(self, statement: str, values: Any) -> None:
        """Run a write whose answer nobody reads, at the latest before the COMMIT.

        What it breaks is raised by the statement with which it goes. At once where there is no
        transaction that would take it back with the rest, or where it has a scope of its own.
        """
        if self.may_wait():
            self.wait_in_line(self.asked(statement, values))
        else:
            self.run(statement, values)

    def ask_ahead(self, statement: str, values: Any) -> Ahead:
        """Ask now and read later: the question travels like a write of `run_later`."""
        ahead = Ahead(self.flush)
        if self.may_wait():
            self.wait_in_line(self.asked(statement, values)._replace(ahead=ahead))
        else:
            ahead.found = self.run(statement, values).rows
        return ahead

    def may_wait(self) -> bool:
        """Answer whether a transaction is open that knows the scope of the running code."""
        status = self.pgconn.transaction_status
        return status == pq.TransactionStatus.INTRANS and self.told.news(status) is None

    def wait_in_line(self, asked: Asked) -> None:
        """Put a statement in the line, which goes out where it is full."""
        self.waiting.append(asked)
        if len(self.waiting) >= WAIT_AT_MOST:
            self.flush()

    def flush(self) -> None:
        """Send what waits, in the scope in which it was asked."""
        if waiting := self.taken():
            self.in_one(waiting)

    def drop(self) -> None:
        """Forget what waits: the transaction, or the savepoint since which it came, is undone."""
        self.waiting.clear()

    def taken(self) -> list[Asked]:
        """Return what waits; it waits no more."""
        waiting, self.waiting = self.waiting, []
        return waiting

    def asked(self, statement: str, values: Any) -> Asked:
        """Return a statement ready to be sent, its values as they are now."""
        text, names = numbered(statement)
        given = [values[name] for name in names] if names else values
        sent = self.transformer.dump_sequence(given, [PyFormat.AUTO] * len(given))
        types, formats = self.transformer.types or (), self.transformer.formats or ()
        return Asked(self.name_of(statement, text, types), sent, formats)

    def name_of(self, statement: str, text: bytes, types: tuple[int, ...] = ()) -> bytes:
        """Return the name under which the server keeps a statement; prepare a new one."""
        key = (statement, types)
        name = self.names.get(key)
        if name is None:
            name = f"kept_{len(self.names)}".encode()
            self.check(self.pgconn.prepare(name, text, types))
            self.names[key] = name
        return name

    def exchange(self, last: Asked) -> pq.abc.PGresult:
        """Run a statement with all that has to come before it, in one journey to the server.

        That is the BEGIN that Django has asked for, what waits, and the scope of the running code.
        """
        status = self.pgconn.transaction_status
        news = self.told.news(status)
        if news is not None:
            self.flush()
        before = self.taken()
        if status == pq.TransactionStatus.IDLE and not self.connection.autocommit:
            before.append(self.utility(BEGIN))
        if news is None:
            return self.in_one([*before, last]) if before else self.alone(last)
        tell = self.name_of(IN_ONE, numbered(IN_ONE)[0], (TEXT_TYPE, TEXT_TYPE))
        before.append(Asked(tell, [value.encode() for value in values_of(news)]))
        self.told.scope = None
        result = self.in_one([*before, last])
        self.told.scope = news
        return result

    def utility(self, command: str) -> Asked:
        """Return BEGIN or COMMIT, ready to be sent."""
        return Asked(self.name_of(command, command.encode()))

    def commit(self) -> None:
        """Commit what is open, if anything is, with all that waits.

        A transaction in which a statement has failed cannot be: whoever passed over that
        failure hears of it here, not of a success that was none.
        """
        if self.pgconn.transaction_status == pq.TransactionStatus.IDLE:
            return
        commit = self.utility(COMMIT)
        before = self.taken()
        result = self.in_one([*before, commit]) if before else self.alone(commit)
        if result.command_status == b"ROLLBACK":
            raise psycopg.errors.InFailedSqlTransaction("COMMIT of a transaction that has failed")

    def alone(self, asked: Asked) -> pq.abc.PGresult:
        """Run one statement, nothing before it."""
        return self.check(self.pgconn.exec_prepared(asked.name, asked.values, asked.formats))

    def in_one(self, statements: Sequence[Asked]) -> pq.abc.PGresult:
        """Run statements in one pipeline and return what the last one answers.

        Raises the error of the first that fails; PostgreSQL passes over those behind it.
        """
        try:
            self.pgconn.enter_pipeline_mode()
            for asked in statements:
                self.pgconn.send_query_prepared(asked.name, asked.values, asked.formats)
            self.pgconn.pipeline_sync()
            results = self.answers()
            self.pgconn.exit_pipeline_mode()
        except BaseException:
            self.connection.close()  # nobody knows what is still on the line
            raise
        for asked, result in zip(statements, results, strict=False):
            self.check(result)
            if asked.ahead is not None:
                asked.ahead.found = self.rows_of(result)
        return results[-1]

    def answers(self) -> list[pq.abc.PGresult]:
        """Return what the server says to all that was sent; raise if it is gone."""
        found: list[pq.abc.PGresult] = []
        while True:
            self.wait()
            result = self.pgconn.get_result()
            if self.pgconn.status == pq.ConnStatus.BAD:
                raise psycopg.OperationalError(self.pgconn.get_error_message())
            if result is None:
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                return found
            found.append(result)

    def wait(self) -> None:
        """Wait for the next answer. libpq would as well, but let no other thread run meanwhile."""
        while self.pgconn.is_busy():
            unsent = select.POLLOUT if self.pgconn.flush() else 0
            socket = select.poll()
            socket.register(self.pgconn.socket, select.POLLIN | unsent)
            socket.poll()
            self.pgconn.consume_input()

    def check(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        """Return a result that is one; raise what psycopg raises for any other."""
        if result.status in DONE:
            return result
        if self.pgconn.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError(result.get_error_message())
        raise psycopg.errors.error_from_result(result)


@cache
def numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the text with `$1`, `$2` … for its values, and their names if they have any."""
    names: list[str] = []
    count = 0

    def number(found: re.Match[str]) -> str:
        nonlocal count
        if found[0] == "%%":
            return "%"
        if found[1] is None:
            count += 1
            return f"${count}"
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    return PLACEHOLDER.sub(number, statement).encode(), tuple(names)
