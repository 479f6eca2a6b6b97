"""Application registration."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Staff pages that join the other apps."""

    name = "apps.dashboard"
