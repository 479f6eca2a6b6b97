"""Backup and restore of the whole database, and what must happen to alerts after a restore.

`pg_dump` reads one snapshot; the counts and the heads of the audit chains in the manifest are of
the very same snapshot, so a restore can prove that it is whole. docs/adr/0020 says why so.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, cast
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction

from apps.alerts.escalation import log, wake_dispatcher
from apps.alerts.models import Alert
from apps.alerts.states import AlertStatus
from apps.audit.actions import record
from apps.audit.chain import Head, heads, problems
from apps.audit.models import AuditEvent
from apps.dashboard.archive import ArchiveError, read, write
from apps.database.policies import create_roles
from apps.database.restored import end_all
from apps.database.unfinished import (
    MARK,
    SENTENCE,
    is_unfinished,
    mark_unfinished,
    take_mark_off,
)
from apps.patients.models import Clinic
from config.embedded.postgres_files import find_binaries

RAISED: Final = "restore.alerts_raised"
ENDED: Final = "restore.access_ended"


def tool(name: str) -> str:
    """Return the path of a PostgreSQL program that is not older than the server.

    The one on PATH, else the built-in one. Raises `ArchiveError` where both are too old.
    """
    connection.ensure_connection()
    server: int = connection.pg_version // 10_000  # type: ignore[attr-defined]
    for path in (shutil.which(name), os.fspath(find_binaries() / name)):
        if path and major_of(path) >= server:
            return path
    raise ArchiveError(f"Install {name} of PostgreSQL {server} or newer: the server has {server}.")


def major_of(path: str) -> int:
    """Return the major version that a PostgreSQL program tells of itself."""
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)(?:\.\d+|devel|beta|rc)", said)
    return int(found[1]) if found else 0


def libpq_environment() -> dict[str, str]:
    """Return the variables with which PostgreSQL's programs find this very database."""
    place = connection.settings_dict
    wanted = {
        "PGHOST": place["HOST"] or place["OPTIONS"].get("host", ""),
        "PGPORT": str(place["PORT"] or place["OPTIONS"].get("port", "")),
        "PGUSER": place["USER"],
        "PGPASSWORD": place["PASSWORD"],
        "PGDATABASE": place["NAME"],
    }
    return {**os.environ, **{name: value for name, value in wanted.items() if value}}


def tables() -> list[str]:
    """Return the names of every table of the application."""
    return sorted(connection.introspection.table_names())


def counts() -> dict[str, int]:
    """Return how many rows each table has."""
    quote, found = connection.ops.quote_name, {}
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(f"SELECT count(*) FROM {quote(table)}")  # noqa: S608 - our own tables
            found[table] = cursor.fetchone()[0]
    return found


