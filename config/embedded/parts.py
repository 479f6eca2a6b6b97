"""One running part of the clinic: how it starts, how we know it is ready, when it starts again."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded.environment import project_folder
from config.embedded.processes import spawn

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
STEADY_SECONDS = 60.0  # a part that lived this long begins again with the short wait


@dataclass
class Part:
    """A child process that should always run."""

    name: str
    command: list[str]
    log: Path
    environment: Mapping[str, str]
    # Told the size that the log had at the start, so that it reads only what this start wrote.
    check: Callable[[int], bool]
    pass_fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _log_size: int = field(default=0, init=False)

    def start(self) -> None:
        """Start the process; `ready` tells when it works."""
        self._log_size = self.log.stat().st_size if self.log.exists() else 0
        self.process = spawn(
            self.command,
            log=self.log,
            env={**self.environment, "PGAPPNAME": application_name(self.name)},
            cwd=project_folder(),
            pass_fds=self.pass_fds,
        )

    def alive(self) -> bool:
        """Return whether the process we started still runs."""
        return self.process is not None and self.process.poll() is None

    def ready(self) -> bool:
        """Return whether the part does its work now."""
        return self.alive() and self.check(self._log_size)


class Watch:
    """Decide when a part that died starts again: soon at first, then ever more patiently."""

    def __init__(self) -> None:
        """Begin with the short wait."""
        self.wait = FIRST_WAIT
        self.started_at = time.monotonic()
        self.due_at: float | None = None

    def died(self) -> float:
        """Note a death and return the seconds until the next start."""
        if time.monotonic() - self.started_at > STEADY_SECONDS:
            self.wait = FIRST_WAIT
        wait, self.wait = self.wait, min(2 * self.wait, LONGEST_WAIT)
        self.due_at = time.monotonic() + wait
        return wait

    def is_due(self) -> bool:
        """Return whether the wait is over; then it counts as started."""
        if self.due_at is None or time.monotonic() < self.due_at:
            return False
        self.started_at, self.due_at = time.monotonic(), None
        return True


def application_name(part: str) -> str:
    """Return how a part's sessions are called in pg_stat_activity."""
    return f"glidepath {part}"


def python(*arguments: str) -> list[str]:
    """Return a command of this very Python."""
    return [sys.executable, *arguments]


def log_says(path: Path, text: str) -> Callable[[int], bool]:
    """Return a check that the log, from where this start began, holds ``text``."""

    def check(start: int) -> bool:
        with contextlib.suppress(OSError), path.open("rb") as log:
            log.seek(start)
            return text.encode() in log.read()
        return False

    return check


def listens_to_database(database_url: str, part: str) -> Callable[[int], bool]:
    """Return a check that PostgreSQL has a session of ``part``."""

    def check(_: int) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.Error), psycopg.connect(database_url) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = %s",
                [application_name(part)],
            )
            return found.fetchone() is not None
        return False

    return check


def answers_smtp(port: int) -> Callable[[int], bool]:
    """Return a check that a mail server greets on the port."""

    def check(_: int) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1) as client,
        ):
            return client.recv(64).startswith(b"220")
        return False

    return check


def answers_http(port: int) -> Callable[[int], bool]:
    """Return a check that the first page comes, whatever it says short of a server error."""

    def check(_: int) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/", headers={"Host": f"localhost:{port}"})
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return check


def web_workers() -> int:
    """Return one worker per core, but no more than a demo needs."""
    return min(os.cpu_count() or 1, 4)
