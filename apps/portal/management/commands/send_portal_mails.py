"""`manage.py send_portal_mails`: the same from cron, without a broker."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.portal.delivery import deliver_due, sweep_mails


class Command(BaseCommand):
    """Sweep once and send what is due."""

    help = "Send invitations, sign-in codes and trusted people's links that are due."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one sweep."""
        found = sweep_mails(timezone.now())
        self.stdout.write(f"{found} put back, {deliver_due(timezone.now)} mails tried")
