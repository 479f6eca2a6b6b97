"""Which rows are a patient's record: found by walking the foreign keys of the models.

A table that is added tomorrow belongs to the record tomorrow. What is kept without a foreign key,
the audit record and the items of a signed removal, is no part of it and outlives it.
"""

from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Q

from apps.patients.models import Patient

Model = type[models.Model]


def our_models() -> list[Model]:
    """Return the stored models of this project's own apps."""
    return [model for model in apps.get_models() if model.__module__.startswith("apps.")]


@cache
def record_tables() -> dict[Model, tuple[str, ...]]:
    """Return each table of a record with the fields that tie it, owners before what they own.

    A row with a patient of its own belongs to that patient, whatever else it points to.
    """
    found: dict[Model, tuple[str, ...]] = {Patient: ("pk",)}
    while True:
        new = {
            model: ties
            for model in our_models()
            if model not in found and (ties := _ties(model, found))
        }
        if not new:
            return found
        found |= new


def _ties(model: Model, found: dict[Model, tuple[str, ...]]) -> tuple[str, ...]:
    keys = [f for f in model._meta.concrete_fields if f.is_relation and f.related_model in found]
    own = [f.name for f in keys if f.related_model is Patient and not f.null]
    # All of what points into the record: a mail to a trusted person names no patient.
    return tuple(own or (f.name for f in keys))


def record_keys(patient_id: UUID) -> dict[Model, list[object]]:
    """Return the keys of every row of one record, owners before what they own."""
    keys: dict[Model, list[object]] = {}
    for model, ties in record_tables().items():
        belongs = Q()
        for tie in ties:
            owner: Any = model if tie == "pk" else model._meta.get_field(tie).related_model
            belongs |= Q(**{f"{tie}__in": [patient_id] if tie == "pk" else keys[owner]})
        rows = model._base_manager.filter(belongs).values_list("pk", flat=True)
        keys[model] = list(rows)
    return keys
