"""`manage.py extend_rotas`: make the coming weeks' shifts, for cron where there is no beat."""

from typing import Any

from django.utils import timezone

from apps.alerts.rota_actions import extend_all
from apps.database.working_command import WorkingCommand


class Command(WorkingCommand):
    """Make what is missing; running it again makes nothing."""

    help = "Make the shifts of the coming weeks from every clinic's weekly pattern."

    def handle(self, *args: Any, **options: Any) -> None:
        """Extend every rota and print how many shifts are new."""
        self.stdout.write(f"{extend_all(timezone.now())} new shifts")
