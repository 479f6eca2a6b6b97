"""`manage.py run_drill`: time a synthetic red flag on the whole path of each clinic."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from apps.alerts.drill_actions import end_drill
from apps.alerts.models import Drill
from apps.dashboard.drill import staffed_clinics, start_drill
from apps.database.working_command import WorkingCommand


class Command(WorkingCommand):
    """Start the drill of every clinic now, or of one, and wait until each reached somebody."""

    help = "Send a synthetic red flag to who is on call in each clinic, and time it. It says so."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Accept one clinic by name, and how long to wait."""
        parser.add_argument("--clinic", default="", help="the name of one clinic (all)")
        parser.add_argument("--wait", type=float, default=60.0, help="seconds to wait (60)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the seconds of each; fail when one reached nobody in time."""
        name = options["clinic"]
        clinics = [each for each in staffed_clinics() if name in ("", each.name)]
        if not clinics:
            raise CommandError("There is no clinic of this name with somebody in it.")
        drills = [start_drill(clinic, timezone.now()) for clinic in clinics]
        give_up = time.monotonic() + options["wait"]
        for drill in drills:
            self.wait_for(drill, give_up)

    def wait_for(self, drill: Drill, give_up: float) -> None:
        """Print how long this one took."""
        while drill.accepted_at is None:
            if time.monotonic() > give_up:
                raise CommandError(
                    f"Drill {drill.alert.reference} reached nobody in time: is a dispatcher "
                    "running?"
                )
            time.sleep(0.05)
            end_drill(drill.pk, timezone.now())
            drill.refresh_from_db()
        self.stdout.write(f"drill {drill.alert.reference}: accepted in {drill.seconds:.2f} s")
