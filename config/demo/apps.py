"""The demo app: installed by config/settings.py in demo mode only."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """A fictional installation to look around in."""

    name = "config.demo"
    label = "demo"
