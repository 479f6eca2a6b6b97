"""The product's own processes, started for one test on its database, broker and mail server."""

import itertools
import os
import socket
import subprocess
import sys
import tempfile
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Self, TypeVar

import psycopg
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from config.embedded.parts import answers_http
from config.embedded.processes import end_all, spawn
from config.embedded.scoped import Scoped
from tests.harness.breakable import Breakable
from tests.harness.database import run_url
from tests.harness.waiting import wait_until

PROJECT = Path(__file__).resolve().parent.parent.parent
LOGS = PROJECT / ".artifacts" / "logs"
READY_SECONDS = 90  # patience, no promise: a busy machine is no finding
_numbers = itertools.count(1)


def environment_of(
    *, database_url: str, broker_url: str, email_url: str, **more: str
) -> dict[str, str]:
    """Return the environment of a process of the product on these servers.

    ``more`` are further variables, as the settings read them (``EMAIL_TIMEOUT="1"``).
    """
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings_test",
        "SECRET_KEY": settings.SECRET_KEY,
        "SITE_URL": settings.SITE_URL,
        "DATABASE_URL": run_url(database_url),
        "CELERY_BROKER_URL": broker_url,
        "EMAIL_URL": email_url,
        "PYTHONUNBUFFERED": "1",
        "DRILL_DAYS": "0",  # only the tests of the drill want its messages
        **more,
    }


class AppProcess(Breakable, Scoped):
    """One process of the product; `start` returns when it works, its log is in .artifacts/logs.

    A kind of process has a name, its arguments, and says when it is ready.
    """

    name: str
    arguments: tuple[str, ...] = ()
    checkout = PROJECT  # whose code it runs

    def __init__(self, *, database_url: str, **environment: str) -> None:
        """Describe the process; the arguments are those of `environment_of`."""
        LOGS.mkdir(parents=True, exist_ok=True)
        self.number = next(_numbers)
        self.log = LOGS / f"{self.name}-{os.getpid()}-{self.number}.log"
        self.log.unlink(missing_ok=True)
        self.database_url = database_url
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = environment_of(
            database_url=database_url, PGAPPNAME=self.application_name, **environment
        )

    @property
    def application_name(self) -> str:
        """Return how its database sessions are called."""
        return f"test {self.name} {self.number}"

    def command(self) -> list[str]:
        """Return the command line."""
        return [sys.executable, *self.arguments]

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether it does its work now."""

    def start(self) -> Self:
        """Start and wait until it works; fail the test with the end of its log otherwise."""
        self.process = spawn(
            self.command(),
            log=self.log,
            env=self.environment,
            cwd=self.checkout,
            pass_fds=self.fds(),
        )
        wait_until(lambda: not self.alive() or self.is_ready(), READY_SECONDS, self.log_end)
        assert self.alive(), self.log_end()
        return self

    def fds(self) -> tuple[int, ...]:
        """Return the sockets that the process inherits."""
        return ()

    def stop(self, grace: float = 5) -> None:
        """End it as an operator does; harmless if it is gone."""
        if self.process is not None:
            end_all([self.process], grace=grace)

    def alive(self) -> bool:
        """Return whether it runs."""
        return self.process is not None and self.process.poll() is None

    def log_text(self) -> str:
        """Return all it wrote."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_end(self) -> str:
        """Return the last it wrote, for a test that fails."""
        return f"{self.name} says: …{self.log_text()[-3000:]}"

    def busy(self) -> bool:
        """Return whether one of its database sessions does something."""
        return self.has_session("AND state <> 'idle'")

    def has_session(self, more: str = "") -> bool:
        """Return whether PostgreSQL has a session of it; looked up from another database."""
        database = conninfo_to_dict(self.database_url)["dbname"]
        with psycopg.connect(self.database_url, dbname="postgres") as connection:
            found = connection.execute(
                "SELECT FROM pg_stat_activity WHERE application_name = %s AND datname = %s " + more,
                [self.application_name, database],
            )
            return bool(found.rowcount)


