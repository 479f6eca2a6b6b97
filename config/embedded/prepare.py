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
from django.db.migrations.recorder import MigrationRecorder

from apps.database.policies import raise_the_wall
from apps.database.scope import as_owner
from config.embedded.errors import UNFIT, StartError

FINGERPRINT = ".fingerprint"


def main() -> int:
    """Prepare everything; safe to run again at every start."""
    django.setup()
    try:
        with as_owner():
            refuse_foreign_database()
            migrate()
    except StartError as error:
        print(error, flush=True)
        return UNFIT
    call_command("createcachetable", verbosity=0)
    collect_static()
    load_demo()
    return 0


def refuse_foreign_database() -> None:
    """Stop if these tables are not a past state of ours: we would write nonsense.

    Either a later version made them, or one from before the first release that was not
    brought to its last state (ADR 40).
    """
    # Not the loader of this database: it cannot be made for half of what a migration replaces.
    ours = MigrationLoader(None).disk_migrations
    applied = set(MigrationRecorder(connection).applied_migrations())
    for (app, _), migration in ours.items():
        past = applied & set(migration.replaces)
        if past and past != set(migration.replaces):
            raise StartError(
                f"The database is from before the first release ({app} {max(past)[1]}): see "
                "docs/running.md, or choose another data folder with GLIDEPATH_DATA."
            )
    known = {*ours, *(past for migration in ours.values() for past in migration.replaces)}
    for app, name in sorted(applied - known):
        if app in {label for label, _ in ours}:
            raise StartError(
                f"The database was made by a newer Glidepath ({app} {name}): update this "
                "checkout, or choose another data folder with GLIDEPATH_DATA."
            )


def migrate() -> None:
    """Bring the tables up to date and say how much that was."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        call_command("migrate", verbosity=0, interactive=False)
    else:
        raise_the_wall(connection)
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
