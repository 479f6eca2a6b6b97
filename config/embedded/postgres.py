"""Our own launcher of PostgreSQL: one cluster, one unix socket, no network, gone with its parent.

Only the binaries of the wheel are used; ADR 0001 says why not its Python layer. Trust
authentication is safe because the socket's folder can be entered by its owner (and root) alone.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote, urlencode

from apps.database.roles import CREATE_ROLES, CREATE_RUN_LOGIN, RUN_LOGIN
from config.embedded.errors import StartError
from config.embedded.postgres_files import (
    Account,
    find_binaries,
    major_version,
    may_enter,
    readable_binaries,
    server_account,
)
from config.embedded.postgres_leftovers import clear_leftovers
from config.embedded.processes import end_all, spawn, wait_until
from config.embedded.scoped import Scoped
from config.embedded.sockets import forget_folder, socket_folder

USER = DATABASE = "glidepath"
PORT = 5432  # only the socket's name; nothing listens on the network
SOCKET_NAME = f".s.PGSQL.{PORT}"
START_SECONDS = 60  # a cluster that was killed replays its log first
STOP_SECONDS, QUIT_SECONDS = 1.2, 0.6

# A failing statement would carry a patient's words into the log: neither it nor the row is written.
QUIET = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}
# Made for turning disks, PostgreSQL's own 4 lets it read whole tables to avoid an index.
SOLID_STATE = {"random_page_cost": "1.1"}
DURABLE = {**QUIET, **SOLID_STATE, "shared_buffers": "64MB", "max_connections": "100"}
# For tests only: nothing survives a power cut, and nothing has to.
FAST = {
    **QUIET,
    **SOLID_STATE,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_connections": "300",
}


class PostgresServer(Scoped):
    """One cluster in one folder; a context manager that starts and stops it."""

    def __init__(self, data: Path, *, log: Path, durable: bool = True) -> None:
        """Describe the cluster in ``data``; nothing is started or written yet."""
        self.data = data.absolute()
        self.log = log
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None
        self._account: Account | None = None
        self._binaries = Path()
        self._sockets = Path()

    @property
    def url(self) -> str:
        """Return the address, readable by libpq and by Django alike."""
        return self.database_url(DATABASE)

    @property
    def run_url(self) -> str:
        """Return the address for the parts of a clinic: by it nobody owns a table."""
        return self.database_url(DATABASE, RUN_LOGIN)

    def database_url(self, name: str, user: str = USER) -> str:
        """Return the address of another database of this cluster, for its owner or a login."""
        place = urlencode({"host": os.fspath(self._sockets), "port": PORT}, quote_via=quote)
        return f"postgres://{user}@/{name}?{place}"

    @property
    def broker_url(self) -> str:
        """Return the address for kombu's pgmq transport, which knows no ``?host=``."""
        return f"pgmq://{USER}:@{quote(os.fspath(self._sockets), safe='')}:{PORT}/{DATABASE}"

    def start(self) -> None:
        """Make the cluster if there is none, start it, and return when it takes connections."""
        self._account = server_account(self.data)
        self._binaries = readable_binaries(find_binaries(), self._account)
        if not (self.data / "PG_VERSION").exists():
            self._create()
        self._check_version()
        clear_leftovers(self.data, keep=self._sockets)
        if not self._sockets.is_absolute():  # a restart keeps the address that others know
            self._sockets = socket_folder(self.data, SOCKET_NAME, self._account)
        self.process = self._launch()
        if not wait_until(self._is_ready_or_dead, START_SECONDS, pause=0.01) or not self.alive():
            self._end()
            raise StartError(
                f"PostgreSQL does not start on {self.data}: read the end of {self.log}; "
                "if the folder is damaged, move it away and start again."
            )
        self._create_database()

    def stop(self) -> None:
        """End the server and every session on it; harmless if it is not running."""
        self._end()
        if self._sockets != self.data:
            forget_folder(self._sockets)
        self._sockets = Path()

    def alive(self) -> bool:
        """Return whether the server process we started still runs."""
        return self.process is not None and self.process.poll() is None

    def _end(self) -> None:
        if self.process is None:
            return
        if self.alive():  # a fast shutdown first: it ends sessions and writes everything down
            self.process.send_signal(signal.SIGINT)
            wait_until(lambda: not self.alive(), STOP_SECONDS)
        end_all([self.process], grace=QUIT_SECONDS, signum=signal.SIGQUIT)
        self.process = None

    def _create(self) -> None:
        """Run initdb beside the final place and rename: a cut-off start leaves no half cluster."""
        if self.data.exists() and any(self.data.iterdir()):
            raise StartError(
                f"{self.data} is not empty and holds no PostgreSQL cluster: move it away, "
                "or choose another folder with GLIDEPATH_DATA."
            )
        unfinished = self.data.with_name(f"{self.data.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self._account:
            os.chown(unfinished, *self._account)
            if not may_enter(unfinished, self._account):
                raise StartError(
                    f"PostgreSQL runs as the user nobody, who cannot enter {self.data.parent}: "
                    "choose a folder with GLIDEPATH_DATA that others may pass through."
                )
        done = self._run(self._initdb_command(unfinished))
        if done.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            last = done.stderr.decode(errors="replace").strip().splitlines()
            raise StartError(
                f"PostgreSQL could not make its files in {self.data}: "
                f"{last[-1] if last else 'initdb ended without a word'}"
            )
        with contextlib.suppress(FileNotFoundError):
            self.data.rmdir()
        unfinished.rename(self.data)

    def _initdb_command(self, folder: Path) -> list[str | Path]:
        command: list[str | Path] = [self._binaries / "initdb", "-D", folder]
        command += ["-U", USER, "-A", "trust", "-E", "UTF8", "--no-instructions"]
        # The same order of letters on every machine, whatever its language is set to.
        if major_version(self._binaries) >= 17:
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.durable:
            command += ["--no-sync", "--wal-segsize=1"]
            if major_version(self._binaries) >= 18:
                command += ["--no-data-checksums"]
        return command

    def _check_version(self) -> None:
        cluster = (self.data / "PG_VERSION").read_text().strip()
        binaries = major_version(self._binaries)
        if cluster != str(binaries):
            raise StartError(
                f"{self.data} was made by PostgreSQL {cluster} and this is PostgreSQL {binaries}: "
                "use the version of Glidepath that made it, or choose another folder with "
                "GLIDEPATH_DATA."
            )

    def _launch(self) -> subprocess.Popen[bytes]:
        options = {
            **(DURABLE if self.durable else FAST),
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": os.fspath(self._sockets),
            "unix_socket_permissions": "0700",
        }
        command: list[str | Path] = [self._binaries / "postgres", "-D", self.data]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        return spawn(
            command,
            log=self.log,
            env=self._environment(),
            cwd="/",
            death_signal=signal.SIGINT,
            user=self._account,
        )

    def _is_ready_or_dead(self) -> bool:
        """Return whether line 8 of the server's own pid file says ready (as pg_ctl asks it)."""
        assert self.process is not None
        if self.process.poll() is not None:
            return True
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def _create_database(self) -> None:
        import psycopg  # half of this package's import time, and needed only here

        try:
            with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
                found = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone()
                if not found:
                    connection.execute(f'CREATE DATABASE "{DATABASE}"')
                connection.execute(CREATE_ROLES)
                connection.execute(CREATE_RUN_LOGIN)
        except psycopg.Error as error:
            self._end()
            raise StartError(f"PostgreSQL started but does not answer: {error}") from error

    def _run(self, command: list[str | Path]) -> subprocess.CompletedProcess[bytes]:
        uid, gid = self._account or (None, None)
        return subprocess.run(
            command,
            env=self._environment(),
            cwd="/",
            capture_output=True,
            start_new_session=True,  # Ctrl-C is the supervisor's business
            user=uid,
            group=gid,
            extra_groups=[] if self._account else None,
            check=False,
        )

    @staticmethod
    def _environment() -> dict[str, str]:
        """Return an environment without PG* and locale variables that would change the server."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def temporary_folder(name: str) -> Path:
    """Return a new private folder for a throw-away cluster; the caller removes it."""
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        account = server_account(Path("/nonexistent"))
        if account is None or may_enter(Path(base), account):
            folder = Path(tempfile.mkdtemp(prefix=f"glidepath-{name}-{os.getpid()}-", dir=base))
            if account:
                os.chown(folder, *account)
            return folder
    raise StartError("The user nobody can enter no temporary folder: set TMPDIR to one it can.")
