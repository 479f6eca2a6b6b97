"""`manage.py run_drill`: send a synthetic red flag through the whole path, and time it."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.dashboard.drill import finish, start_drill


class Command(BaseCommand):
    """Start a drill now and wait for its mail to be accepted."""

    help = "Send a synthetic red flag through check-in, triage, alert and mail, and time it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Accept how long to wait."""
        parser.add_argument("--wait", type=float, default=60.0, help="seconds to wait (60)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the seconds; fail when no mail was accepted in time."""
        drill = start_drill(timezone.now())
        give_up = time.monotonic() + options["wait"]
        while not finish(drill, timezone.now()):
            if time.monotonic() > give_up:
                raise CommandError(
                    f"No mail was accepted within {options['wait']:g} s: is a dispatcher running?"
                )
            time.sleep(0.05)
        drill.refresh_from_db()
        self.stdout.write(f"drill {drill.alert.reference}: mail accepted in {drill.seconds:.2f} s")
