"""Make the database and the static files ready: one Django process, before any other starts.

What it prints is meant for the person at the terminal; it ends with `UNFIT` after a sentence.
"""

import hashlib
import sys
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from config.embedded.errors import UNFIT, StartError

FINGERPRINT = ".fingerprint"


def main() -> int:
    """Prepare everything; safe to run again at every start."""
    django.setup()
    try:
        refuse_newer_database()
    except StartError as error:
        print(error, flush=True)
        return UNFIT
    migrate()
    call_command("createcachetable", verbosity=0)
    collect_static()
    load_demo()
    return 0


def refuse_newer_database() -> None:
    """Stop if a later version of Glidepath changed this database: we would write nonsense."""
    loader = MigrationLoader(connection)
    for app in {app for app, _ in loader.applied_migrations}:
        known = sorted(name for label, name in loader.disk_migrations or {} if label == app)
        applied = sorted(name for label, name in loader.applied_migrations if label == app)
        if known and applied[-1] > known[-1]:
            raise StartError(
                f"The database was made by a newer Glidepath ({app} {applied[-1]}): update this "
                "checkout, or choose another data folder with GLIDEPATH_DATA."
            )


def migrate() -> None:
    """Bring the tables up to date and say how much that was."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        call_command("migrate", verbosity=0, interactive=False)
    # A data migration may leave triggers waiting for the end of a session.
    connection.close()
    say("tables", f"{len(missing)} changes made" if missing else "up to date")


def collect_static() -> None:
    """Collect and compress the static files when any of them changed since the last time."""
    mark = Path(settings.STATIC_ROOT) / FINGERPRINT
    wanted = _static_fingerprint()
    if mark.exists() and mark.read_text() == wanted:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    mark.write_text(wanted)
    say("pages", "style and scripts collected")


def _static_fingerprint() -> str:
    found = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            state = Path(storage.path(path)).stat()
            found.update(f"{path}:{state.st_size}:{state.st_mtime_ns}\n".encode())
    return found.hexdigest()


def load_demo() -> None:
    """Load the fictional clinics once; a database that has a clinic is left alone."""
    if apps.get_model("patients", "Clinic").objects.exists():
        return
    say("demo", "making up two clinics and their patients, once …")
    call_command("load_demo", stdout=sys.stdout)


def say(part: str, text: str) -> None:
    """Print one line in the supervisor's columns."""
    print(f"  {part:<12} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
