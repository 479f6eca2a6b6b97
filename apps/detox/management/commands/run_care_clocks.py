"""`manage.py run_care_clocks`: referrals, rounds and discharges from cron, without a broker."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.detox.clocks import sweep_detox


class Command(BaseCommand):
    """Sweep once; with `--at` at a given instant, only in debug and the demonstration."""

    help = "Open tasks and alerts for referrals, rounds, discharges and aftercare that are due."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take an instant to sweep at, as `sweep_alerts` does."""
        parser.add_argument("--at", help="ISO time to sweep at (only in debug or demo mode)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one sweep."""
        report = sweep_detox(moment(options["at"]))
        self.stdout.write(
            f"{report.levels} levels of care asked for, {report.days} days without a check-in, "
            f"{report.rounds} rounds overdue, {report.overdue} tasks overdue"
        )


def moment(at: str | None) -> datetime:
    """Return the instant to sweep at; raises `CommandError` outside of debug."""
    if at is None:
        return timezone.now()
    if not (settings.DEBUG or settings.DEMO_MODE):
        raise CommandError("--at is for debug and the demonstration only.")
    try:
        found = datetime.fromisoformat(at)
    except ValueError as error:
        raise CommandError("--at takes an ISO time, such as 2026-12-01T02:30Z.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
