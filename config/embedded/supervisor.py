"""Run a whole clinic on one machine: servers, web, background work; the process of `make run`.

Everything starts in order and is checked before the next; what dies starts again; Ctrl-C, SIGTERM
or a closed terminal ends all of it within five seconds.
"""

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn, Protocol

from config.embedded.broker import GIVEN, REDIS, choose_broker, install_pgmq
from config.embedded.clinic import clinic_parts
from config.embedded.environment import child_environment, clinic_environment, project_folder
from config.embedded.errors import UNFIT, StartError
from config.embedded.folder import DataFolder
from config.embedded.given import check_broker, check_database, pgmq_url
from config.embedded.parts import Part, Watch, python
from config.embedded.postgres import PostgresServer
from config.embedded.processes import end_all, spawn
from config.embedded.redis import RedisServer

READY_SECONDS = 90.0
END_SECONDS = 1.7
LOOK_SECONDS = 0.2
DEFAULT_PORT = 8000


class Server(Protocol):
    """PostgreSQL or Redis."""

    def start(self) -> None:
        """Start and return when it answers."""

    def stop(self) -> None:
        """Stop."""

    def alive(self) -> bool:
        """Return whether it runs."""


class Stopped(BaseException):
    """A person or the system asked us to end."""


class Supervisor:
    """Start, watch and end every process of one clinic."""

    def __init__(self, outer: Mapping[str, str]) -> None:
        """Read what the person asked for; nothing is started or written yet."""
        self.outer = outer
        self.port = read_port(outer.get("PORT", ""))
        self.broker = choose_broker(outer)
        self.address = f"http://localhost:{self.port}"
        self.folder = DataFolder(Path(outer.get("GLIDEPATH_DATA") or project_folder() / ".data"))
        self.servers: dict[str, Server] = {}
        self.parts: list[Part] = []
        self.listeners: list[socket.socket] = []
        self.began = time.monotonic()

    def start(self) -> None:
        """Start everything and return when all of it works."""
        self.folder.open(self.address)
        web, mail = self._listen()
        database_url = self._start_database()
        broker_url = self._start_broker(database_url)
        clinic = clinic_environment(
            self.folder,
            site_url=self.address,
            database_url=database_url,
            broker_url=broker_url,
            mail_port=mail.getsockname()[1],
        )
        self.folder.write_env(clinic)
        environment = child_environment(clinic, self.outer)
        self._prepare(environment)
        environment["DATABASE_URL"] = self._run_url(database_url)
        self.parts = clinic_parts(self.folder, environment, web=web, mail=mail)
        self._start_parts()
        self._say_welcome()

    def watch(self) -> NoReturn:
        """Start again whatever dies, until a signal ends us."""
        watches = {name: Watch() for name in (*self.servers, *(part.name for part in self.parts))}
        while True:
            time.sleep(LOOK_SECONDS)
            for name, child in self._children():
                if not child.alive():
                    self._revive(name, child, watches[name])

    def stop(self) -> None:
        """End every child, servers last; leave no process, socket or lock."""
        end_all((part.process for part in self.parts if part.process), grace=END_SECONDS)
        for server in reversed(self.servers.values()):
            server.stop()
        for listener in self.listeners:
            listener.close()
        self.folder.close()

    def _children(self) -> list[tuple[str, Server | Part]]:
        return [*self.servers.items(), *((part.name, part) for part in self.parts)]

    def _revive(self, name: str, child: Server | Part, watch: Watch) -> None:
        if watch.due_at is None:
            wait = watch.died()
            say(name, f"ended by itself; starts again in {wait:.0f} s (log: {self._log(name)})")
        elif watch.is_due():
            try:
                child.start()
            except StartError as error:
                say(name, str(error))

    def _listen(self) -> tuple[socket.socket, socket.socket]:
        """Take the web port and a mail port; the sockets stay ours while their users restart."""
        web = listen_for_pages(self.port)
        self.listeners.append(web)
        mail = listen_for_mail()
        self.listeners.append(mail)
        return web, mail

    def _start_database(self) -> str:
        if url := self.outer.get("DATABASE_URL"):
            check_database(url)
            say("database", "the one of DATABASE_URL")
            return url
        cluster = self.folder.postgres()
        if not cluster.exists():
            say("PostgreSQL", "making its files, once …")
        server = PostgresServer(cluster, log=self.folder.log("postgresql"))
        self.servers["PostgreSQL"] = server
        self._start_server("PostgreSQL")
        return server.url

    def _run_url(self, owners_url: str) -> str:
        """Return the address with which the parts work: theirs where we made the cluster."""
        postgres = self.servers.get("PostgreSQL")
        return postgres.run_url if isinstance(postgres, PostgresServer) else owners_url

    def _start_broker(self, database_url: str) -> str:
        if self.broker == GIVEN:
            check_broker(self.outer["CELERY_BROKER_URL"])
            say("broker", "the one of CELERY_BROKER_URL")
            return self.outer["CELERY_BROKER_URL"]
        if self.broker == REDIS:
            redis = RedisServer(self.folder.redis, log=self.folder.log("redis"))
            self.servers["Redis"] = redis
            self._start_server("Redis")
            return redis.url
        install_pgmq(database_url)
        postgres = self.servers.get("PostgreSQL")
        url = postgres.broker_url if isinstance(postgres, PostgresServer) else None
        say("broker", "queues in PostgreSQL (pgmq)")
        return url or pgmq_url(database_url)

    def _start_server(self, name: str) -> None:
        begun = time.monotonic()
        self.servers[name].start()
        say(name, f"ready ({time.monotonic() - begun:.1f} s)")

    def _prepare(self, environment: Mapping[str, str]) -> None:
        """Migrate, collect static files, load the demo; its lines are for the terminal."""
        log = self.folder.log("prepare")
        begun = time.monotonic()
        process = spawn(
            python("-m", "config.embedded.prepare"),
            log=log,
            env=environment,
            cwd=project_folder(),
            talks=True,
        )
        try:
            code = process.wait()
        finally:
            end_all([process], grace=END_SECONDS)
        if code == UNFIT:
            raise StartError("")
        if code != 0:
            raise StartError(f"The database could not be made ready: read the end of {log}.")
        say("clinic", f"ready ({time.monotonic() - begun:.1f} s)")

    def _start_parts(self) -> None:
        begun = time.monotonic()
        for part in self.parts:
            part.start()
        waiting = list(self.parts)
        while waiting:
            for part in list(waiting):
                if part.ready():
                    say(part.name, f"ready ({time.monotonic() - begun:.1f} s)")
                    waiting.remove(part)
                elif not part.alive() or time.monotonic() - begun > READY_SECONDS:
                    raise StartError(f"The {part.name} does not start: read {part.log}.")
            time.sleep(0.05)

    def _log(self, name: str) -> str:
        return os.fspath(self.folder.logs / f"{name.lower()}.log")

    def _say_welcome(self) -> None:
        seconds = time.monotonic() - self.began
        print(
            f"\nGlidepath runs at {self.address} (ready in {seconds:.0f} s).\n"
            "Enter there with one click as a prescriber, a nurse, a clinic admin or a patient;\n"
            "everybody is made up, and every mail stays here, on the page Mails.\n"
            f"Data and logs: {self.folder}. Ctrl-C stops it.",
            flush=True,
        )


