"""Tells the server the scope together with the next statement: no round trip of its own.

What one connection was told last is kept beside it. After a failure or a rollback nobody knows
what the server still holds, and it is told again.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import psycopg
from django.db.backends.postgresql import base
from psycopg import sql
from psycopg.pq import TransactionStatus

from apps.database import scope
from apps.database.roles import APP_ROLE, RETENTION_ROLE, SETTING, SWEEP_ROLE

if TYPE_CHECKING:  # the stubs know psycopg 2's cursor only
    Cursor = psycopg.Cursor[Any]
else:
    Cursor = base.Cursor

ROLES: Final = {
    scope.EVERY: SWEEP_ROLE, scope.RETENTION: RETENTION_ROLE, scope.OWNER: "none",
}  # fmt: skip
STATEMENTS: Final = 2  # in `Told.in_words`
# The same in one, with its two values, for where a text may hold only one statement.
IN_ONE: Final = f"SELECT set_config('role', %s, false), set_config('{SETTING}', %s, false)"


class Told:
    """What the server of one connection was told last; None while nobody knows."""

    scope: str | None = scope.OWNER  # a new connection has no role but its login

    @staticmethod
    def send_waiting() -> None:
        """Send the writes that wait for the next statement; set by who keeps them."""

    def news(self, transaction: int) -> str | None:
        """Return the scope of the running code if the server has to be told it.

        In a transaction that has failed nothing can be told, and nothing is read.
        """
        wanted = scope.current()
        failed = transaction == TransactionStatus.INERROR
        return None if wanted == self.scope or failed else wanted


def values_of(wanted: str) -> tuple[str, str]:
    """Return role and clinic of a scope."""
    role = ROLES.get(wanted, APP_ROLE)
    return role, wanted if role == APP_ROLE else ""


def in_words(wanted: str) -> str:
    """Return the statements that tell a scope; no query, so `SET TRANSACTION` may follow.

    A scope is one of the constants or the id of a clinic: it holds no quotation mark.
    """
    role, clinic = values_of(wanted)
    return f"SET ROLE {role}; SET {SETTING} = '{clinic}'; "


class TellingCursor(Cursor):
    """Django's cursor, whose statements run in the scope of the code that asks."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run the statement, behind the news if there are any."""
        told: Told = self.connection.told  # type: ignore[attr-defined]
        told.send_waiting()
        news = told.news(self.connection.pgconn.transaction_status)
        if news == scope.OWNER:  # whose statements may have to stand alone: CREATE DATABASE
            tell_now(self.connection)
            news = None
        if news is None:
            return super().execute(query, params, **options)
        first = in_words(news)
        told.scope = None
        super().execute(
            first + query if isinstance(query, str) else sql.SQL(first) + query, params, **options
        )
        told.scope = news
        for _ in range(STATEMENTS):
            self.nextset()  # from what they answer to what the statement answers
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> Any:
        """Tell the news first: the statement is run many times."""
        tell_now(self.connection)
        return super().executemany(query, params_seq, **options)

    def copy(self, *args: Any, **options: Any) -> Any:
        """Tell the news first: nothing may stand before a COPY."""
        tell_now(self.connection)
        return super().copy(*args, **options)


def tell_now(connection: Any) -> None:
    """Tell the server the news with a statement of their own."""
    told: Told = connection.told
    told.send_waiting()
    news = told.news(connection.pgconn.transaction_status)
    if news is not None:
        told.scope = None
        psycopg.ClientCursor(connection).execute(in_words(news))
        told.scope = news
