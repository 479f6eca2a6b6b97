"""Statements that one connection has prepared: their values go to the server, nothing else does.

Straight to libpq, as psycopg does it below its cursors, with psycopg's own types and errors: a
cursor costs several times what the server needs for a small statement (docs/adr/0033).
"""

import re
import select
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import pq
from psycopg.adapt import AdaptersMap, PyFormat, Transformer

from apps.database.postgresql.told import IN_ONE, Told, in_words, values_of

Row = tuple[Any, ...]
TEXT_TYPE: Final = 25
PLACEHOLDER: Final = re.compile(r"%(?:\((\w+)\)s|s|%)")
DONE: Final = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class Answer(NamedTuple):
    """What the server said to a statement."""

    rows: list[Row]
    changed: int  # rows, or found


class PreparedStatements:
    """Prepares each statement at its first use on a connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.pgconn = connection.pgconn
        self.told: Told = connection.told  # type: ignore[attr-defined]
        # Django's own loader of moments is slow and says the same: connections are in UTC.
        self.adapters = AdaptersMap(connection.adapters)
        oid = self.adapters.types["timestamptz"].oid
        loader = psycopg.adapters.get_loader(oid, pq.Format.TEXT)
        if loader:
            self.adapters.register_loader("timestamptz", loader)
        self.transformer = Transformer(self)
        self.names: dict[tuple[str, tuple[int, ...]], bytes] = {}

    def run(self, statement: str, values: Any) -> Answer:
        """Run a statement with `%s` or `%(name)s` in it; part of the transaction if one is open."""
        text, names = numbered(statement)
        given = [values[name] for name in names] if names else values
        sent = self.transformer.dump_sequence(given, [PyFormat.AUTO] * len(given))
        types, formats = self.transformer.types or (), self.transformer.formats or ()
        self.begin()
        result = self.check(self.exec_told(self.name_of(statement, text, types), sent, formats))
        self.transformer.set_pgresult(result)
        rows = self.transformer.load_rows(0, result.ntuples, tuple) if result.nfields else []
        return Answer(rows, result.command_tuples or 0)

    def name_of(self, statement: str, text: bytes, types: tuple[int, ...]) -> bytes:
        """Return the name under which the server keeps a statement; prepare a new one."""
        key = (statement, types)
        name = self.names.get(key)
        if name is None:
            name = f"kept_{len(self.names)}".encode()
            self.check(self.pgconn.prepare(name, text, types))
            self.names[key] = name
        return name

    def begin(self) -> None:
        """Open the transaction that Django has asked for, as a cursor does before its first use.

        The server is told the scope in the same breath.
        """
        idle = self.pgconn.transaction_status == pq.TransactionStatus.IDLE
        if not idle or self.connection.autocommit:
            return
        news = self.told.news(self.pgconn.transaction_status)
        if news is None:
            self.check(self.pgconn.exec_(b"BEGIN"))
            return
        self.told.scope = None
        self.check(self.pgconn.exec_(f"BEGIN; {in_words(news)}".encode()))
        self.told.scope = news

    def commit(self) -> None:
        """Commit what is open, if anything is."""
        if self.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            self.check(self.pgconn.exec_(b"COMMIT"))

    def exec_told(
        self, name: bytes, sent: Sequence[Any], formats: Sequence[pq.Format]
    ) -> pq.abc.PGresult:
        """Run a prepared statement; the server is told the scope in the same breath."""
        news = self.told.news(self.pgconn.transaction_status)
        if news is None:
            return self.pgconn.exec_prepared(name, sent, formats)
        tell = self.name_of(IN_ONE, numbered(IN_ONE)[0], (TEXT_TYPE, TEXT_TYPE))
        self.told.scope = None
        self.pgconn.enter_pipeline_mode()
        self.pgconn.send_query_prepared(tell, [value.encode() for value in values_of(news)])
        self.pgconn.send_query_prepared(name, sent, formats)
        self.pgconn.pipeline_sync()
        first, *rest = self.answers()
        self.pgconn.exit_pipeline_mode()
        self.check(first)
        if rest[0].status in DONE:
            self.told.scope = news
        return rest[0]

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
