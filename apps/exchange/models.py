"""The address at which a patient's own calendar program fetches the plan."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.patients.models import Clinic, Patient


class FeedQuerySet(models.QuerySet["CalendarFeed"]):
    """Reads of feeds."""

    def live(self) -> "FeedQuerySet":
        """Return feeds nobody has revoked."""
        return self.filter(revoked_at__isnull=True)


class CalendarFeed(models.Model):
    """One address of one patient's calendar; the table holds only the hash of its token."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="calendar_feeds")
    token_hash = models.CharField(max_length=64, unique=True)
    with_names = models.BooleanField(
        default=False, help_text="The patient wants the medicine's name in the calendar."
    )
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: the patient."
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = FeedQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["patient"], condition=Q(revoked_at__isnull=True), name="feed_one_live"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | Q(revoked_at__gte=models.F("created_at")),
                name="feed_revoked_later",
            ),
        ]

    def __str__(self) -> str:
        return f"Feed {self.pk}"
