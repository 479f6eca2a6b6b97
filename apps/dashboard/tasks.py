"""Celery's tasks of the dashboard: the drill, mails about access, the state rows."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.alerts.tasks import Doorbell
from apps.dashboard import break_glass, count_actions, staff_delivery, state_actions
from apps.dashboard import drill as drills


@shared_task
def drill() -> None:
    """Start the weekly drill of each clinic where it is due. The sweep ends it."""
    drills.start_due(timezone.now())


@shared_task
def send_staff_mail(mail_id: str) -> None:
    """Send one mail about somebody's access. The dispatcher sends it where no worker does."""
    staff_delivery.deliver_due(timezone.now, only=UUID(mail_id), limit=1)


@shared_task
def tell_leads(access_id: str = "") -> None:
    """Tell the clinical leads of every record that was opened in an emergency and not told yet.

    Beat asks each minute, so that mails about access leave where the dispatcher is down, too.
    """
    break_glass.tell_leads(timezone.now)
    staff_delivery.send_waiting()


glass_bell = Doorbell(tell_leads)
staff_bell = Doorbell(send_staff_mail)


@shared_task
def refresh_states() -> None:
    """Bring the state rows of patients who changed up to the truth."""
    state_actions.refresh_noted(timezone.now())


@shared_task
def count_days() -> None:
    """Count the days of each clinic whose counts are missing or too old."""
    count_actions.count_due(timezone.now())
