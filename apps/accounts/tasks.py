"""Celery's turn of what sign-in leaves behind: one call."""

from celery import shared_task
from django.utils import timezone

from apps.accounts import actions


@shared_task
def forget_sessions() -> None:
    """Remove sessions that are over, and counts of guesses."""
    actions.forget_sessions(timezone.now())
    actions.forget_counts(timezone.now())
