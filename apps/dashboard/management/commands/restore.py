"""`manage.py restore FILE`: fill an empty database from a backup and prove that it is whole."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as MigrateTables
from django.db import connection, transaction
from django.utils import timezone

from apps.dashboard.archive import ArchiveError
from apps.dashboard.backups import end_access, raise_open_alerts, restore
from apps.database.owners import take_time
from apps.database.policies import raise_the_wall
from apps.database.scope import as_owner
from apps.database.unfinished import take_mark_off
from apps.database.working_command import WorkingCommand
from apps.retention.erased_list import Erased, lines_in
from apps.retention.erasing import erase_again


class Command(WorkingCommand):
    """Restore, verify, and raise the alerts that are open."""

    by_the_owner = True
    help = "Restore a backup into the empty database of DATABASE_URL and verify it."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file's name."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--quiet-alerts", action="store_true", help="tell nobody of open alerts: a drill"
        )
        parser.add_argument(
            "--erased", type=Path, help="the list of removed records (ERASURE_LIST)"
        )
        parser.add_argument(
            "--nobody-was-erased", action="store_true",
            help="there is no such list: no record was ever removed here",
        )  # fmt: skip

        parser.add_argument(
            "--end-links", action="store_true",
            help="end the links of check-ins, too: a phone was lost after the backup",
        )  # fmt: skip

    @as_owner()
    def handle(self, *args: Any, **options: Any) -> None:
        """Print what came back and how long it took."""
        take_time()
        began = time.monotonic()
        try:
            erased = self.erased(options)
            manifest = restore(options["file"])
        except (ArchiveError, OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        # An older backup gets today's tables. It holds no rights of roles, so no process can read
        # a row of it, a session or a secret, until all of this is done; and the mark that goes
        # last keeps everything from starting if it never is.
        call_command(MigrateTables(), verbosity=0, interactive=False)
        with transaction.atomic():
            raise_the_wall(connection)
            self.remove_again(erased)
            self.end_what_lives(manifest, links=options["end_links"])
            raised = 0 if options["quiet_alerts"] else self.raise_alerts(manifest)
            take_mark_off(connection)
        rows, seconds = sum(manifest["rows"].values()), time.monotonic() - began
        self.stdout.write(
            f"restored the backup of {manifest['made_at']}: {rows} rows, every table and the audit "
            f"record verified, {seconds:.1f} s; {raised} open alerts raised again"
        )

    def raise_alerts(self, manifest: dict[str, Any]) -> int:
        """Have the open alerts told once more; return how many."""
        return raise_open_alerts(backup_id=UUID(manifest["id"]), now=timezone.now())

    def erased(self, options: dict[str, Any]) -> list[Erased]:
        """Return whom this restore must not bring back."""
        if options["nobody_was_erased"]:
            return []
        file = options["erased"] or (settings.ERASURE_LIST and Path(settings.ERASURE_LIST))
        if not file:
            raise ArchiveError(
                "Say whom this restore must not bring back: --erased LIST names the file that "
                "ERASURE_LIST named; --nobody-was-erased says that no record was ever removed."
            )
        try:
            return lines_in(file.read_text().splitlines())
        except FileNotFoundError as error:
            raise ArchiveError(
                f"There is no list of removed records at {file}: it begins with the first removal. "
                "If none was ever removed, say --nobody-was-erased; else bring the list back."
            ) from error

    def end_what_lives(self, manifest: dict[str, Any], *, links: bool) -> None:
        """End ways in that may have been ended after the backup; say what nobody can know."""
        ended = end_access(backup_id=UUID(manifest["id"]), now=timezone.now(), links=links)
        counted = ", ".join(f"{count} {name}" for name, count in ended.items())
        self.stdout.write(f"ended: {counted}")
        self.stdout.write(
            f"Changed after {manifest['made_at']} and not known here: who left or got "
            "another role, passwords and second factors, withdrawn consents, addresses. Go "
            "through them with each clinic: docs/operations.md."
        )

    def remove_again(self, erased: list[Erased]) -> None:
        """Remove again who was removed after the backup, before anybody can look."""
        if not erased:
            return
        for sentence in erase_again(erased, timezone.now()):
            self.stderr.write(sentence)
        self.stdout.write(f"{len(erased)} records of the list are not here any more, or are named.")
