"""How gunicorn serves the pages in production: `gunicorn config.wsgi:application --config …`."""

import os
from typing import Any

bind = os.environ.get("WEB_BIND", "0.0.0.0:8000")
workers = int(os.environ.get("WEB_WORKERS", os.cpu_count() or 2))
worker_class = "gthread"
threads = 4
preload_app = True  # so that the workers share the memory of the code
# In memory: a file system that is read-only, or slow, must not make a worker seem dead.
worker_tmp_dir = "/dev/shm"  # noqa: S108
# Its own lines quote what callers sent: config/logs.py leaves that out.
logger_class = "config.server_log.ServerLogger"
# Told to stop, requests in hand are finished; orchestrators wait longer than this.
graceful_timeout = 20
control_socket_disable = True


def pre_fork(server: Any, worker: Any) -> None:
    """Give a process the place in which it counts what it answers."""
    from config.figures import share  # not before the program is loaded

    worker.place = share({each.place for each in server.WORKERS.values()})
