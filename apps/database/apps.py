"""Application registration."""

from django.apps import AppConfig


class DatabaseConfig(AppConfig):
    """PostgreSQL: kept statements, and the second wall between clinics."""

    name = "apps.database"
