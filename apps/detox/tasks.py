"""Celery's way to the clocks of units: one call. What a dead broker loses the dispatcher does."""

from celery import shared_task
from django.utils import timezone

from apps.detox import clocks


@shared_task
def run_care_clocks() -> None:
    """Open a task or an alert for every clock of a referral, a stay or a discharge that ran out."""
    clocks.sweep_detox(timezone.now())
