"""Celery's tasks of the dashboard: the drill, the mail of an invitation, the state rows."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.alerts.tasks import Doorbell
from apps.dashboard import break_glass, count_actions, invitation_mail, state_actions
from apps.dashboard import drill as drills


@shared_task
def drill() -> None:
    """Start the weekly drill of each clinic where it is due. The sweep ends it."""
    drills.start_due(timezone.now())


@shared_task
def send_invitation(invitation_id: str) -> None:
    """Send one invitation, unless it was withdrawn meanwhile."""
    invitation_mail.send(UUID(invitation_id), timezone.now())


@shared_task
def tell_leads(access_id: str = "") -> None:
    """Tell the clinical leads of every record that was opened in an emergency and not told yet."""
    break_glass.tell_leads(timezone.now)


glass_bell = Doorbell(tell_leads)
invitation_bell = Doorbell(send_invitation)


@shared_task
def refresh_states() -> None:
    """Bring the state rows of patients who changed up to the truth."""
    state_actions.refresh_noted(timezone.now())


@shared_task
def count_days() -> None:
    """Count the days of each clinic whose counts are missing or too old."""
    count_actions.count_due(timezone.now())
