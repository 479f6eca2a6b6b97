"""Application registration."""

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    """How long records are kept, and their removal."""

    name = "apps.retention"

    def ready(self) -> None:
        """Open the job's door after every migration, so that no table is forgotten."""
        from django.db.models.signals import post_migrate

        from apps.retention.door import after_migration

        post_migrate.connect(after_migration, sender=self, dispatch_uid="retention.door")
