"""Application registration."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Alerts, rota, deliveries."""

    name = "apps.alerts"
