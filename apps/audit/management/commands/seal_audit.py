"""`manage.py seal_audit`: seal the audit rows that wait, from cron, without a broker."""

from typing import Any

from apps.audit.actions import seal_events
from apps.database.working_command import WorkingCommand


class Command(WorkingCommand):
    """Seal until nothing waits."""

    help = "Append the audit rows that wait to their clinics' hash chains."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many rows were sealed."""
        total = 0
        while sealed := seal_events():
            total += sealed
        self.stdout.write(f"sealed {total}")