def back_up(file: Path, *, now: datetime) -> dict[str, Any]:
    """Write an encrypted backup; return its manifest with the size. Replaces no file.

    The file appears under its name when it is whole, and only its owner may read it.
    """
    if file.exists():
        raise ArchiveError(f"{file} exists already: choose another name.")
    if is_unfinished(connection):
        raise ArchiveError(SENTENCE)
    unfinished = file.with_name(f".{file.name}.unfinished")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
        manifest: dict[str, Any] = {
            "id": str(uuid4()),
            "made_at": now.isoformat(),
            "rows": counts(),
            "heads": [str(head) for head in heads()],
        }
        command = [tool("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
        command.append(f"--snapshot={snapshot}")
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            manifest["bytes"] = _dump_into(out, command, manifest)
            out.flush()
            os.fsync(out.fileno())
    unfinished.rename(file)
    return manifest


def _dump_into(out: Any, command: list[str], manifest: dict[str, Any]) -> int:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=libpq_environment()
    ) as dump:
        data, errors = cast(IO[bytes], dump.stdout), cast(IO[bytes], dump.stderr)
        written = write(out, settings.BACKUP_PASSPHRASE, manifest, data)
        said = errors.read().decode(errors="replace").strip()
    if dump.returncode != 0:
        raise ArchiveError(f"pg_dump could not read the database: {said.splitlines()[-1]}")
    return written


def restore(file: Path) -> dict[str, Any]:
    """Fill this empty database from a backup and prove that all of it is there.

    All or nothing: a damaged file leaves the database empty. What is loaded bears the mark of an
    unfinished restore, which the caller takes off with all that has to follow. Raises
    `ArchiveError` with a sentence for the operator.
    """
    if set(tables()) - {MARK}:
        was_stopped = is_unfinished(connection)
        raise ArchiveError(
            SENTENCE if was_stopped else "This database is not empty: restore into a new one."
        )
    with file.open("rb") as source:
        manifest, frames = read(source, settings.BACKUP_PASSPHRASE)
        create_roles(connection)  # of whom the policies in the file speak
        mark_unfinished(connection)
        try:
            _load(frames)
        except ArchiveError:
            take_mark_off(connection)  # nothing was loaded
            raise
    analyze()
    wrong = list(differences(manifest))
    if wrong:
        raise ArchiveError("The restored data is not what was backed up: " + " ".join(wrong))
    return manifest


def _load(frames: Iterator[bytes]) -> None:
    command = [tool("pg_restore"), "--single-transaction", "--exit-on-error", "--no-owner"]
    place = libpq_environment()
    with subprocess.Popen(
        [*command, "--no-privileges", f"--dbname={place['PGDATABASE']}"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=place,
    ) as load:  # fmt: skip
        into, errors = cast(IO[bytes], load.stdin), cast(IO[bytes], load.stderr)
        try:
            for frame in frames:
                into.write(frame)
            into.close()
        except ArchiveError:
            load.kill()  # before it has seen the end, so that nothing is committed
            raise
        except BrokenPipeError:
            pass  # it says below why it ended
        said = errors.read().decode(errors="replace").strip()
    if load.returncode != 0:
        raise ArchiveError(f"pg_restore stopped: {said.splitlines()[-1] if said else 'no word'}")


def analyze() -> None:
    """Let the planner know the tables at once, and not when autovacuum has come by.

    A backup holds no statistics, and without them the first check-ins read whole histories
    (docs/adr/0054). Needs the owner: anybody else's is passed over with a warning.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def differences(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence per table whose rows are not those of the backup, and per broken seal."""
    present = counts()
    for table, rows in manifest["rows"].items():
        if present.get(table) != rows:
            yield f"{table} has {present.get(table, 0)} rows and not {rows}."
    yield from problems(known=[Head.parse(head) for head in manifest["heads"]])


@transaction.atomic
def raise_open_alerts(*, backup_id: UUID, now: datetime) -> int:
    """Tell the next rung of every open alert, once per restore; return how many alerts.

    What was sent before the backup is not sent again. An alert with a message still to be sent
    needs no other; one that somebody has keeps its ack clock.
    """
    if AuditEvent.objects.filter(event=RAISED, object_id=backup_id).exists():
        return 0
    waiting = Alert.objects.select_for_update(no_key=True).filter(status=AlertStatus.OPEN)
    raised = 0
    for alert in waiting.exclude(deliveries__status__in=["pending", "sending"]):
        Alert.objects.filter(pk=alert.pk).update(next_rung_at=now, clock_set_at=now)
        log(alert, "Raised again after the database was restored from a backup.", now)
        raised += 1
    record(RAISED, by=None, now=now, obj=Restored(backup_id), alerts=raised)
    wake_dispatcher()
    return raised


@transaction.atomic
def end_access(*, backup_id: UUID, now: datetime, links: bool = False) -> dict[str, int]:
    """End what may have been ended after the backup, once per restore; return how many of each.

    Sessions, one-time tokens, invitations, secrets and addresses: docs/adr/0067. With `links`
    those of check-ins as well. Each clinic's record says so.
    """
    if AuditEvent.objects.filter(event=ENDED, object_id=backup_id).exists():
        return {}
    ended = end_all(now, asked=links)
    for clinic in Clinic.objects.order_by("pk"):
        record(ENDED, by=None, now=now, clinic_id=clinic.pk, obj=Restored(backup_id))
    record(ENDED, by=None, now=now, obj=Restored(backup_id), ended=ended)
    return ended


class Restored:
    """What the audit row of a restore speaks of: the backup, by the id in its manifest."""

    def __init__(self, backup_id: UUID) -> None:
        self.pk = backup_id
