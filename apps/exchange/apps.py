"""Application registration."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """What leaves the app on paper and in calendars."""

    name = "apps.exchange"

    def ready(self) -> None:
        """Have a restored database answer no calendar's address of before."""
        from apps.database.restored import ends_with_a_restore
        from apps.exchange.actions import revoke_every_feed

        ends_with_a_restore("addresses of calendars", revoke_every_feed)
