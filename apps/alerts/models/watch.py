"""What the machinery says of itself: no clinical data here."""

from typing import ClassVar, TypeAlias

from django.db import models
from django.db.models import Q

from apps.alerts.models.guards import known
from apps.patients.models import Clinic


class Heartbeat(models.Model):
    """When a background process last showed a sign of life."""

    name = models.CharField(max_length=20, primary_key=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.beat_at:%H:%M:%S}"


class MailServer(models.Model):
    """What the last mails learnt of a mail server; apps/alerts/breaker.py keeps it.

    While `retry_at` is set the breaker is open and only one probe is sent, then.
    """

    name = models.CharField(max_length=255, primary_key=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    retry_at = models.DateTimeField(null=True, blank=True)
    reply = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}, {self.failures} failures in a row"


class SystemAlertKind(models.TextChoices):
    """What went wrong."""

    STRANDED = "stranded", "An alert has passed its time and nothing has moved it"
    UNREACHED = "unreached", "An open alert has reached nobody"
    DRILL = "drill", "The weekly drill was missed, slow or not delivered"


class SystemAlert(models.Model):
    """Something wrong with the machinery itself, told to the clinic's leads and to every page."""

    Kind: TypeAlias = SystemAlertKind

    kind = models.CharField(max_length=10, choices=Kind)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            known("system_alert_kind_known", "kind", SystemAlertKind),
            models.UniqueConstraint(
                fields=["clinic", "kind"],
                condition=Q(closed_at__isnull=True),
                name="system_alert_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.opened_at:%Y-%m-%d %H:%M}"
