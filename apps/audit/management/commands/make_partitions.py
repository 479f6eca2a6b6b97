"""`manage.py make_partitions`: room for the audit record of the coming months, from cron."""

from typing import Any

from apps.audit.partitions import make_partitions
from apps.database.working_command import WorkingCommand


class Command(WorkingCommand):
    """Do what the nightly look at the record does first."""

    help = "Make the audit record's partitions of this month and the next three."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many rows had no partition until now."""
        self.stdout.write(f"rows that had no partition of their month: {make_partitions()}")
