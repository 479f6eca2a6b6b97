"""Does this process live? `python -P config/probe.py web|dispatcher|sweep|worker` ends with 0 or 1.

For containers, each upon its own process: `web` asks the page of its own machine, `worker` looks
for the sign of life that the worker beside it leaves in a file, dispatcher and sweep leave theirs
in the database. What no restart of ours mends fails none: no database, no broker, no beat.
"""

import http.client
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

PORT = 8000
SECONDS = 4
# As the program has them (apps/alerts/health.py, apps/database/roles.py, config/worker_sign.py).
# Nothing of it is imported, not even this package, which brings Celery: a probe that starts Django
# takes seconds of a busy machine, misses its time there, and has what still lives killed
# (docs/adr/0071).
IN_THE_DATABASE: Final = ("dispatcher", "sweep")
STALE_AFTER: Final = 45  # seconds
ROLE: Final = "glidepath_sweep"
SIGN: Final = Path(tempfile.gettempdir()) / "glidepath-worker"
SIGN_STALE_AFTER: Final = 60  # seconds; a worker touches it each ten


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
    return 0 if left_a_sign(name) else 1


def left_a_sign(name: str) -> bool:
    """Answer whether the process wrote down lately that it lives, or nobody can tell."""
    import psycopg

    try:
        with psycopg.connect(address(), connect_timeout=SECONDS, autocommit=True) as connection:
            connection.execute(f"SET ROLE {ROLE}")
            connection.execute(f"SET statement_timeout = '{SECONDS}s'")
            found = connection.execute(
                "SELECT beat_at FROM alerts_heartbeat WHERE name = %s", [name]
            ).fetchone()
    except (psycopg.Error, OSError) as error:
        print(f"The database does not say: {error}", file=sys.stderr)
        return True  # a database that is away is mended by no restart of ours
    # A sign of life from the future is none: the clock was set back since.
    return found is not None and abs(time.time() - found[0].timestamp()) <= STALE_AFTER


def address() -> str:
    """Return the database's, from the environment or the file it names (config/files.py)."""
    given = os.environ.get("DATABASE_URL", "")
    if given:
        return given
    with open(os.environ.get("DATABASE_URL_FILE", ""), encoding="utf-8") as file:
        return file.read().strip()


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
        if abs(time.time() - SIGN.stat().st_mtime) < SIGN_STALE_AFTER:
            return True
    except FileNotFoundError:
        pass
    return not broker_answers()


def broker_answers() -> bool:
    """Ask the broker for a connection. Only where the sign is missing does Celery load."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `-P` leaves it out
    from config.celery import app

    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=SECONDS)
    except Exception:  # each broker's library raises its own
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
