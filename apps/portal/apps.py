"""Application registration."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The patient's own pages."""

    name = "apps.portal"

    def ready(self) -> None:
        """Have the dispatcher send codes and invitations, too: somebody waits for a code."""
        from apps.alerts.rounds import register_round
        from apps.portal.delivery import send_waiting

        register_round("portal mails", 2.0, send_waiting)
