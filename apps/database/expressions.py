"""Conditions that Django has no words for."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import F, Func, QuerySet


def among(column: str, rows: QuerySet[Any, Any]) -> Func:
    """Return that a column holds one of these; PostgreSQL finds them first, expecting few.

    `rows` has one column. Of an ordinary `IN` it would rather guess how many there are.
    """
    return Func(
        F(column), ArraySubquery(rows), output_field=models.BooleanField(),
        arg_joiner=" = ANY (", template="(%(expressions)s))",
    )  # fmt: skip
