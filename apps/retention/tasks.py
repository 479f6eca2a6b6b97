"""Celery's turn of the removal of records: one call."""

from celery import shared_task
from django.utils import timezone

from apps.retention import erasing


@shared_task
def erase_records() -> None:
    """Remove a few of the records that are signed away and whose week is over."""
    erasing.erase_due(timezone.now())
