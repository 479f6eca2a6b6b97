"""The mark on a database into which a restore has begun and not come to its end.

What was loaded lacks all that a restore does after the load: who was removed is there, what was
ended works. No role may read a row of it, but `migrate` would give the rights. So the mark is put
before the load, goes with the last transaction of the restore, and nothing starts while it stands.
"""

from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.database.scope import as_owner

MARK: Final = "restore_unfinished"
# From the catalogue: no right to the table is needed to see that it is there.
ASK: Final = (
    "SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
    "WHERE nspname = 'public' AND relname = %s)"
)
SENTENCE: Final = (
    "A restore into this database was stopped in the middle: people who were removed may be in it, "
    "and ways in that were ended may work. Drop this database, make it anew and empty, and run "
    "manage.py restore again to its end (docs/operations.md)."
)


@as_owner()
def mark_unfinished(connection: BaseDatabaseWrapper) -> None:
    """Put the mark, at once and before anything is loaded. Safe to repeat."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS public.{MARK} (begun_at timestamptz)")


@as_owner()
def take_mark_off(connection: BaseDatabaseWrapper) -> None:
    """Let the database be used: within the transaction that ends the restore. Safe to repeat."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS public.{MARK}")


@as_owner()
def is_unfinished(connection: BaseDatabaseWrapper) -> bool:
    """Answer whether the mark stands."""
    with connection.cursor() as cursor:
        cursor.execute(ASK, [MARK])
        return bool(cursor.fetchone()[0])


def refuse_unfinished(connection: BaseDatabaseWrapper) -> None:
    """Raise `ImproperlyConfigured`, with what to do, if the mark stands."""
    if is_unfinished(connection):
        raise ImproperlyConfigured(SENTENCE)
