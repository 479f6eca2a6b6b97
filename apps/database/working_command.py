"""A command that works on a real installation begins as each of its processes does."""

import sys
from collections.abc import Callable
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand

from apps.database.login import refuse_owner

# What an app has to say against a start: it raises `ImproperlyConfigured` with a sentence.
REFUSALS: Final[list[Callable[[], None]]] = []


class WorkingCommand(BaseCommand):
    """Started from a command line, by cron or by hand, it refuses what the processes refuse.

    Weak secrets, and a login that owns the tables; the latter is for the commands of the owner,
    who say so by `by_the_owner`. A program that calls it has been judged where it began.
    """

    by_the_owner = False

    def run_from_argv(self, argv: list[str]) -> None:
        """Print the sentence and exit with 1, or run."""
        try:
            for refuse in REFUSALS:
                refuse()
            if not self.by_the_owner:
                refuse_owner()
        except ImproperlyConfigured as error:
            self.stderr.write(str(error))
            sys.exit(1)
        super().run_from_argv(argv)
