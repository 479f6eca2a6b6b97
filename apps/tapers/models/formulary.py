"""What a clinic's pharmacy has: products in stock, and the smallest part each is split into."""

import uuid
from decimal import Decimal
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.clinical.products import FORM_NAMES, Form, Product
from apps.patients.models import Clinic

PARTS = [Decimal("1"), Decimal("0.5"), Decimal("0.25")]
FORM_CHOICES = [(form.value, FORM_NAMES[form]) for form in Form]


class FormularyQuerySet(models.QuerySet["FormularyItem"]):
    """Reads of a formulary."""

    def stocked(self) -> "FormularyQuerySet":
        """Return products that are in stock."""
        return self.filter(is_stocked=True)


class FormularyItem(models.Model):
    """One product of a clinic. XR, capsules, film and ODT are never split."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="formulary")
    drug_id = models.CharField(max_length=30)
    strength_mg = models.DecimalField(max_digits=9, decimal_places=4, help_text="Per mL if liquid.")
    form = models.CharField(max_length=12, choices=FORM_CHOICES)
    smallest_part = models.DecimalField(
        max_digits=5, decimal_places=4, help_text="1, 1/2 or 1/4 of a tablet; mL of a liquid."
    )
    is_stocked = models.BooleanField(default=True)

    objects = FormularyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["drug_id", "form", "strength_mg"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["clinic", "drug_id", "strength_mg", "form"], name="formulary_product_once"
            ),
            models.CheckConstraint(condition=Q(strength_mg__gt=0), name="formulary_has_strength"),
            models.CheckConstraint(
                condition=Q(form="tablet", smallest_part__in=PARTS)
                | Q(form="liquid", smallest_part__gt=0)
                | ~Q(form__in=["tablet", "liquid"]) & Q(smallest_part=1),
                name="formulary_only_tablets_are_split",
            ),
        ]

    def __str__(self) -> str:
        return self.product.name

    @property
    def product(self) -> Product:
        """The product as apps.clinical knows it; refuses what cannot exist."""
        part = self.smallest_part.normalize()
        return Product(self.drug_id, self.strength_mg.normalize(), Form(self.form), part)


class FormularyChange(models.Model):
    """One saved change of a formulary: what was in stock before and is now. Never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="formulary_changes")
    number = models.PositiveIntegerField()
    changes = models.JSONField(help_text="A list of [product, before, after], in words.")
    saved_at = models.DateTimeField()
    saved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "number"], name="formulary_numbered_once"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="formulary_change_immutable", operation=pgtrigger.Update | pgtrigger.Delete
            ),
        ]

    def __str__(self) -> str:
        return f"Formulary change {self.number}"
