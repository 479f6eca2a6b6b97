"""`manage.py send_reminders`: the same from cron, without a broker."""

from typing import Any

from django.utils import timezone

from apps.checkins.reminder_delivery import deliver_due
from apps.checkins.reminder_sweep import sweep_reminders
from apps.database.clock_command import ClockCommand


class Command(ClockCommand):
    """Sweep once and send what is due."""

    help = "Plan, close and judge check-in windows once, and send the reminders that are due."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one sweep."""
        moment = self.instant(options)
        report = sweep_reminders(moment)
        sent = deliver_due(lambda: max(moment, timezone.now()))
        self.stdout.write(
            f"{report.planned} planned, {report.missed} missed, {report.judged} judged, "
            f"{report.left_in_peace} left in peace, {sent} mails tried"
        )