def read_port(text: str) -> int:
    """Return the port of PORT=…, 8000 if none was given."""
    if not text:
        return DEFAULT_PORT
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise StartError(f"PORT is {text!r}: it takes a number from 1 to 65535.")
    return int(text)


def listen_for_pages(port: int) -> socket.socket:
    """Listen on loopback, or say that somebody else does."""
    used = StartError(
        f"Port {port} is used by another program: end that one, or choose another port with "
        f"make run PORT={port + 1 if port < 65535 else DEFAULT_PORT}."
    )
    # A browser tries ::1 for localhost first; a stranger there would get our visitors.
    with contextlib.suppress(OSError), socket.create_connection(("::1", port), timeout=1):
        raise used
    try:
        return socket.create_server(("127.0.0.1", port))
    except PermissionError as error:
        raise StartError(
            f"Port {port} needs more rights than yours: choose one with make run PORT=8000."
        ) from error
    except OSError as error:
        raise used from error


def listen_for_mail() -> socket.socket:
    """Listen on any free loopback port: only our own processes need to know it."""
    return socket.create_server(("127.0.0.1", 0))


def say(name: str, text: str) -> None:
    """Print one line; a terminal that went away stops nothing."""
    with contextlib.suppress(OSError):
        print(f"  {name:<12} {text}", flush=True)


def _end(signum: int, frame: FrameType | None) -> NoReturn:
    raise Stopped


def main() -> int:
    """Run until told to end; return 0, or 1 after a sentence if it could not start."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for signum in signals:
        signal.signal(signum, _end)
    supervisor = None
    try:
        supervisor = Supervisor(os.environ)
        supervisor.start()
        supervisor.watch()
    except Stopped:
        print("\nGlidepath stops …", flush=True)
        return 0
    except StartError as error:
        if str(error):
            print(error, file=sys.stderr)
        return 1
    except (OSError, UnicodeDecodeError) as error:
        # Only files of the data folder are read here: something in it is not what it was.
        where = getattr(error, "filename", None) or os.environ.get("GLIDEPATH_DATA", ".data")
        print(
            f"The data folder cannot be used: {where} is damaged or not a file we made. "
            "Move the folder away, or set GLIDEPATH_DATA to another one, and start again.",
            file=sys.stderr,
        )
        return 1
    finally:
        for signum in signals:  # ending takes seconds at most; being told twice changes nothing
            signal.signal(signum, signal.SIG_IGN)
        if supervisor:
            supervisor.stop()
