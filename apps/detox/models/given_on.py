"""A dose that goes on and that another doctor gives: the honest end of care for who stays on it."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.database.kept_rows import immutable
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient


class GivenOn(models.Model):
    """Another doctor agreed to give a patient's dose on, by a prescriber's signature."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="given_on")
    prescriber = models.CharField(max_length=200, help_text="Who gives it on: name and practice.")
    reached_by = models.CharField(max_length=200, help_text="How they are reached.")
    taken = models.CharField(max_length=300, help_text="What they give: drug and dose a day.")
    agreed_on = models.DateField(help_text="The day on which they agreed.")
    agreed = models.TextField(max_length=2000, help_text="What was agreed, and how.")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    signed_with = models.CharField(max_length=20)

    class Meta:
        ordering: ClassVar = ["-recorded_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~(
                    Q(prescriber="") | Q(reached_by="") | Q(taken="") | Q(agreed="")
                    | Q(signed_with="")
                ),
                name="given_on_is_whole",
            ),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="given_on_of_clinic"
            ),
        ]  # fmt: skip
        triggers: ClassVar = [immutable("given_on_immutable")]

    def __str__(self) -> str:
        return f"Given on by {self.prescriber}, {self.agreed_on}"
