"""Application registration."""

from django.apps import AppConfig


class CheckinsConfig(AppConfig):
    """Check-ins and triage results."""

    name = "apps.checkins"
