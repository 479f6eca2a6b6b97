"""`migrate`, run by the owner of the tables, who then brings the wall up to date."""

import time
from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from apps.database.giving_way import GIVES_UP
from apps.database.owners import OwnersCommand


class Command(OwnersCommand, migrate.Command):
    """Django's command, and after it a policy and the rights of every table."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Leave the session as it was found: a test or `make run` goes on with it."""
        self.connection = connections[options["database"]]
        try:
            super().handle(*args, **options)
        finally:
            if self.connection.is_usable():
                self.wait_for_locks("DEFAULT")

    def migration_progress_callback(
        self, action: str, migration: Any = None, fake: bool = False
    ) -> None:
        """Before each migration say how long it may wait for a table, and make others wait.

        One without a transaction builds beside the writers, whom it does not stop, and waits for
        them as long as it must: broken off, it would leave half an index.
        """
        if action in {"apply_start", "unapply_start"}:
            self.wait_for_locks(f"'{GIVES_UP}'" if migration.atomic else "0")
        elif action in {"apply_success", "unapply_success"}:
            self.got_on_at = time.monotonic()
        super().migration_progress_callback(action, migration, fake)

    def wait_for_locks(self, seconds: str) -> None:
        """Set how long this session waits for a lock."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {seconds}")
