"""Test databases are made, copied and removed by the owner."""

from typing import Any

from django.db.backends.postgresql import creation

from apps.database.scope import as_owner


class DatabaseCreation(creation.DatabaseCreation):
    """What Django's test runner asks for, as the owner of the database."""

    def create_test_db(self, *args: Any, **kwargs: Any) -> str:
        """Create and migrate the test database; return its name."""
        with as_owner():
            name: str = super().create_test_db(*args, **kwargs)
            return name

    def destroy_test_db(self, *args: Any, **kwargs: Any) -> None:
        """Remove the test database."""
        with as_owner():
            super().destroy_test_db(*args, **kwargs)
