"""The audit record: one row per act or look, never changed, never removed.

Ids are stored without foreign keys so that the record outlives what it speaks of.
"""

import uuid
from datetime import UTC, datetime
from typing import ClassVar, Final, Self

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

# What a row said when it was written, of a row named {row}: guards it until its seal.
SAID: Final = (
    "sha256(convert_to(jsonb_build_array({row}.id, extract(epoch FROM {row}.at), {row}.event, "
    "{row}.clinic_id, {row}.actor_id, {row}.patient_id, {row}.object_type, {row}.object_id, "
    "{row}.request_id, {row}.details)::text, 'UTF8'))"
)


# PostgreSQL knows "infinity" and years that no program reads: a row so dated could not be sealed.
FIRST_MOMENT: Final = datetime(1900, 1, 1, tzinfo=UTC)
LAST_MOMENT: Final = datetime(9999, 1, 1, tzinfo=UTC)


def no_truncate(name: str) -> pgtrigger.Trigger:
    """Return the trigger that refuses to empty a table of the record."""
    return pgtrigger.Trigger(
        name=name,
        operation=pgtrigger.Truncate,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        func="RAISE EXCEPTION 'The audit record is append-only: TRUNCATE is refused.';",
    )


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """The record, and whom its rows are about."""

    def about(self, patient_id: uuid.UUID) -> Self:
        """Keep the rows of one patient, and those of lists on which the patient was shown.

        For a request PostgreSQL enters the index of lists only past the wall between clinics:
        see `apps.audit.reading`.
        """
        listed = models.Q(
            details__has_key="patients", details__contains={"patients": [str(patient_id)]}
        )
        return self.filter(models.Q(patient_id=patient_id) | listed)

    def telling_of_alert(
        self, alert_id: uuid.UUID, patient_id: uuid.UUID, opened_at: datetime, end: datetime | None
    ) -> Self:
        """Keep what was done with one alert, and each page, list and file on which it was seen.

        Rows say so in `details["alerts"]`. The patient's own page shows it while it is open.
        """
        told = {"alerts": [str(alert_id)]}
        listed = models.Q(details__has_key="patients", details__contains=told)
        shown = models.Q(patient_id=patient_id, details__contains=told)
        page = models.Q(patient_id=patient_id, event="patient.viewed", at__gte=opened_at)
        if end is not None:
            page &= models.Q(at__lte=end)
        return self.filter(models.Q(object_id=alert_id) | listed | shown | page)


class AuditEvent(models.Model):
    """One thing somebody did or saw, in the past tense (`alert.acknowledged`).

    A list that was read names whom it showed: `details["patients"]`, ids in order. What showed
    alerts names them: `details["alerts"]`.
    """

    at = models.DateTimeField()
    event = models.CharField(max_length=60)
    clinic_id = models.UUIDField(null=True, blank=True)
    actor_id = models.UUIDField(null=True, blank=True, help_text="Empty for the system itself.")
    patient_id = models.UUIDField(null=True, blank=True)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.UUIDField(null=True, blank=True)
    request_id = models.UUIDField(default=uuid.uuid4)
    details = models.JSONField(default=dict, blank=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["clinic_id", "-at"]),
            models.Index(fields=["patient_id", "-at"]),
            # One person's and one thing's trail, newest first.
            models.Index(fields=["actor_id", "-id"], name="audit_of_person"),
            models.Index(fields=["object_id", "-id"], name="audit_of_object"),
            GinIndex(
                fields=["details"],
                opclasses=["jsonb_path_ops"],
                condition=models.Q(details__has_key="patients"),
                name="audit_of_listed",
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="audit_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
            no_truncate("audit_no_truncate"),
            pgtrigger.Trigger(
                name="audit_awaits_seal",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                # By the rights of the owner (apps/database/policies.py): nobody else puts a line
                # there. One that stands in the way is overwritten: no act waits for it.
                func="INSERT INTO audit_unsealedevent (event_id, said) "  # noqa: S608
                f"VALUES (NEW.id, {SAID.format(row='NEW')}) ON CONFLICT (event_id) DO UPDATE "
                "SET said = EXCLUDED.said, since = EXCLUDED.since; RETURN NULL;",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(at__gte=FIRST_MOMENT, at__lt=LAST_MOMENT),
                name="audit_at_can_be_read",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.event}"


class UnsealedEventQuerySet(models.QuerySet["UnsealedEvent"]):
    """The line, and what of it can be sealed."""

    def sealable(self) -> Self:
        """Keep lines of which the audit row is there, and has no seal yet."""
        row = AuditEvent.objects.filter(pk=models.OuterRef("event_id"))
        return self.filter(models.Exists(row)).exclude(models.Exists(self._seal()))

    def sealed(self) -> Self:
        """Keep lines that were put in for rows which have their seal."""
        return self.filter(models.Exists(self._seal()))

    @staticmethod
    def _seal() -> "models.QuerySet[AuditSeal]":
        return AuditSeal.objects.filter(event_id=models.OuterRef("event_id"))


class UnsealedEvent(models.Model):
    """The waiting line for a seal: one row per audit row, put here by trigger and by nobody else.

    Only work for every clinic, where sealing is done, may take a row out of it.
    """

    event_id = models.BigIntegerField(primary_key=True)
    said = models.BinaryField(null=True, help_text="SHA-256 of the audit row as it was written.")
    since = models.DateTimeField(db_default=Now())

    objects = UnsealedEventQuerySet.as_manager()

    def __str__(self) -> str:
        return f"audit row {self.event_id} awaits its seal"


class AuditSeal(models.Model):
    """One link of a clinic's chain: what the audit row said when it was sealed.

    `digest` covers the row and the digest before it, so that a row that was edited, removed
    or put in between shows, and so do all after it.
    """

    # Rows of the installation itself, such as a drill, belong to no clinic: the nil UUID.
    clinic_id = models.UUIDField(default=uuid.UUID(int=0))
    sequence = models.BigIntegerField(help_text="1, 2, 3 … without a gap within a clinic.")
    event_id = models.BigIntegerField(unique=True)
    digest = models.BinaryField(help_text="SHA-256, 32 bytes.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic_id", "sequence"], name="seal_one_per_place"),
            models.CheckConstraint(condition=models.Q(sequence__gte=1), name="seal_from_one"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="seal_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
            no_truncate("seal_no_truncate"),
        ]

    def __str__(self) -> str:
        return f"seal {self.sequence} of {self.clinic_id}"
