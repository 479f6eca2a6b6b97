"""How gunicorn serves the pages in production: `gunicorn config.wsgi:application --config …`."""

import os
import shutil
from tempfile import mkdtemp
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


# Each process counts its answers in a file of its own; a new folder for each start, in memory.
# Set already where this file is read anew, for a reload.
figures = os.environ.get("PROMETHEUS_MULTIPROC_DIR") or mkdtemp(
    prefix="glidepath-figures-", dir=worker_tmp_dir
)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures


def on_exit(server: Any) -> None:
    """Leave nothing behind in memory."""
    shutil.rmtree(figures, ignore_errors=True)
