"""`manage.py run_care_clocks`: referrals, rounds and discharges from cron, without a broker."""

from typing import Any

from apps.database.clock_command import ClockCommand
from apps.detox.clocks import sweep_detox


class Command(ClockCommand):
    """Sweep once; with `--at` at a given instant, only in debug and the demonstration."""

    help = "Open tasks and alerts for referrals, rounds, discharges and aftercare that are due."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one sweep."""
        report = sweep_detox(self.instant(options))
        self.stdout.write(
            f"{report.levels} levels of care asked for, {report.days} days without a check-in, "
            f"{report.rounds} rounds overdue, {report.overdue} tasks overdue"
        )
