"""Work for every clinic: found in all of them at once, done row by row inside each row's own.

What finds the work reads past the wall and returns each key with its clinic; from there on the
wall stands, so that a row of one clinic can never tell or change anything of another.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import groupby
from logging import Logger
from operator import itemgetter
from typing import Any
from uuid import UUID

from apps.database.scope import every_clinic, one_clinic
from apps.patients.models import DRILL_CLINIC

Found = Iterable[tuple[Any, UUID]]  # keys of rows, each with the clinic of its row


def inside(clinic_id: UUID) -> AbstractContextManager[None]:
    """Show the block the rows of one clinic: the one whose work is done in it.

    A drill is the one thing that joins two: its invented patient lives in a clinic of its own,
    where nobody is real, and its messages go to the people of the clinic that it proves.
    """
    return every_clinic() if clinic_id == DRILL_CLINIC else one_clinic(clinic_id)


def move_each(
    found: Found, move: Callable[[Any, datetime], bool], now: datetime, logger: Logger, failed: str
) -> int:
    """Move each row in its own transaction and clinic; one that fails stops no other.

    Return how many moved. `failed` is the line of the log for one that failed, with `%s` for
    its key.
    """
    moved = 0
    for key, clinic_id in list(found):
        try:
            with inside(clinic_id):
                moved += move(key, now)
        except Exception:
            logger.exception(failed, key)
    return moved


def clinic_by_clinic(found: Found) -> Iterator[list[Any]]:
    """Yield the keys of one clinic after the other; the loop's body runs inside that clinic."""
    by_clinic = sorted(found, key=itemgetter(1))
    for clinic_id, rows in groupby(by_clinic, key=itemgetter(1)):
        with inside(clinic_id):
            yield [key for key, _ in rows]
