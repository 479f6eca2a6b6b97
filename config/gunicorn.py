"""How gunicorn serves the pages in production: `gunicorn config.wsgi:application --config …`."""

import os
import shutil
import socket
import struct
from typing import Any, Final

from config.figures_folder import make_room, new_folder

STALLED_SECONDS: Final = 10

bind = os.environ.get("WEB_BIND", "0.0.0.0:8000")
workers = int(os.environ.get("WEB_WORKERS", os.cpu_count() or 2))
worker_class = "gthread"
# Threads of a process take turns, and each more makes all of them slower (docs/adr/0098).
threads = int(os.environ.get("WEB_THREADS", "2"))
http_parser = "fast"  # its own in C; where that is not installed the server does not start
preload_app = True  # so that the workers share the memory of the code
# In memory: a file system that is read-only, or slow, must not make a worker seem dead.
worker_tmp_dir = "/dev/shm"  # noqa: S108
# Its own lines quote what callers sent: config/logs.py leaves that out.
logger_class = "config.server_log.ServerLogger"
# Told to stop, requests in hand are finished; orchestrators wait longer than this.
graceful_timeout = 20
control_socket_disable = True

# Each process counts its answers in a file of its own, in memory too (config/figures.py).
os.environ["PROMETHEUS_MULTIPROC_DIR"] = new_folder(worker_tmp_dir)


def when_ready(server: Any) -> None:
    """Let no thread wait for ever for the rest of a request, or for whoever reads an answer.

    A phone that loses its network in the middle would else hold it until the system gives up the
    connection. Each connection takes the times of the socket that accepted it.
    """
    seconds = struct.pack("ll", STALLED_SECONDS, 0)
    for listener in server.LISTENERS:
        for direction in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, direction, seconds)


def pre_fork(server: Any, worker: Any) -> None:
    """See that the next process has room to count in."""
    make_room()


def on_exit(server: Any) -> None:
    """Leave nothing behind in memory."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
