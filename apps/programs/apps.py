"""The app of a clinic's own programs."""

from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    """Programs, their tokens, and the answers kept for a repeated question."""

    name = "apps.programs"

    def ready(self) -> None:
        """Have a restored database let no program in until its person agreed anew."""
        from apps.database.restored import ends_with_a_restore
        from apps.programs.actions import forget_every_secret

        ends_with_a_restore("secrets of programs", forget_every_secret)
