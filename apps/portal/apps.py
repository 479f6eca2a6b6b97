"""Application registration."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The patient's own pages."""

    name = "apps.portal"
