"""The app of a clinic's own programs."""

from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    """Programs, their tokens, and the answers kept for a repeated question."""

    name = "apps.programs"
