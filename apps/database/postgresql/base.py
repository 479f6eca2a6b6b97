"""Django's PostgreSQL with kept statements, a cheaper look at whether it is there, and a scope.

Each statement runs in the scope of the code that asks (`told.py`).
"""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from time import monotonic
from typing import Any, Final

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction
from psycopg.pq import TransactionStatus

from apps.database.postgresql.creation import DatabaseCreation
from apps.database.postgresql.told import TellingCursor, Told, tell_now
from apps.database.prepared import PreparedStatements
from apps.database.scope import as_owner

ASK_AGAIN_SECONDS: Final = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection with the statements that the server keeps for it.

    The stubs leave out what Django calls to commit and roll back.
    """

    creation_class = DatabaseCreation
    connection: Any
    health_check_done: bool
    asked_at = 0.0

    def get_connection_params(self) -> dict[str, Any]:
        """Return Django's, with our cursors."""
        return {**super().get_connection_params(), "cursor_factory": TellingCursor}

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Return a connection that knows no statement yet."""
        self.__dict__.pop("prepared", None)
        self.asked_at = 0.0
        new: psycopg.Connection[Any] = super().get_new_connection(conn_params)
        new.told = Told()  # type: ignore[attr-defined]
        return new

    @as_owner()
    def connect(self) -> None:
        """Connect as the login itself; the first statement takes its role."""
        super().connect()

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor; one that stays in the server is declared in the right scope."""
        if name:
            tell_now(self.connection)
        return super().create_cursor(name)

    def _commit(self) -> None:
        if self.connection is None:
            return
        with (
            self.forgetting(unless_committed=True),
            debug_transaction(self, "COMMIT"),
            self.wrap_database_errors,
        ):
            self.prepared.commit()

    def _rollback(self) -> None:
        self.drop_waiting()
        with self.forgetting():
            super()._rollback()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        self.drop_waiting()  # all of it is younger: the savepoint itself sent what was before
        with self.forgetting():  # after it: the statement that rolls back tells the scope, too
            super()._savepoint_rollback(sid)  # type: ignore[misc]

    def drop_waiting(self) -> None:
        """Forget the writes that wait: what they belong to is undone."""
        if "prepared" in self.__dict__:
            self.prepared.drop()

    @contextmanager
    def forgetting(self, *, unless_committed: bool = False) -> Iterator[None]:
        """Have the scope told anew after the block: PostgreSQL takes back what it had been told.

        It does so as well where it answers the COMMIT of a transaction in which a statement
        has failed, and where it refuses one that it finds impossible at the end.
        """
        committed = unless_committed and not self.has_failed()
        try:
            yield
        except BaseException:
            committed = False
            raise
        finally:
            if self.connection is not None and not committed:
                self.connection.told.scope = None

    def has_failed(self) -> bool:
        """Answer whether a statement of the present transaction has failed."""
        if self.connection is None:
            return False
        failed: bool = self.connection.pgconn.transaction_status == TransactionStatus.INERROR
        return failed

    @cached_property
    def prepared(self) -> PreparedStatements:
        """What is kept in the server for this connection."""
        return PreparedStatements(self.connection)

    def is_usable(self) -> bool:
        """Answer whether the server is there.

        It says good-bye on the connection's socket when it stops or is killed, so a socket that
        is silent is enough for a moment; otherwise, and after that, the server is asked.
        """
        if self.connection is None:
            return False
        if monotonic() - self.asked_at < ASK_AGAIN_SECONDS and is_silent(self.connection):
            return True
        usable = bool(super().is_usable())
        self.asked_at = monotonic() if usable else 0.0
        return usable


def is_silent(connection: psycopg.Connection[Any]) -> bool:
    """Answer whether a connection is open, in no transaction, and the server has said nothing.

    Inside a transaction only the server knows: it takes no statement after one that failed.
    """
    if connection.closed or connection.pgconn.transaction_status != TransactionStatus.IDLE:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