class WorkerProcess(AppProcess):
    """A Celery worker for both queues, forking like production's."""

    name = "worker"
    arguments = (
        *("-m", "celery", "-A", "config", "worker", "--queues", "alerts,default"),
        *("--concurrency", "2", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )

    def command(self) -> list[str]:
        """Return the command line; pgmq starves forked workers, so it gets threads."""
        pgmq = self.environment["CELERY_BROKER_URL"].startswith("pgmq")
        node = f"test{os.getpid()}-{self.number}@localhost"
        pool = "threads" if pgmq else "prefork"
        return [*super().command(), "--pool", pool, "--hostname", node]

    def is_ready(self) -> bool:
        """Return whether it takes tasks from the broker."""
        return " ready." in self.log_text()


class BeatProcess(AppProcess):
    """Celery's clock, with a schedule file of its own."""

    name = "beat"

    def command(self) -> list[str]:
        """Return the command line."""
        self.folder = tempfile.TemporaryDirectory(prefix="glidepath-beat-")
        schedule = os.path.join(self.folder.name, "schedule")
        arguments = ("-m", "celery", "-A", "config", "beat", "--loglevel", "INFO", "--pidfile=")
        return [sys.executable, *arguments, "--schedule", schedule]

    def is_ready(self) -> bool:
        """Return whether it began to count."""
        return "beat: Starting" in self.log_text()

    def stop(self, grace: float = 5) -> None:
        """End it and forget its schedule."""
        super().stop(grace)
        if hasattr(self, "folder"):
            self.folder.cleanup()


class DispatcherProcess(AppProcess):
    """The process that delivers straight from PostgreSQL."""

    name = "dispatcher"
    arguments = ("manage.py", "run_dispatcher")

    def is_ready(self) -> bool:
        """Return whether it has its session in the test's database."""
        return self.has_session()


class WebProcess(AppProcess):
    """Gunicorn on a loopback port that the test holds, so that it survives a restart."""

    name = "web"

    def __init__(self, listener: socket.socket, **environment: str) -> None:
        """Serve on ``listener``."""
        self.listener = listener
        self.port = listener.getsockname()[1]
        super().__init__(**environment)

    def command(self) -> list[str]:
        """Return the command line."""
        arguments = ("-m", "gunicorn", "config.wsgi:application", "--worker-class", "gthread")
        more = ("--threads", "2", "--graceful-timeout", "1", "--no-control-socket")
        return [sys.executable, *arguments, *more, "--bind", f"fd://{self.listener.fileno()}"]

    def fds(self) -> tuple[int, ...]:
        """Return the listening socket."""
        return (self.listener.fileno(),)

    def is_ready(self) -> bool:
        """Return whether the first page comes."""
        return answers_http(self.port)(0)


class DeployedWeb(WebProcess):
    """The web server as the image starts it, on the port of the test."""

    def command(self) -> list[str]:
        """Return the image's command line."""
        command = [sys.executable, "-m", "gunicorn", "config.wsgi:application"]
        config = ("--config", "config/gunicorn.py", "--bind", f"fd://{self.listener.fileno()}")
        return [*command, *config]


Process = TypeVar("Process", bound=AppProcess)


class Parts:
    """Starts processes for one test, all on the same database, broker and mail server.

    ``url`` is the web server's address, also before it is started: links in mails lead there.
    ``checkout`` is the folder whose code the next ones run.
    """

    checkout = PROJECT

    def __init__(self, *, database_url: str, broker_url: str, email_url: str) -> None:
        """Take a free port for the web server; nothing is started."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self.listener.getsockname()[1]}"
        self.common: dict[str, str] = {
            "database_url": database_url,
            "broker_url": broker_url,
            "email_url": email_url,
            "SITE_URL": self.url,
        }
        self.started: list[AppProcess] = []

    def worker(self, **environment: str) -> WorkerProcess:
        """Start a Celery worker."""
        return self._start(WorkerProcess(**self._all(environment)))

    def dispatcher(self, **environment: str) -> DispatcherProcess:
        """Start a dispatcher."""
        return self._start(DispatcherProcess(**self._all(environment)))

    def beat(self, **environment: str) -> BeatProcess:
        """Start beat."""
        return self._start(BeatProcess(**self._all(environment)))

    def web(self, **environment: str) -> WebProcess:
        """Start a web server."""
        return self._start(WebProcess(self.listener, **self._all(environment)))

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end, on the same parts."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.checkout,
            env=environment_of(**self.common),
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
        )

    def stop(self) -> None:
        """End everything that was started."""
        for process in reversed(self.started):
            process.stop(grace=3)
        self.listener.close()

    def busy(self) -> bool:
        """Return whether the database works for any of them."""
        return any(process.busy() for process in self.started)

    def gone(self) -> bool:
        """Return whether PostgreSQL has forgotten all of them, so that it may drop the database."""
        return not any(process.has_session() for process in self.started)

    def logs(self) -> str:
        """Return everything that any of them wrote."""
        return "\n".join(process.log_text() for process in self.started)

    def _all(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {**self.common, **environment}

    def deployed_web(self, **environment: str) -> DeployedWeb:
        """Start a web server as the image does."""
        return self._start(DeployedWeb(self.listener, **self._all(environment)))

    def _start(self, process: Process) -> Process:
        self.started.append(process)
        process.checkout = self.checkout
        process.start()
        return process
