"""`manage.py send_portal_mails`: the same from cron, without a broker."""

from typing import Any

from django.utils import timezone

from apps.database.clock_command import ClockCommand
from apps.portal.delivery import deliver_due, sweep_mails


class Command(ClockCommand):
    """Sweep once and send what is due."""

    help = "Send invitations, sign-in codes and trusted people's links that are due."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one sweep."""
        moment = self.instant(options)
        found = sweep_mails(moment)
        tried = deliver_due(lambda: max(moment, timezone.now()))
        self.stdout.write(f"{found} put back, {tried} mails tried")
