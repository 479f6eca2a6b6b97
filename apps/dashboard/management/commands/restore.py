"""`manage.py restore FILE`: fill an empty database from a backup and prove that it is whole."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.dashboard.archive import ArchiveError
from apps.dashboard.backups import raise_open_alerts, restore


class Command(BaseCommand):
    """Restore, verify, and raise the alerts that are open."""

    help = "Restore a backup into the empty database of DATABASE_URL and verify it."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file's name."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--quiet-alerts", action="store_true", help="a drill: raise nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what came back and how long it took."""
        began = time.monotonic()
        try:
            manifest = restore(options["file"])
        except (ArchiveError, OSError) as error:
            raise CommandError(str(error)) from error
        raised = 0
        if not options["quiet_alerts"]:
            raised = raise_open_alerts(backup_id=UUID(manifest["id"]), now=timezone.now())
        rows, seconds = sum(manifest["rows"].values()), time.monotonic() - began
        self.stdout.write(
            f"restored the backup of {manifest['made_at']}: {rows} rows, every table and the audit "
            f"record verified, {seconds:.1f} s; {raised} open alerts raised again"
        )
