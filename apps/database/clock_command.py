"""What every command of a clock has in common: the instant at which it sweeps."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from apps.database.working_command import WorkingCommand


class ClockCommand(WorkingCommand):
    """Takes `--at`, an instant to sweep at: for rehearsals, in debug and the demonstration only."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Accept the instant."""
        parser.add_argument("--at", help="ISO time to sweep at (only in debug or demo mode)")

    def instant(self, options: dict[str, Any]) -> datetime:
        """Return the instant to sweep at, now unless told; a naive time is UTC.

        Raises `CommandError` outside of debug and demo mode, and for what is no time.
        """
        text = options["at"]
        if text is None:
            return timezone.now()
        if not (settings.DEBUG or settings.DEMO_MODE):
            raise CommandError("--at is for rehearsals: it works only in debug or demo mode.")
        try:
            found = datetime.fromisoformat(text)
        except ValueError as error:
            raise CommandError(
                f"--at takes an ISO time such as 2026-12-01T02:30Z: {error}"
            ) from error
        return found if found.tzinfo else found.replace(tzinfo=UTC)
