"""Whose turn it is in a sweep that looks at more rows than one beat may."""

from typing import Any, Final

from django.db.models import QuerySet

from apps.checkins.models import SweepPlace
from apps.patients.moving import Found

SLICE: Final = 200


def in_turn(name: str, rows: QuerySet[Any], most: int | None = None) -> Found:
    """Return the next of these rows, each with the clinic; after the last the first again.

    Looking at a row need not take it out of `rows`, so the same first ones would keep
    all behind them from ever being seen. `name` is that of the place that is held,
    `most` how many come at a time, else `SLICE`.
    """
    most = most or SLICE
    place, _ = SweepPlace.objects.get_or_create(name=name)
    if place.after:
        rows = rows.filter(pk__gt=place.after)
    found = list(rows.order_by("pk").values_list("pk", "clinic_id")[:most])
    reached = found[-1][0] if len(found) == most else None
    if reached != place.after:
        SweepPlace.objects.filter(name=name).update(after=reached)
    return found
