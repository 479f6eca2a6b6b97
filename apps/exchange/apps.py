"""Application registration."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """What leaves the app on paper and in calendars."""

    name = "apps.exchange"
