"""`manage.py run_clocks`: reviews and supply from cron, without a broker."""

from typing import Any

from apps.checkins.clock_sweep import sweep_clocks
from apps.database.clock_command import ClockCommand


class Command(ClockCommand):
    """Sweep once."""

    help = "Open tasks for reviews that are due and for medicine that runs out."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one sweep."""
        report = sweep_clocks(self.instant(options))
        self.stdout.write(
            f"{report.reviews} reviews called for, {report.left_in_peace} left in peace"
        )
