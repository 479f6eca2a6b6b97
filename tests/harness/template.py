"""One migrated database for a whole run in parallel; every other one begins as its copy.

Migrating costs half a minute of a core, copying a second. A run in one process has nothing to
share and migrates its own. See ADR 72.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from config.embedded.postgres_files import find_binaries

PROJECT = Path(__file__).resolve().parent.parent.parent
NAME = "GLIDEPATH_TEST_TEMPLATE"
LOCK = 7_204_606  # of the processes of any run on this server that make a template


def choose_name() -> None:
    """Choose the template's name, for this process and all that it starts."""
    os.environ.setdefault(NAME, f"test_template_{uuid4().hex[:12]}")


def is_shared(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether other processes of this run want a migrated database, too."""
    return "PYTEST_XDIST_WORKER" in environment


@cache
def template() -> str:
    """Return the name of the migrated database, made by whoever asks first.

    Nobody may stay connected to it: PostgreSQL copies only what nobody uses.
    """
    name = os.environ[NAME]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # until the session ends
        if not server.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            try:
                _migrate(template_url())
            except BaseException:
                _drop(server, name)  # half of one would be taken for a whole one
                raise
    return name


def template_url() -> str:
    """Return its address: that of DATABASE_URL, which knows no test database yet."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{os.environ[NAME]}"))


def drop_template() -> None:
    """Remove it, if it was made: the last that the process does which chose its name."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        _drop(server, os.environ[NAME])


def copy_tables(source: str, target: str) -> None:
    """Fill an empty database of any server, which has the roles, as the one at ``source`` is.

    What no dump holds (the rights on the database itself) is left to `migrate`, which then has
    nothing else to do.
    """
    tools = find_binaries()
    command = [tools / "pg_dump", "--format=custom", "--compress=0", f"--dbname={source}"]
    dump = subprocess.run(command, capture_output=True, check=False)
    _check(dump)
    command = [tools / "pg_restore", "--exit-on-error", "--no-owner", f"--dbname={target}"]
    _check(subprocess.run(command, input=dump.stdout, capture_output=True, check=False))


def _migrate(url: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    environment |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings_test"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--run-syncdb"]
    _check(subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, check=False))


def _drop(server: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _check(done: subprocess.CompletedProcess[bytes]) -> None:
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace")[-3000:]
        raise AssertionError(f"{done.args[0]} ended with {done.returncode}: …{said}")
