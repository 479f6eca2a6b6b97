"""As whom a process of the application signs in to PostgreSQL: never as one who passes the wall."""

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from apps.database.roles import APP_ROLE, SWEEP_ROLE
from apps.database.scope import as_owner
from apps.database.unfinished import refuse_unfinished

ASK = """
SELECT rolsuper OR rolbypassrls OR EXISTS (
    SELECT FROM pg_class WHERE oid = to_regclass('audit_auditevent')
    AND pg_has_role(session_user, relowner, 'member')
) FROM pg_roles WHERE rolname = session_user
"""
SENTENCE = (
    "The login of DATABASE_URL owns the tables or is a superuser: row-level security and the "
    "audit record would hold only as long as the program behaves. Give this process a login "
    f"that may take the roles {APP_ROLE} and {SWEEP_ROLE} and nothing else, as docs/operations.md "
    "says; the owner is for migrate, backup and restore."
)
log = logging.getLogger(__name__)


def refuse_owner() -> None:
    """Stop a process of a real installation that signs in as the owner of the tables.

    Any process stops before a database into which a restore has begun and not ended.

    Called once, where a process begins. Where the database does not answer yet the process
    starts, as it does for every other reason to wait, and its first connection is judged.
    """
    try:
        refuse(connection)
    except OperationalError:
        log.warning("The database does not answer: its login is judged when it does.")
        connection_created.connect(judge_first, dispatch_uid="refuse owner")
    finally:
        connection.close()  # forked workers begin with connections of their own


def judge_first(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Give nobody a connection until one has passed."""
    try:
        refuse(connection)
    except Exception:
        connection.close()
        raise
    connection_created.disconnect(dispatch_uid="refuse owner")


def refuse(connection: BaseDatabaseWrapper) -> None:
    """Raise `ImproperlyConfigured` for an unfinished restore, or a login that passes the wall."""
    refuse_unfinished(connection)
    if settings.DEBUG or settings.DEMO_MODE:
        return
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(ASK)
        if cursor.fetchone()[0]:
            raise ImproperlyConfigured(SENTENCE)
