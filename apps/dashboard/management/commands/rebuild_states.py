"""`manage.py rebuild_states`: work out every patient's state row again, or look for wrong ones."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from apps.dashboard.state_actions import differing, rebuild_states
from apps.database.working_command import WorkingCommand


class Command(WorkingCommand):
    """Rebuild, or with --check compare and change nothing."""

    help = "Work out the board's row of every patient again from the truth."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--check`."""
        parser.add_argument("--check", action="store_true", help="compare, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild with progress; with --check exit 1 when a row differs."""
        now = timezone.now()
        if options["check"]:
            wrong = differing(now)
            if wrong:
                raise CommandError(f"{len(wrong)} or more rows differ; run rebuild_states.")
            self.stdout.write("Every row is as it should be.")
            return
        done = rebuild_states(now, say=lambda count: self.stderr.write(f"{count} patients …"))
        self.stdout.write(f"{done} patients done.")
