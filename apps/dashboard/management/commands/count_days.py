"""`manage.py count_days`: count for the overview every day whose counts are missing or too old."""

from typing import Any

from django.utils import timezone

from apps.dashboard.count_actions import count_due
from apps.database.working_command import WorkingCommand

LONGEST_DAYS = 36_500


class Command(WorkingCommand):
    """Count all of them at once; harmless at any time."""

    help = "Count what happened each day, for the overview."

    def handle(self, *args: Any, **options: Any) -> None:
        """Count, and say how many days."""
        done = count_due(timezone.now(), at_once=LONGEST_DAYS)
        self.stdout.write(f"{done} days counted.")
