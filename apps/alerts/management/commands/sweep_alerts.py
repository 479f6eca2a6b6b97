"""`manage.py sweep_alerts`: the third way to a mail, from cron, without a broker."""

from typing import Any

from django.utils import timezone

from apps.alerts.sweep import deliver_due, sweep
from apps.database.clock_command import ClockCommand


class Command(ClockCommand):
    """Move everything whose clock ran out, then send what is due."""

    help = "Take back lost leases, climb due ladders, re-open forgotten alerts, send due mail."

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep once and print what moved."""
        moment = self.instant(options)
        report = sweep(moment)
        sent = deliver_due(lambda: max(moment, timezone.now()))
        self.stdout.write(
            f"leases taken back {report.leases_taken_back}, reopened {report.reopened}, "
            f"climbed {report.climbed}, sent or tried {sent}, stranded {report.stranded}"
        )
