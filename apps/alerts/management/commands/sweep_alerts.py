"""`manage.py sweep_alerts`: the third way to a mail, from cron, without a broker."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.accounts.starting import refuse_weak
from apps.alerts.sweep import deliver_due, sweep


class Command(BaseCommand):
    """Move everything whose clock ran out, then send what is due."""

    help = "Take back lost leases, climb due ladders, re-open forgotten alerts, send due mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Accept an instant to sweep at, for rehearsals."""
        parser.add_argument("--at", help="ISO time to sweep at (only in debug or demo mode)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep once and print what moved."""
        refuse_weak()
        moment = self.moment(options["at"])
        report = sweep(moment)
        sent = deliver_due(lambda: max(moment, timezone.now()))
        self.stdout.write(
            f"leases taken back {report.leases_taken_back}, reopened {report.reopened}, "
            f"climbed {report.climbed}, sent or tried {sent}, stranded {report.stranded}"
        )

    def moment(self, text: str | None) -> datetime:
        """Return the instant to sweep at; a naive time is UTC."""
        if text is None:
            return timezone.now()
        if not (settings.DEBUG or settings.DEMO_MODE):
            raise CommandError("--at is for rehearsals: it works only in debug or demo mode.")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise CommandError(
                f"--at takes an ISO time such as 2026-12-01T02:30Z: {error}"
            ) from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
