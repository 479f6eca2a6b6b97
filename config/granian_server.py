"""The pages by granian in place of gunicorn: `python -m config.granian_server` (docs/scaling.md).

A drop-in that takes the same settings (WEB_BIND, WEB_WORKERS, LOG_FORMAT) and answers more requests
on the same processors.
"""

import os
import shutil
from typing import Any, Final

from granian import Granian
from granian.constants import HTTPModes, Interfaces

from config.figures_folder import NAME, make_room, new_folder

THREADS: Final = 2  # of each worker; more only wait for the interpreter
GRACE_SECONDS: Final = 20  # as gunicorn's: requests in hand are finished
MEMORY: Final = "/dev/shm"  # noqa: S108  where gunicorn counts too
# Its own lines go where ours go, laid out as ours.
LINES: Final[dict[str, Any]] = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"level": "INFO"}},
}


def load(_: str) -> Any:
    """Return the application; a new worker first sees that it has room to count in."""
    make_room()
    from config.wsgi import application

    return application


def main() -> None:
    """Serve until told to stop; raises ImproperlyConfigured where the pages must not be served."""
    folder = os.environ[NAME] = new_folder(MEMORY)
    try:
        load("")  # before it forks: workers share this memory, and a wrong setting ends it here
        host, _, port = os.environ.get("WEB_BIND", "0.0.0.0:8000").rpartition(":")
        Granian(
            "config.wsgi:application",
            address=host,
            port=int(port),
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,  # the proxy in front speaks to browsers
            websockets=False,
            workers=int(os.environ.get("WEB_WORKERS", os.cpu_count() or 2)),
            blocking_threads=THREADS,
            respawn_failed_workers=True,
            workers_kill_timeout=GRACE_SECONDS,
            log_dictconfig=LINES,
        ).serve(target_loader=load)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
