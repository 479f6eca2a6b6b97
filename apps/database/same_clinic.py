"""A link between two rows of which PostgreSQL knows that both are of one clinic.

A policy judges a row by its own clinic and never by the rows it points at (docs/adr/0041).
"""

from typing import Any

from django.db import migrations, models


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


class AddSameClinicNotValid(migrations.AddConstraint):
    """Ask it of every new row from now on; of those of before in a later `ValidateConstraint`.

    To look at all of them here would stop whoever writes, for as long as that takes.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Add the constraint without a look at the rows that there are."""
        model = to_state.apps.get_model(app_label, self.model_name)
        schema_editor.execute(f"{self.constraint.create_sql(model, schema_editor)} NOT VALID")
