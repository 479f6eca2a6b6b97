"""A machine of its own for some processes: an address, and lines to the servers that can be cut.

The processes reach PostgreSQL, the broker and the mail server at an address of loopback that is
theirs alone. Cut off, nothing comes through in either direction and nobody is told, as when a
switch fails: what was on its way is delivered when the lines are whole again.
"""

import contextlib
import socket
import threading
from typing import Self

from psycopg.conninfo import conninfo_to_dict

from config.embedded.scoped import Scoped
from tests.harness.database import run_url
from tests.harness.processes import AppProcess, Parts
from tests.harness.redis import RedisServer
from tests.harness.smtp import SmtpServer

CHUNK = 65536


class Line(Scoped):
    """Carries bytes from a port of a host to one server: a path of a unix socket, or a place."""

    def __init__(self, address: str, target: str | tuple[str, int]) -> None:
        """Take a free port at the address."""
        self.target = target
        self.listener = socket.create_server((address, 0))
        self.place = f"{address}:{self.listener.getsockname()[1]}"
        self.whole = threading.Event()
        self.ends: set[socket.socket] = set()

    def start(self) -> None:
        """Take connections from now on."""
        self.whole.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Close the port and every connection."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in list(self.ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.whole.set()

    @property
    def in_use(self) -> bool:
        """Return whether a connection is open."""
        return bool(self.ends)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self.whole.wait()
        with client, contextlib.suppress(OSError), self._reach() as server:
            self.ends |= {client, server}
            back = threading.Thread(target=self._carry, args=[server, client], daemon=True)
            back.start()
            self._carry(client, server)
            back.join()
            self.ends -= {client, server}

    def _reach(self) -> socket.socket:
        if isinstance(self.target, tuple):
            return socket.create_connection(self.target)
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.target)
        return server

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        """Carry what one end says, and its end; a cut line keeps both for later."""
        with contextlib.suppress(OSError):
            while part := source.recv(CHUNK):
                self.whole.wait()
                target.sendall(part)
        self.whole.wait()
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


class Host(Scoped):
    """A dispatcher and a worker at an address of their own; `cut` and `mend` its three lines."""

    def __init__(self, address: str, parts: Parts, broker: RedisServer, smtp: SmtpServer) -> None:
        """Lay the lines; the processes begin with `start`."""
        self.parts = parts
        self.owned: list[AppProcess] = []
        login = conninfo_to_dict(run_url(parts.common["database_url"]))
        place, port = str(login["host"]), int(login.get("port") or 5432)
        at_path = place.startswith("/")
        self.database = Line(address, f"{place}/.s.PGSQL.{port}" if at_path else (place, port))
        self.broker = Line(address, str(broker.socket_path))
        self.mail = Line(address, ("127.0.0.1", smtp.port))
        self.lines = (self.database, self.broker, self.mail)
        secret = f":{login['password']}" if login.get("password") else ""
        self.environment = {
            "DATABASE_URL": f"postgres://{login['user']}{secret}@{self.database.place}"
            f"/{login['dbname']}",
            "CELERY_BROKER_URL": f"redis://{self.broker.place}/0",
            "EMAIL_URL": f"smtp://{self.mail.place}",
            "TRUST_NETWORK": "1",  # a mail server of another address, without TLS
            "ALERT_ATTEMPT_SECONDS": "3",
            "EMAIL_TIMEOUT": "3",
        }

    def start(self) -> Self:
        """Start both processes; return when they work."""
        for line in self.lines:
            line.start()
        self.owned.append(self.parts.dispatcher(**self.environment))
        self.owned.append(self.parts.worker(**self.environment))
        return self

    def cut(self) -> None:
        """Let nothing through any more; nobody is told."""
        for line in self.lines:
            line.whole.clear()

    def mend(self) -> None:
        """Let everything through again, and first what was said meanwhile."""
        for line in self.lines:
            line.whole.set()

    def end(self) -> None:
        """End the processes as an operator does."""
        for process in self.owned:
            process.stop()

    def stop(self) -> None:
        """End the processes and take the lines down."""
        self.mend()
        self.end()
        for line in self.lines:
            line.stop()
