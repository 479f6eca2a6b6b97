"""Does this process live? `python -m config.probe web|dispatcher|sweep|worker` ends with 0 or 1.

For containers, each upon its own process: `web` asks the page of its own machine, `worker` looks
for the sign of life that the worker beside it leaves in a file, dispatcher and sweep leave theirs
in the database. What no restart of ours mends fails none: no database, no broker, no beat.
"""

import http.client
import os
import sys
import time
from urllib.parse import urlsplit

from config.worker_sign import SIGN, STALE_AFTER_SECONDS

PORT = 8000
SECONDS = 4
IN_THE_DATABASE = ("dispatcher", "sweep")


def main(arguments: list[str]) -> int:
    """Return 0 when the process lives, 1 when it should be started again, 2 for a wrong name."""
    name = arguments[0] if len(arguments) == 1 else ""
    if name == "web":
        return 0 if web_lives() else 1
    if name == "worker":
        return 0 if worker_lives() else 1
    if name not in IN_THE_DATABASE:
        known = ", ".join(("web", "worker", *IN_THE_DATABASE))
        print(f"Which process? One of {known}.", file=sys.stderr)
        return 2
    import django

    django.setup()
    from django.db import Error
    from django.utils import timezone

    from apps.alerts.health import check_health

    try:
        return 1 if name in check_health(timezone.now()).dead else 0
    except Error:
        return 0  # a database that is away is mended by no restart of ours


def web_lives() -> bool:
    """Ask as the proxy in front does: by the site's own name, over what counts as TLS."""
    host = urlsplit(os.environ.get("SITE_URL", "")).hostname or "localhost"
    port = int(os.environ.get("WEB_BIND", "").rpartition(":")[2] or PORT)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request(
            "GET", "/healthz?process=web", headers={"Host": host, "X-Forwarded-Proto": "https"}
        )
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def worker_lives() -> bool:
    """Look at the sign of the worker beside this; one that waits for its broker is well."""
    try:
        if abs(time.time() - SIGN.stat().st_mtime) < STALE_AFTER_SECONDS:
            return True
    except FileNotFoundError:
        pass
    return not broker_answers()


def broker_answers() -> bool:
    """Ask the broker for a connection."""
    from config.celery import app

    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=SECONDS)
    except Exception:  # each broker's library raises its own
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
