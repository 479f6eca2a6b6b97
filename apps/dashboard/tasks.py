"""Celery's tasks of the dashboard: the drill."""

from celery import shared_task
from django.utils import timezone

from apps.dashboard import drill as drills


@shared_task
def drill() -> None:
    """Start the weekly drill when it is due, finish one under way."""
    drills.turn(timezone.now())
