"""Locks of the next reduction: set by triage or by the clock, released by a person."""

import uuid
from datetime import datetime
from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.tapers.models.plan import TaperPlan

# `source_type` and `action` of a hold that the clock set because a step was not unlocked.
SOURCE_CLOCK: Final = "clock"
NOT_UNLOCKED: Final = "not_unlocked"


class HoldQuerySet(models.QuerySet["PlanHold"]):
    """Reads of holds."""

    def open(self) -> "HoldQuerySet":
        """Return holds nobody has released."""
        return self.filter(released_at__isnull=True)

    def at(self, moment: datetime) -> "HoldQuerySet":
        """Return holds that were in force at `moment`."""
        return self.filter(opened_at__lte=moment).exclude(released_at__lte=moment)


class PlanHold(models.Model):
    """Locks the next reduction until a clinician decides. Never changes today's dose."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(TaperPlan, on_delete=models.PROTECT, related_name="holds")
    source_type = models.CharField(max_length=20)
    source_id = models.UUIDField()
    action = models.CharField(max_length=24, help_text="What triage asked for.")
    rules = models.JSONField(default=list)
    note = models.CharField(max_length=200, blank=True, help_text="Why, for holds of the clock.")
    held_step = models.PositiveSmallIntegerField(help_text="The step that stays in force.")
    opened_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    release_reason = models.CharField(max_length=300, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plan", "source_type", "source_id"], name="hold_once_per_source"
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True) | Q(released_by__isnull=False),
                name="hold_released_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"Hold at step {self.held_step}"
