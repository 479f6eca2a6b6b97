"""Writes of the state rows: nothing a person did, so no audit row of their own.

Every way in may run at once and as often as one likes: the row is worked out anew from
the truth each time, never counted up or down.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from apps.dashboard.models import PatientChange, PatientState
from apps.dashboard.states import states_of
from apps.database.scope import every_clinic
from apps.patients.models import Patient

BATCH: Final = 250
KEPT: Final = [
    field.name for field in PatientState._meta.concrete_fields if field.name != "patient"
]


@every_clinic()
def refresh_states(patient_ids: Sequence[UUID], now: datetime) -> int:
    """Bring the rows of these patients up to the truth; return how many.

    One refresh at a time: a slower one that began earlier would put an old row over a
    new one. What is noted while it runs stays noted.
    """
    return refresh_some(patient_ids, now) if patient_ids else 0


@transaction.atomic
def refresh_some(patient_ids: Sequence[UUID], now: datetime) -> int:
    """Do the same for at least one patient."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('dashboard.state'))")
    notes = list(
        PatientChange.objects.filter(patient_id__in=patient_ids).values_list("pk", flat=True)
    )
    rows = states_of(patient_ids, now)
    PatientState.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["patient"], update_fields=KEPT
    )
    PatientChange.objects.filter(pk__in=notes).delete()
    return len(rows)


@every_clinic()
def refresh_noted(now: datetime, *, limit: int = BATCH) -> int:
    """Refresh patients who changed, and those whom the calendar changed; return how many.

    Called by the clock every few seconds, and by the pages that show the rows, so that
    none shows what was true before.
    """
    clock = PatientState.objects.clock_due(now).values_list("patient_id")[:limit]
    noted = PatientChange.objects.order_by("pk").values_list("patient_id")[:limit]
    found = dict.fromkeys(row[0] for row in noted.union(clock, all=True))
    return refresh_states(list(found)[:limit], now)


def rebuild_states(now: datetime, say: Callable[[int], None] | None = None) -> int:
    """Work out every patient's row again, in batches; return how many.

    `say` hears after each batch how many are done.
    """
    done, after = 0, None
    while True:
        patients = Patient.objects.order_by("pk")
        page = patients if after is None else patients.filter(pk__gt=after)
        ids = list(page.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return done
        done, after = done + refresh_states(ids, now), ids[-1]
        if say:
            say(done)


def differing(now: datetime, limit: int = 100) -> list[UUID]:
    """Return patients whose row is not what it should be; empty when all is well."""
    wrong: list[UUID] = []
    ids = list(Patient.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        kept = PatientState.objects.in_bulk(batch)
        wrong += [row.pk for row in states_of(batch, now) if unlike(row, kept.get(row.pk))]
        if len(wrong) >= limit:
            break
    return wrong[:limit]


def unlike(row: PatientState, kept: PatientState | None) -> bool:
    """Answer whether a kept row says something else than the truth."""
    names = [name for name in KEPT if name != "search"]
    return kept is None or any(getattr(row, name) != getattr(kept, name) for name in names)
