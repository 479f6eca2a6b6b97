"""`manage.py send_reminders`: the same from cron, without a broker."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.checkins.reminder_delivery import deliver_due
from apps.checkins.reminder_sweep import sweep_reminders


class Command(BaseCommand):
    """Sweep once and send what is due."""

    help = "Plan, close and judge check-in windows once, and send the reminders that are due."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one sweep."""
        report = sweep_reminders(timezone.now())
        sent = deliver_due(timezone.now)
        self.stdout.write(
            f"{report.planned} planned, {report.missed} missed, {report.judged} judged, "
            f"{report.left_in_peace} left in peace, {sent} mails tried"
        )
