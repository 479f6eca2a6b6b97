"""Application registration."""

from django.apps import AppConfig


class TapersConfig(AppConfig):
    """Taper plans."""

    name = "apps.tapers"
