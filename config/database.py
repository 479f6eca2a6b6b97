"""How processes are connected to PostgreSQL, and when it ends a session that does nothing."""

from typing import Any, Final

from django.db import connections

# A request or task whose host was cut off in the middle of a transaction would keep its row
# locks for hours, and with them every answer of those patients. A task has 30 s in all
# (CELERY_TASK_TIME_LIMIT), and no transaction waits for anything but the database.
IDLE_IN_TRANSACTION_SECONDS: Final = 30
# Longer than any page: then the reader has gone. It counts waiting for a lock, too.
STATEMENT_SECONDS: Final = 30
# A host that is cut off says no good-bye: asked after 15 s of silence, given up 15 s later.
KEEPALIVES: Final = {
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# The same asked by the server, which is the one that holds the locks.
SESSION: Final = {
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30s",
}


def database(place: dict[str, Any]) -> dict[str, Any]:
    """Return Django's settings for the database at this place, as `env.db_url_config` reads it.

    What the address itself asks for with `?options=` comes last and so wins.
    """
    own = place.get("OPTIONS", {})
    return {
        **place,
        "ENGINE": "apps.database.postgresql",  # Django's, with kept statements and a scope
        # Measured: as fast as a pool, and no failed request after PostgreSQL restarts.
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**KEEPALIVES, **own, "options": in_words(SESSION, own.get("options", ""))},
    }


def in_words(limits: dict[str, str], more: str = "") -> str:
    """Return settings of a session as libpq's `options` takes them, then `more`."""
    return " ".join([*(f"-c {name}={value}" for name, value in limits.items()), more]).strip()


def hurry() -> None:
    """Have PostgreSQL end each statement that this process, a page's, waits for too long."""
    options = connections.settings["default"]["OPTIONS"]
    limit = {"statement_timeout": f"{STATEMENT_SECONDS}s"}
    options["options"] = in_words(limit, options["options"])
