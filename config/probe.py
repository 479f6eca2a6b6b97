"""Does this process live? `python -m config.probe web|dispatcher|sweep|worker` ends with 0 or 1.

For containers: `web` asks the page of its own machine, the others look for the sign of life that
the process leaves in the database, so that a probe needs no broker and no other container.
"""

import http.client
import os
import sys
from urllib.parse import urlsplit

PORT = 8000
SECONDS = 4


def main(arguments: list[str]) -> int:
    """Return 0 when the process lives, 1 when it should be started again, 2 for a wrong name."""
    name = arguments[0] if len(arguments) == 1 else ""
    if name == "web":
        return 0 if web_lives() else 1
    import django

    django.setup()
    from django.db import Error
    from django.utils import timezone

    from apps.alerts.health import WATCHED, check_health

    if name not in WATCHED:
        print(f"Which process? One of web, {', '.join(WATCHED)}.", file=sys.stderr)
        return 2
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
