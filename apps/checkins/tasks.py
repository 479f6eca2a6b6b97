"""Celery's way to the reminders: one call. What a dead broker loses the dispatcher does."""

from celery import shared_task
from django.utils import timezone

from apps.checkins import clock_sweep, reminder_sweep


@shared_task
def send_reminders() -> None:
    """Move every reminder whose clock has run out, and send what is due."""
    reminder_sweep.ask_and_judge()


@shared_task
def run_clocks() -> None:
    """Open a task for every review and every supply whose clock has run out."""
    clock_sweep.sweep_clocks(timezone.now())
