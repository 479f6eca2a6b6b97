"""`manage.py seal_audit`: seal the audit rows that wait, from cron, without a broker."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.audit.actions import seal_events


class Command(BaseCommand):
    """Seal until nothing waits."""

    help = "Append the audit rows that wait to their clinics' hash chains."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many rows were sealed."""
        total = 0
        while sealed := seal_events():
            total += sealed
        self.stdout.write(f"sealed {total}")
