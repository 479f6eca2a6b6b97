"""Conditions that Django has no words for."""

from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import F, Func, QuerySet, Value


def among(column: str, rows: QuerySet[Any, Any]) -> Func:
    """Return that a column holds one of these; PostgreSQL finds them first, expecting few.

    `rows` has one column. Of an ordinary `IN` it would rather guess how many there are.
    """
    return Func(
        F(column), ArraySubquery(rows), output_field=models.BooleanField(),
        arg_joiner=" = ANY (", template="(%(expressions)s))",
    )  # fmt: skip


def unseen(key: UUID) -> Func:
    """Return a key that PostgreSQL looks at only when it runs the statement, not when it plans it.

    For a kept statement with one good plan for every key. Where some keys have far more rows than
    others PostgreSQL expects a plan made for this one to be cheaper, and makes a new one each time.
    """
    return Func(Value(key), output_field=models.UUIDField(), template="(SELECT %(expressions)s)")
