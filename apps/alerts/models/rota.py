"""Who is on duty when."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.alerts.ladder import RUNG_LABELS, Rung
from apps.patients.models import Clinic, StaffMember


class ShiftQuerySet(models.QuerySet["Shift"]):
    """Reads of the rota."""

    def at(self, moment: datetime) -> "ShiftQuerySet":
        """Return shifts that cover this moment, of people who are active now."""
        return self.filter(
            starts_at__lte=moment,
            ends_at__gt=moment,
            member__is_active=True,
            member__user__is_active=True,
        )


class Shift(models.Model):
    """One person on one rung of the rota for a span of time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="shifts")
    member = models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="shifts")
    rung = models.CharField(
        max_length=10, choices=[(r.value, RUNG_LABELS[r]) for r in Rung if r != Rung.EVERYONE]
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    objects = ShiftQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("starts_at")), name="shift_ends_after_start"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["clinic", "rung", "ends_at"])]

    def __str__(self) -> str:
        return f"{self.get_rung_display()} {self.starts_at:%Y-%m-%d %H:%M}"
