"""`manage.py restore_drill`: prove, with a clock, that a backup of this moment comes back."""

import os
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from apps.dashboard.archive import ArchiveError
from apps.dashboard.backups import back_up, libpq_environment, tool
from apps.database.owners import check_owner, take_time
from apps.database.scope import as_owner
from apps.database.working_command import WorkingCommand


class Command(WorkingCommand):
    """Back up, restore into a database of its own, verify, and throw that away."""

    by_the_owner = True
    help = "Back up, restore into a scratch database on the same server, verify, remove it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take a backup that exists already, if one is given."""
        parser.add_argument("file", type=Path, nargs="?")

    @as_owner()
    def handle(self, *args: Any, **options: Any) -> None:
        """Print the times; exit 1 with a sentence if anything is missing."""
        check_owner()
        take_time()
        with tempfile.TemporaryDirectory(prefix="glidepath-drill-") as folder:
            began, file = time.monotonic(), options["file"]
            try:
                if file is None:
                    file = Path(folder) / "backup"
                    back_up(file, now=timezone.now())
            except (ArchiveError, OSError) as error:
                raise CommandError(str(error)) from error
            backed_up = time.monotonic()
            with scratch_database() as url:
                said = self.restore_into(url, file)
            done = time.monotonic()
        self.stdout.write(
            f"drill passed: backup {backed_up - began:.1f} s, restore and verification "
            f"{done - backed_up:.1f} s; {said}"
        )

    def restore_into(self, url: str, file: Path) -> str:
        """Run the restore command in a process of its own on the scratch database."""
        # The list begins with the first removal: without one nobody was removed here.
        has_list = bool(settings.ERASURE_LIST) and Path(settings.ERASURE_LIST).exists()
        erased = [] if has_list else ["--nobody-was-erased"]
        command = ["restore", "--quiet-alerts", *erased, os.fspath(file.absolute())]
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            env={**os.environ, "DATABASE_URL": url}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()
            raise CommandError(f"The drill failed: {last[-1] if last else 'no word'}")
        return done.stdout.strip()


@contextmanager
def scratch_database() -> Iterator[str]:
    """Make an empty database beside this one; it is gone afterwards, whatever happened."""
    name, place = f"glidepath_drill_{uuid4().hex[:12]}", libpq_environment()
    subprocess.run([tool("createdb"), "--template=template0", name], env=place, check=True)
    try:
        yield url_of(name)
    finally:
        subprocess.run([tool("dropdb"), "--force", name], env=place, check=True)


def url_of(name: str) -> str:
    """Return the address of another database of the same server."""
    place, where = connection.settings_dict, libpq_environment()
    login = quote(place["USER"], safe="")
    if place["PASSWORD"]:
        login += f":{quote(place['PASSWORD'], safe='')}"
    query = {"host": where.get("PGHOST", ""), "port": where.get("PGPORT", "")}
    given = urlencode({key: value for key, value in query.items() if value}, quote_via=quote)
    return f"postgres://{login}@/{name}?{given}"
