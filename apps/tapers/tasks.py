"""Celery's turn of the clock: one call. Pages show the same dose before it has run."""

from celery import shared_task
from django.utils import timezone

from apps.tapers.actions_clock import settle_due


# Named by hand: worker logs print the name, and no log may hold a word of a patient's life.
@shared_task(name="apps.plans.settle")
def settle_plans() -> None:
    """Let due steps begin at the patients' midnight, or lock them."""
    settle_due(timezone.now())
