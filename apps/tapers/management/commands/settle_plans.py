"""`manage.py settle_plans`: the turn of the clock for cron, without a broker."""

from typing import Any

from apps.database.clock_command import ClockCommand
from apps.tapers.actions_clock import settle_due


class Command(ClockCommand):
    """Let due steps begin, or lock them; safe to run at any time and as often as liked."""

    help = "Let due steps of plans begin at the patients' midnight, or lock them."

    def handle(self, *args: Any, **options: Any) -> None:
        """Settle and say how many plans changed."""
        changed = settle_due(self.instant(options))
        self.stdout.write(f"{changed} plans changed.")
