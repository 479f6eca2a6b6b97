"""Which broker `make run` uses. It is only a doorbell: PostgreSQL holds every alert."""

from collections.abc import Mapping

from config.embedded.errors import StartError
from config.embedded.redis import find_redis

GIVEN, REDIS, PGMQ = "given", "redis", "pgmq"


def choose_broker(environment: Mapping[str, str]) -> str:
    """Return GIVEN if CELERY_BROKER_URL is set, else Redis, else pgmq on our own PostgreSQL.

    GLIDEPATH_BROKER forces one of the two embedded ones, so that both can be tried anywhere.
    """
    forced = environment.get("GLIDEPATH_BROKER", "")
    if forced not in ("", REDIS, PGMQ):
        raise StartError(f"GLIDEPATH_BROKER is {forced!r}: it takes redis or pgmq.")
    if environment.get("CELERY_BROKER_URL"):
        return GIVEN
    if forced:
        return forced
    return REDIS if find_redis() else PGMQ


def install_pgmq(database_url: str) -> None:
    """Add pgmq's tables and functions to the database, once; plain SQL, no extension needed."""
    import psycopg  # imported late: the supervisor prints its first line sooner
    from pgmq.install import get_embedded_install_sql, install_pgmq_sql

    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT to_regnamespace('pgmq') IS NOT NULL").fetchone()
        if not (found and found[0]):
            install_pgmq_sql(get_embedded_install_sql(), conn=connection)
