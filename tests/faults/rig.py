"""A whole clinic of real processes that can be broken: started once, used for every trial."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.embedded.postgres import PostgresServer, temporary_folder
from config.embedded.processes import spawn
from tests.harness.breakable import Breakable
from tests.harness.gateway import GatewayServer
from tests.harness.redis import RedisServer
from tests.harness.waiting import wait_until

PROJECT = Path(__file__).resolve().parent.parent.parent


class Database(PostgresServer):
    """A durable PostgreSQL: what it has committed survives its own kill -9."""

    def crash(self, signum: int) -> None:
        """End it at once, with all its sessions."""
        assert self.process is not None
        self.process.send_signal(signum)
        self.process.wait()


class MailServer(Breakable):
    """The mail server's process, on one port for ever."""

    def __init__(self, folder: Path) -> None:
        self.mode_file, self.accepted = folder / "mode", folder / "accepted.jsonl"
        self.log = folder / "mailserver.log"
        self.accepted.touch()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        files = [str(self.mode_file), str(self.accepted)]
        command = [sys.executable, "-m", "tests.faults.mailserver", str(self.port), *files]
        self.process = spawn(command, log=self.log, cwd=PROJECT)
        wait_until(self.answers, 20, "the mail server does not start")

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def behave(self, mode: str) -> None:
        """Do so from now on."""
        unfinished = self.mode_file.with_suffix(".new")
        unfinished.write_text(mode)
        unfinished.rename(self.mode_file)

    def fill_disk(self, *, full: bool) -> None:
        """Let no file of the process grow, as a full disk does; or let it again."""
        assert self.process is not None
        limit = 0 if full else resource.RLIM_INFINITY
        hard = resource.RLIM_INFINITY
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (limit, hard))


@dataclass(frozen=True, slots=True)
class Crash:
    """Something done to the clinic after which a sender cannot know what became of a mail."""

    what: str
    begun: float
    ended: float


class Rig:
    """All parts of the clinic; `start` before Django is set up in this process."""

    def __init__(self) -> None:
        self.folder = temporary_folder("faults")
        self.clock = self.folder / "clock"
        self.database = Database(self.folder / "data", log=self.folder / "postgres.log")
        self.redis = RedisServer()
        private = Path(tempfile.mkdtemp(prefix="glidepath-faults-"))
        self.mail = MailServer(private)
        self.gateway = GatewayServer()
        self.gateway.__enter__()
        self.private = private
        self.crashes: list[Crash] = []  # as they were done, not as the product tells them

    @contextlib.contextmanager
    def crash(self, what: str) -> Iterator[None]:
        """Write down what is done meanwhile, by the clock that the mail server reads too."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.crashes.append(Crash(what, begun, time.monotonic()))

    def start_servers(self, settings: str = "tests.faults.settings") -> None:
        """Start PostgreSQL, Redis and mail, and point this process's settings at them."""
        self.database.start()
        self.redis.start()
        self.mail.start()
        os.environ.update(
            {
                "DJANGO_SETTINGS_MODULE": settings,
                "DATABASE_URL": self.database.url,
                "CELERY_BROKER_URL": self.redis.url,
                "EMAIL_URL": f"smtp://127.0.0.1:{self.mail.port}",
                "FAULTS_CLOCK_OFFSET": os.fspath(self.private / "clock"),
                "LOG_LEVEL": "WARNING",
            }
        )
        self.clock = self.private / "clock"

    def start_parts(self) -> None:
        """Start the product's own processes; Django is set up by now."""
        # Imported here: the harness reads Django's settings.
        from tests.harness.processes import AppProcess, Parts

        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faults.settings"
        self.parts = Parts(
            database_url=self.database.url,
            broker_url=self.redis.url,
            email_url=os.environ["EMAIL_URL"],
        )
        self.parts.common["DJANGO_SETTINGS_MODULE"] = "tests.faults.settings"
        self.processes: dict[str, AppProcess] = {
            "web": self.parts.web(),
            "worker": self.parts.worker(),
            "beat": self.parts.beat(),
            "dispatcher": self.parts.dispatcher(),
        }

    def kill(self, name: str) -> None:
        """End a part as `kill -9` does, in the middle of anything."""
        self.processes[name].kill()

    def restart(self, name: str) -> None:
        """Start a killed part again, as a supervisor does, without waiting for it."""
        process = self.processes[name]
        process.process = spawn(
            process.command(),
            log=process.log,
            env=process.environment,
            cwd=PROJECT,
            pass_fds=process.fds(),
        )

    def flush_broker(self) -> None:
        """Make Redis forget every message."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(3)
            client.connect(os.fspath(self.redis.socket_path))
            client.sendall(b"FLUSHALL\r\n")
            client.recv(64)

    def step_clock(self, seconds: float) -> None:
        """Set the product's clock apart from the true one."""
        unfinished = self.clock.with_suffix(".new")
        unfinished.write_text(str(seconds))
        unfinished.rename(self.clock)  # a reader never sees half a number

    def move_clock(self, seconds: float) -> None:
        """Set the product's clock on from where it is."""
        apart = float(self.clock.read_text()) if self.clock.exists() else 0.0
        self.step_clock(apart + seconds)

    def stop(self) -> None:
        """End everything."""
        self.gateway.__exit__(None, None, None)
        if hasattr(self, "parts"):
            for process in self.parts.started:
                if process.alive():
                    process.kill()  # it has nothing to finish
            self.parts.stop()
        if self.mail.process is not None:
            self.mail.kill()
        with contextlib.suppress(OSError, AssertionError):
            self.redis.thaw()
        self.redis.close()
        self.database.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.private, ignore_errors=True)


def crash_database(rig: Rig, signum: int, seconds: float) -> None:
    """Crash PostgreSQL, leave it down for a while, and start it again."""
    with rig.crash("database"):
        rig.database.crash(signum)
        time.sleep(seconds)
        rig.database.start()


IMMEDIATE, KILL = signal.SIGQUIT, signal.SIGKILL
