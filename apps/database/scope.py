"""Whose rows the running code may see: one clinic's, every clinic's or none.

The scope is held in the process and told to PostgreSQL with the next statement
(`postgresql/told.py`); the policies made by `policies.py` then hide everything else.

Outside a request it is "every clinic", so that a forgotten scope never stops a sweep. Within
a request it is "none" until the person or the link is known, so that a forgotten scope never
shows a row (docs/adr/0041).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from uuid import UUID

EVERY: Final = "*"
NONE: Final = ""
# Every clinic, for the job that removes old records and may do nothing else.
RETENTION: Final = "retention"
# No scope but the login itself: it owns the tables, and passes every policy.
OWNER: Final = "owner"

_scope: ContextVar[str] = ContextVar("clinic scope", default=EVERY)


def current() -> str:
    """Return the id of the clinic, or one of the constants above."""
    return _scope.get()


def enter_clinic(clinic_id: UUID) -> None:
    """Show the rest of this request, or of this block, the rows of one clinic."""
    _scope.set(str(clinic_id))


@contextmanager
def one_clinic(clinic_id: UUID) -> Iterator[None]:
    """Show the block the rows of one clinic."""
    with _during(str(clinic_id)):
        yield


@contextmanager
def no_clinic() -> Iterator[None]:
    """Show the block no clinic's rows, until it enters one."""
    with _during(NONE):
        yield


@contextmanager
def every_clinic() -> Iterator[None]:
    """Show the block all rows: for a link that names its clinic, and for the whole installation.

    Each use in the applications is listed with its reason in `tests/security/test_clinic_wall.py`.
    """
    with _during(EVERY):
        yield


@contextmanager
def as_retention() -> Iterator[None]:
    """Run the block as the role that may remove rows of a record, and nothing else."""
    with _during(RETENTION):
        yield


@contextmanager
def as_owner() -> Iterator[None]:
    """Run the block as the owner of the tables: migrations and backups, and tests that tamper."""
    with _during(OWNER):
        yield


@contextmanager
def _during(scope: str) -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)
