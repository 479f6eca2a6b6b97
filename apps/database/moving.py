"""Rows that a sweep moves, one after the other."""

from collections.abc import Callable, Iterable
from datetime import datetime
from logging import Logger
from typing import Any


def move_each(
    keys: Iterable[Any], move: Callable[[Any, datetime], bool], now: datetime, logger: Logger,
    failed: str,
) -> int:  # fmt: skip
    """Move each row in its own transaction; one that fails stops no other. Return how many moved.

    `failed` is the line of the log for one that failed, with `%s` for its key.
    """
    moved = 0
    for key in list(keys):
        try:
            moved += move(key, now)
        except Exception:
            logger.exception(failed, key)
    return moved
