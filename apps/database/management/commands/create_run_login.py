"""`manage.py create_run_login`: the login by which every process works, made by the owner."""

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, connection, transaction
from psycopg import sql
from psycopg.pq.abc import PGconn

from apps.database.owners import check_owner
from apps.database.policies import create_roles
from apps.database.roles import APP_ROLE, RETENTION_ROLE, RUN_LOGIN, SWEEP_ROLE
from apps.database.scope import as_owner

SHORTEST: Final = 20
MAKE: Final = sql.SQL("CREATE ROLE {login} LOGIN NOINHERIT")
# A login that had more rights than these loses none here: it is refused when a process starts.
SET_RIGHT: Final = sql.SQL("GRANT {roles} TO {login}; ALTER ROLE {login} PASSWORD {sealed}")


class Command(BaseCommand):
    """Make the login, or give the one there is another password."""

    help = (
        "Make the login of web, worker, beat and dispatcher, or give it a new password. "
        "Asks for the password, or reads one line of input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the name, for a server with more than one installation."""
        parser.add_argument("--name", default=RUN_LOGIN)

    @as_owner()
    def handle(self, *args: Any, **options: Any) -> None:
        """Make it and say what to do with it."""
        check_owner()
        typed = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline()
        password = typed.rstrip("\n")
        if len(password) < SHORTEST:
            raise CommandError(f"The password must have {SHORTEST} characters or more.")
        create_roles(connection)
        try:
            set_up_login(options["name"], password)
        except ProgrammingError as error:
            raise CommandError(
                "The owner may not make a login: let an administrator of the server make it as "
                "docs/operations.md says."
            ) from error
        self.stdout.write(f"{options['name']} is ready: name it in the processes' DATABASE_URL.")


@transaction.atomic
def set_up_login(name: str, password: str) -> None:
    """Make a login where there is none, let it take the roles, and set its password.

    The server and its log get the password hashed, as `psql`'s `\\password` does it.
    """
    login = sql.Identifier(name)
    connection.ensure_connection()
    pgconn: PGconn = connection.connection.pgconn
    hashed = pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    roles = sql.SQL(", ").join(map(sql.Identifier, (APP_ROLE, SWEEP_ROLE, RETENTION_ROLE)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [name])
        if not cursor.rowcount:
            cursor.execute(MAKE.format(login=login))
        cursor.execute(SET_RIGHT.format(roles=roles, login=login, sealed=sql.Literal(hashed)))
