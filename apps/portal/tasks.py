"""Celery's way to these mails: one call. What a dead broker loses the dispatcher sends."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.alerts.tasks import Doorbell
from apps.portal import delivery


@shared_task
def send_portal_mails() -> None:
    """Put what was lost back on its way, and send what is due."""
    delivery.send_waiting()


@shared_task
def send_portal_mail(mail_id: str) -> None:
    """Send one mail: somebody waits for a code."""
    delivery.deliver_due(timezone.now, only=UUID(mail_id), limit=1)


mail_bell = Doorbell(send_portal_mail)
