"""Commands that work on the tables themselves, and so as their owner."""

from functools import partial
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections

from apps.database.giving_way import until_free
from apps.database.policies import raise_the_wall
from apps.database.scope import as_owner
from apps.database.unfinished import refuse_unfinished

OWNS: Final = """
SELECT pg_has_role(session_user, relowner, 'member') FROM pg_class
WHERE oid = to_regclass('django_migrations')
"""


def check_finished() -> None:
    """Raise `CommandError` with a sentence where a restore was stopped in the middle."""
    try:
        refuse_unfinished(connection)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error


def check_owner() -> None:
    """Raise `CommandError` with a sentence where the login does not own the tables there are."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(OWNS)
        if cursor.fetchone() == (False,):
            raise CommandError(
                "This needs the login that owns the tables: give it in DATABASE_URL for this "
                "command alone (docs/operations.md)."
            )


def take_time() -> None:
    """Let this command's session be idle, wait and compute as long as it must.

    A backup holds its snapshot while `pg_dump` reads; a migration may count for an hour.
    """
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0")


class OwnersCommand(BaseCommand):
    """Put before Django's command: it runs as the owner, and the wall stands after it."""

    got_on_at = 0.0  # the monotonic second at which a part was done that is not done again

    @as_owner()
    def execute(self, *args: Any, **options: Any) -> Any:
        """Check the models as the owner, too: on a new server there is no other role yet."""
        return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do as Django does; what changes nothing leaves the wall as it is.

        While somebody is in the way it is begun again: what was done is not done twice.
        """
        check_owner()
        check_finished()
        take_time()
        until_free(partial(super().handle, *args, **options), lambda: self.got_on_at)
        if not any(options.get(name) for name in ("plan", "check_unapplied", "dry_run")):
            raise_the_wall(connections[options["database"]])
