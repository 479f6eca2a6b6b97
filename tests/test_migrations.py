"""The previous release runs on the new schema: a migration only adds; a later one takes away."""

from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

# What no code has used since the release before: {(app, migration): "since which release"}.
CONTRACTS: dict[tuple[str, str], str] = {}
TAKES_AWAY = (
    migrations.RemoveField, migrations.RenameField, migrations.RenameModel, migrations.DeleteModel,
    migrations.AlterModelTable,
)  # fmt: skip


def breaks_old_code(operation: object, was: models.Field | None) -> str:
    """Return why a process of the previous release would fail after this, "" if it would not."""
    if isinstance(operation, TAKES_AWAY):
        return "takes away what the previous release reads"
    if isinstance(operation, migrations.AddField):
        field = operation.field
        given = field.null or field.many_to_many or field.db_default is not models.NOT_PROVIDED
        return "" if given else "a row of the previous release has no value for it"
    if isinstance(operation, migrations.AlterField):
        return "may not be empty any more" if was and was.null and not operation.field.null else ""
    return ""


def test_every_migration_after_the_first_release_only_adds() -> None:
    loader = MigrationLoader(None)
    ours = [key for key, each in loader.disk_migrations.items() if "apps." in each.__module__]
    later = [key for key in ours if not loader.disk_migrations[key].initial]
    assert len(later) > 5
    for key in later:
        if key in CONTRACTS:
            continue
        for operation in loader.disk_migrations[key].operations:
            was = None
            if isinstance(operation, migrations.AlterField):
                before = loader.project_state(key, at_end=False)
                was = before.models[key[0], operation.model_name_lower].fields[operation.name]
            assert breaks_old_code(operation, was) == "", f"{key}: {operation.describe()}"


def test_what_would_break_the_previous_release_is_found() -> None:
    text = models.CharField(max_length=5)
    assert breaks_old_code(migrations.RemoveField("alert", "level"), None)
    assert breaks_old_code(migrations.AddField("alert", "level", text), None)
    kept = models.CharField(max_length=5, db_default="")
    assert not breaks_old_code(migrations.AddField("alert", "level", kept), None)
