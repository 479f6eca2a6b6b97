"""`manage.py erase_records`: remove what is signed away and whose week is over, now."""

from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from apps.database.working_command import WorkingCommand
from apps.retention.door import DoorClosedError
from apps.retention.erased_list import ErasureError
from apps.retention.erasing import erase_due


class Command(WorkingCommand):
    """Do in one go what Celery does a few at a time; harmless at any time."""

    help = "Remove the records whose removal was signed and has begun. Needs ERASURE_LIST."

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how many were looked at, or why none."""
        total = 0
        try:
            while done := erase_due(timezone.now()):
                total += done
        except (ErasureError, DoorClosedError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{total} records settled.")
