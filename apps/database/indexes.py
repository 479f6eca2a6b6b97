"""Indexes built beside the writers, by migrations that can be broken off and run again."""

from typing import Any, Final

from django.contrib.postgres import operations

IS_WHOLE: Final = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


class AddIndexConcurrently(operations.AddIndexConcurrently):
    """Django's, after which `migrate` can be run again wherever it was stopped.

    It stands in no transaction. Broken off, PostgreSQL leaves an index that nothing reads and each
    write pays for, and Django's would find its name taken for ever: it is dropped and built anew.
    One that is whole stays.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Build the index unless it is there."""
        if not schema_editor.collect_sql:
            self._ensure_not_in_transaction(schema_editor)
            with schema_editor.connection.cursor() as cursor:
                cursor.execute(IS_WHOLE, [self.index.name])
                found = cursor.fetchone()
            if found == (True,):
                return
            if found:
                schema_editor.execute(f'DROP INDEX CONCURRENTLY "{self.index.name}"')
        super().database_forwards(app_label, schema_editor, from_state, to_state)
