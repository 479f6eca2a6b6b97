"""Celery's turn of the audit record: one call."""

from celery import shared_task

from apps.audit.actions import seal_events


@shared_task
def seal_audit() -> None:
    """Seal what was recorded since."""
    seal_events()
