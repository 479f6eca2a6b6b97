"""Application registration."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The append-only audit record."""

    name = "apps.audit"
