"""Celery's way to the reminders: one call. A lost message here costs some seconds."""

from typing import Final

from celery import shared_task
from django.utils import timezone

from apps.checkins import clock_sweep, reminder_delivery, reminder_sweep

SENDING_SECONDS: Final = 8.0  # and one attempt more stay below Celery's time limit of a task


@shared_task  # type: ignore[untyped-decorator]
def send_reminders() -> None:
    """Move every reminder whose clock has run out, and send what is due."""
    reminder_sweep.sweep_reminders(timezone.now())
    reminder_delivery.deliver_due(timezone.now, seconds=SENDING_SECONDS)


@shared_task  # type: ignore[untyped-decorator]
def run_clocks() -> None:
    """Open a task for every review and every supply whose clock has run out."""
    clock_sweep.sweep_clocks(timezone.now())
