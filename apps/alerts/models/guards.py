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


class SameClinic(models.constraints.BaseConstraint):
    """A foreign key over the clinic and a second column: what is linked is of the same clinic.

    `field` names this model's foreign key, `to` the table with its (clinic, other) columns,
    which a unique constraint of that table covers. Empty links are fine.
    """

    def __init__(self, *, field: str, to: str, column: str, name: str) -> None:
        """Take the column here, the table there and its column."""
        super().__init__(name=name)
        self.field, self.to, self.column = field, to, column

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        """Return the constraint as a part of CREATE or ALTER TABLE."""
        quote = schema_editor.quote_name
        return (
            f"CONSTRAINT {quote(self.name)} FOREIGN KEY ({quote('clinic_id')}, "
            f"{quote(self.field)}) REFERENCES {quote(self.to)} ({quote('clinic_id')}, "
            f"{quote(self.column)})"
        )

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        """Return the statement that adds it."""
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} ADD {self.constraint_sql(model, schema_editor)}"

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        """Return the statement that drops it."""
        return schema_editor._delete_constraint_sql(
            schema_editor.sql_delete_constraint, model, self.name
        )

    def validate(self, *args: Any, **options: Any) -> None:
        """Leave the judgement to PostgreSQL: no form of this app sets both columns."""

    def deconstruct(self) -> Any:
        """Return what a migration writes down."""
        path, _, _ = super().deconstruct()
        values = {"field": self.field, "to": self.to, "column": self.column, "name": self.name}
        return path, (), values

    def __eq__(self, other: object) -> bool:
        """Compare by what a migration writes down."""
        return isinstance(other, SameClinic) and self.deconstruct() == other.deconstruct()

    __hash__ = models.constraints.BaseConstraint.__hash__
