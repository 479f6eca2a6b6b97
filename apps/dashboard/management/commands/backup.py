"""`manage.py backup FILE`: write an encrypted, consistent backup of the database."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from apps.dashboard.archive import ArchiveError
from apps.dashboard.backups import back_up
from apps.database.owners import check_owner, take_time
from apps.database.scope import as_owner
from apps.database.working_command import WorkingCommand


class Command(WorkingCommand):
    """Write the file, or say why not."""

    by_the_owner = True
    help = "Write an encrypted backup. BACKUP_PASSPHRASE holds the pass phrase."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file's name."""
        parser.add_argument("file", type=Path)

    @as_owner()
    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was written and how long it took."""
        check_owner()
        take_time()
        began = time.monotonic()
        try:
            manifest = back_up(options["file"], now=timezone.now())
        except (ArchiveError, OSError) as error:
            raise CommandError(str(error)) from error
        rows, seconds = sum(manifest["rows"].values()), time.monotonic() - began
        self.stdout.write(
            f"{options['file']}: {rows} rows, {manifest['bytes']} bytes, {seconds:.1f} s"
        )
