"""What was handed out, and when each product runs out by the plan in force."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.database.kept_rows import immutable
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient


class DispensingQuerySet(models.QuerySet["Dispensing"]):
    """Reads of dispensings."""

    def effective(self) -> "DispensingQuerySet":
        """Return records that no later one corrects."""
        return self.filter(correction__isnull=True)


class Dispensing(models.Model):
    """One product handed out on one day. Never changed: a mistake gets a second row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="dispensings")
    submission_id = models.UUIDField(unique=True, help_text="Made by the form: two taps, one row.")
    product = models.CharField(max_length=80)
    quantity = models.DecimalField(max_digits=9, decimal_places=4, help_text="Pieces, or mL.")
    dispensed_on = models.DateField()
    days = models.PositiveSmallIntegerField(help_text="How long it was meant to last.")
    next_pickup_on = models.DateField()
    note = models.CharField(max_length=300, blank=True)
    corrects = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="correction"
    )
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = DispensingQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-dispensed_on", "-recorded_at"]
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="dispensing_of_clinic"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0) | Q(corrects__isnull=False, quantity=0),
                name="dispensing_has_quantity",
            ),
            models.CheckConstraint(condition=Q(days__gte=1), name="dispensing_has_days"),
            models.CheckConstraint(
                condition=Q(next_pickup_on__gte=F("dispensed_on")), name="dispensing_pickup_later"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["patient", "-dispensed_on"])]
        triggers: ClassVar = [
            immutable("dispensing_immutable"),
        ]

    def __str__(self) -> str:
        return f"Dispensed {self.dispensed_on}"


class RunOutQuerySet(models.QuerySet["RunOut"]):
    """Reads of supply clocks."""

    def due(self, now: datetime) -> "RunOutQuerySet":
        """Return clocks to be looked at again."""
        return self.filter(next_look_at__lte=now)


class RunOut(models.Model):
    """The supply clock of one product of one patient: what is left and when it is gone.

    A row per product, looked at each day and at each change, so that a restart forgets
    nothing; the page computes the same anew.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="run_outs")
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    product = models.CharField(max_length=80)
    left = models.DecimalField(max_digits=9, decimal_places=4)
    run_out_on = models.DateField(null=True, blank=True, help_text="Empty: it lasts.")
    next_pickup_on = models.DateField(null=True, blank=True)
    next_look_at = models.DateTimeField()

    objects = RunOutQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="run_out_of_clinic"
            ),
            models.UniqueConstraint(fields=["patient", "product"], name="run_out_once"),
            models.CheckConstraint(condition=Q(left__gte=0), name="run_out_left_not_negative"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_look_at"]),
            models.Index(fields=["clinic", "run_out_on"]),
        ]

    def __str__(self) -> str:
        return f"Runs out {self.run_out_on}"
