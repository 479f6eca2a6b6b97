"""Servers that the person gave us by DATABASE_URL and CELERY_BROKER_URL: do they answer?"""

from urllib.parse import urlsplit, urlunsplit

from config.brokers import transport_options
from config.embedded.errors import StartError

ANSWER_SECONDS = 5


def check_database(url: str) -> None:
    """Return once the database answered; say what to do if it does not."""
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=ANSWER_SECONDS).close()
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise StartError(
            f"The database of DATABASE_URL does not answer ({reason}): start it, correct the "
            "address, or unset DATABASE_URL to use the built-in PostgreSQL."
        ) from error


def check_broker(url: str) -> None:
    """Return once the broker answered; say what to do if it does not."""
    from kombu.connection import Connection
    from kombu.exceptions import KombuError

    connection = Connection(
        url, connect_timeout=ANSWER_SECONDS, transport_options=transport_options(url)
    )
    try:
        with connection:
            connection.ensure_connection(max_retries=1, timeout=ANSWER_SECONDS)
    except (OSError, KombuError, *connection.recoverable_connection_errors) as error:
        raise StartError(
            f"The broker of CELERY_BROKER_URL does not answer ({error}): start it, correct the "
            "address, or unset CELERY_BROKER_URL to use the built-in one."
        ) from error


def pgmq_url(database_url: str) -> str:
    """Return the pgmq address of a given database; the transport reads only the plain parts."""
    parts = urlsplit(database_url)
    if not parts.hostname or parts.query:
        raise StartError(
            "The broker cannot be derived from this DATABASE_URL: set CELERY_BROKER_URL as well."
        )
    return urlunsplit(parts._replace(scheme="pgmq"))
