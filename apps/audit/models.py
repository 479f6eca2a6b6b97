"""The audit record: one row per act or look, never changed, never removed.

Ids are stored without foreign keys so that the record outlives what it speaks of.
"""

import uuid
from typing import ClassVar

import pgtrigger
from django.db import models


class AuditEvent(models.Model):
    """One thing somebody did or saw, in the past tense (`alert.acknowledged`)."""

    at = models.DateTimeField()
    event = models.CharField(max_length=60)
    clinic_id = models.UUIDField(null=True, blank=True)
    actor_id = models.UUIDField(null=True, blank=True, help_text="Empty for the system itself.")
    patient_id = models.UUIDField(null=True, blank=True)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.UUIDField(null=True, blank=True)
    request_id = models.UUIDField(default=uuid.uuid4)
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["clinic_id", "-at"]),
            models.Index(fields=["patient_id", "-at"]),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="audit_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
            pgtrigger.Trigger(
                name="audit_no_truncate",
                operation=pgtrigger.Truncate,
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                func="RAISE EXCEPTION 'The audit record is append-only: TRUNCATE is refused.';",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.event}"
