"""Load the fictional clinics once: `manage.py load_demo`, in demo mode only."""

import time
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.demo.seed import AlreadyLoadedError, load_demo


class Command(BaseCommand):
    """Make up two clinics, their staff, patients and history."""

    help = "Load the fictional demo clinics into an empty database."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, with a line per stage; an installation that has a clinic is left alone."""
        began = time.monotonic()
        try:
            summary = load_demo(now=timezone.now(), say=self.say)
        except AlreadyLoadedError as error:
            self.say(str(error))
            return
        self.say(f"{summary} in {time.monotonic() - began:.1f} s")

    def say(self, text: str) -> None:
        """Print one line under the supervisor's columns."""
        self.stdout.write(f"  {'':<12} {text}")
        self.stdout.flush()
