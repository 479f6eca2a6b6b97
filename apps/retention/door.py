"""The one door through which rows of a record leave: a role of PostgreSQL that may delete them.

Triggers refuse everybody else (apps/database/kept_rows.py). The role reads and deletes the tables
of a record and can do nothing else: it changes no row and cannot touch the audit record.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import ProgrammingError, connection, transaction

from apps.database.roles import RETENTION_ROLE
from apps.database.scope import as_retention
from apps.retention.closure import record_tables

# Other processes may do the same at this moment, and roles are the whole server's.
MAKE_ROLE: Final = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{RETENTION_ROLE}') THEN
        CREATE ROLE {RETENTION_ROLE} NOLOGIN;
    END IF;
    IF NOT pg_has_role(session_user, '{RETENTION_ROLE}', 'MEMBER') THEN
        EXECUTE 'GRANT {RETENTION_ROLE} TO ' || quote_ident(session_user);
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END $$
"""
MISSING: Final = f"""
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relname = ANY (%s)
    AND NOT has_table_privilege('{RETENTION_ROLE}', oid, 'DELETE')
"""  # noqa: S608 - our own constant
HOW_TO: Final = (
    f"This database login may not take the role {RETENTION_ROLE}, so nothing was removed. Let a "
    f"superuser run: CREATE ROLE {RETENTION_ROLE} NOLOGIN; GRANT {RETENTION_ROLE} TO <login>; "
    "and then: manage.py migrate."
)


class DoorClosedError(RuntimeError):
    """The role does not exist or may not be taken; the text is for the operator."""


def after_migration(**kwargs: Any) -> None:
    """Make the role, where this login may, and let it delete every table of a record."""
    names = [model._meta.db_table for model in record_tables()]
    with connection.cursor() as cursor:
        cursor.execute(MAKE_ROLE)
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [RETENTION_ROLE])
        if not cursor.fetchone()[0]:
            return  # the job says what to do; everything else works without it
        cursor.execute(MISSING, [names])
        tables = ", ".join(name for (name,) in cursor.fetchall())
        if tables:
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {RETENTION_ROLE}")
            cursor.execute(f"GRANT SELECT, DELETE ON {tables} TO {RETENTION_ROLE}")


@contextmanager
def open_door() -> Iterator[None]:
    """Act as the retention role inside the caller's transaction, and after that as before.

    Raises `DoorClosedError` where this login may not.
    """
    try:
        with transaction.atomic(), as_retention(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except ProgrammingError as error:
        raise DoorClosedError(HOW_TO) from error
    with as_retention():
        yield
