"""What PostgreSQL refuses whatever code asks for it: made here from the tables of this app.

A rule that looks at one row is a constraint, or a trigger whose condition PostgreSQL judges
before it calls anything; only what spans two tables asks a query (docs/adr/0032).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import pgtrigger
from django.db import models
from django.db.models import Q

# The migrations of the first release name it here.
from apps.database.same_clinic import SameClinic as SameClinic

S = TypeVar("S", bound=StrEnum)


def known(name: str, field: str, values: Iterable[Any], *, blank: bool = False) -> Any:
    """Return the constraint that a field holds one of its listed values."""
    listed = [str(value) for value in values]
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": [*listed, *([""] if blank else [])]}), name=name
    )


def keys(choices: Iterable[tuple[Any, Any]]) -> list[str]:
    """Return the stored values of a list of choices."""
    return [str(value) for value, _ in choices]


def begins(name: str, table: Mapping[S, object]) -> pgtrigger.Trigger:
    """Return the trigger that lets a row begin only in the first state of its table."""
    return pgtrigger.Protect(
        name=name,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Condition(f"NEW.status <> '{next(iter(table))}'"),
    )


def fixed(name: str, *fields: str) -> pgtrigger.Trigger:
    """Return the trigger that lets these fields never change once the row is there."""
    return pgtrigger.ReadOnly(name=name, fields=list(fields))


def once(name: str, *columns: str) -> pgtrigger.Trigger:
    """Return the trigger that lets these columns be filled in and never changed after that."""
    changed = (f"(OLD.{c} IS NOT NULL AND NEW.{c} IS DISTINCT FROM OLD.{c})" for c in columns)
    return pgtrigger.Protect(
        name=name,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(f"({' OR '.join(changed)})"),
    )


def never_emptied(name: str) -> pgtrigger.Trigger:
    """Return the trigger that refuses to empty the table, or one that it hangs on."""
    return pgtrigger.Trigger(
        name=name,
        operation=pgtrigger.Truncate,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        func="RAISE EXCEPTION 'The record of alerts is never emptied: TRUNCATE is refused.';",
    )
