"""The app of the JSON API."""

from django.apps import AppConfig
from django.utils import timezone


class ApiConfig(AppConfig):
    """Answers a clinic's own programs."""

    name = "apps.api"

    def ready(self) -> None:
        """Have the dispatcher forget old answers of programs that ask no more."""
        from apps.alerts.rounds import register_round
        from apps.programs.idempotency import forget_answers

        register_round("kept-answers", 600.0, lambda: forget_answers(timezone.now()))
