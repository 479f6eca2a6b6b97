"""The address of a patient's calendar, and what another clinic's record brought in."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.alerts.models.guards import SameClinic
from apps.database.kept_rows import immutable
from apps.exchange.exact_json import ExactDecoder, ExactEncoder
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
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="feed_of_clinic"
            ),
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


class RecordImport(models.Model):
    """One file that brought a patient's record in: who, when, and how much of each type."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="brought_in")
    came_from = models.CharField(max_length=64, help_text="The patient's id in the file.")
    content_hash = models.CharField(max_length=64)
    totals = models.JSONField(help_text="How many resources of each type the file held.")
    imported_at = models.DateTimeField()
    imported_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "came_from"], name="import_once"),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="import_of_clinic"
            ),
        ]
        triggers: ClassVar = [immutable("import_immutable")]

    def __str__(self) -> str:
        return f"Import of {self.imported_at:%Y-%m-%d}"


class KeptResource(models.Model):
    """One FHIR resource as it came, its ids made ours. Read and given back; it drives nothing."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="kept_resources")
    position = models.PositiveIntegerField(help_text="Its place in the file.")
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=64, help_text="Its id here.")
    body = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder)

    class Meta:
        ordering: ClassVar = ["patient", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["patient", "kind", "key"], name="kept_resource_once"),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="kept_of_clinic"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["clinic", "kind", "key"])]
        triggers: ClassVar = [immutable("kept_resource_immutable")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
