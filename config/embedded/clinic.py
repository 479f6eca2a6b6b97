"""The parts of a running clinic besides its servers: web, worker, beat, dispatcher, mail."""

import os
import socket
from collections.abc import Mapping

from config.embedded.folder import DataFolder
from config.embedded.parts import (
    Part,
    answers_http,
    answers_smtp,
    listens_to_database,
    log_says,
    python,
    web_workers,
)

GUNICORN = (
    "-m gunicorn config.wsgi:application --preload --worker-class gthread --threads 2 "
    "--graceful-timeout 2 --no-control-socket --logger-class config.server_log.ServerLogger"
)
# One worker for both queues keeps the memory of a demo small; production runs one per queue.
# Threads: the pgmq transport starves forked workers, and EMAIL_TIMEOUT bounds every send.
WORKER = (
    "-m celery -A config worker --queues alerts,default --pool threads --concurrency 4 "
    "--without-gossip --without-mingle --without-heartbeat --loglevel INFO"
)
BEAT = "-m celery -A config beat --loglevel INFO --pidfile="


def clinic_parts(
    folder: DataFolder, environment: Mapping[str, str], *, web: socket.socket, mail: socket.socket
) -> list[Part]:
    """Return every part, in the order in which people read them; none is started yet."""
    database = environment["DATABASE_URL"]

    def part(name: str, command: list[str], **more: object) -> Part:
        return Part(name, command, folder.log(name), environment, **more)  # type: ignore[arg-type]

    catcher = python("-m", "config.embedded.mailcatcher", os.fspath(folder.mail))
    pages = [*GUNICORN.split(), "--workers", str(web_workers()), "--bind", f"fd://{web.fileno()}"]
    return [
        part(
            "mail",
            [*catcher, "--fd", str(mail.fileno())],
            check=answers_smtp(mail.getsockname()[1]),
            pass_fds=(mail.fileno(),),
        ),
        part(
            "dispatcher",
            python("manage.py", "run_dispatcher"),
            check=listens_to_database(database, "dispatcher"),
        ),
        part(
            "worker",
            python(*WORKER.split()),
            check=log_says(folder.log("worker"), "ready."),
        ),
        part(
            "beat",
            python(*BEAT.split()),
            check=log_says(folder.log("beat"), "beat: Starting..."),
        ),
        part(
            "web",
            python(*pages),
            check=answers_http(web.getsockname()[1]),
            pass_fds=(web.fileno(),),
        ),
    ]
