"""Application registration."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Staff pages that join the other apps."""

    name = "apps.dashboard"

    def ready(self) -> None:
        """Have the dispatcher send mails about access, too: it needs no broker."""
        from apps.alerts.rounds import register_round
        from apps.dashboard.staff_delivery import send_waiting

        register_round("staff mails", 2.0, send_waiting)
