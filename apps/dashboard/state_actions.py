"""Writes of the state rows: nothing a person did, so no audit row of their own.

Every way in may run at once and as often as one likes: the row is worked out anew from
the truth each time, never counted up or down. A page works out what its own clinic noted, the
clock what every clinic did: it finds the patients of all, and enters the clinic of each.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.dashboard.models import PatientChange, PatientState
from apps.dashboard.states import states_of
from apps.patients.models import Patient
from apps.patients.moving import clinic_by_clinic

BATCH: Final = 250
KEPT: Final = [
    field.name for field in PatientState._meta.concrete_fields if field.name != "patient"
]
logger = logging.getLogger(__name__)


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


def refresh_noted(now: datetime, *, limit: int = BATCH) -> int:
    """Refresh patients who changed, and those whom the calendar changed; return how many.

    Called by the clock every few seconds. One patient whose row cannot be worked out stops
    no other; it stays noted and is tried again.
    """
    found = waiting(PatientChange.objects.all(), PatientState.objects.clock_due(now), limit)
    clinics = dict(Patient.objects.filter(pk__in=found).values_list("pk", "clinic_id"))
    # Of whom nothing is left there is only the note to take away.
    done = refresh_states([each for each in found if each not in clinics], now)
    return done + sum(refresh_many(ids, now) for ids in clinic_by_clinic(clinics.items()))


def refresh_many(patient_ids: Sequence[UUID], now: datetime) -> int:
    """Refresh patients of one clinic; where they cannot be together, one by one."""
    try:
        return refresh_states(patient_ids, now)
    except Exception:
        logger.exception("state rows could not be worked out together; now one by one")
    return sum(refresh_alone(patient_id, now) for patient_id in patient_ids)


def refresh_alone(patient_id: UUID, now: datetime) -> int:
    """Refresh one patient; return 0 and log it if that fails."""
    try:
        return refresh_states([patient_id], now)
    except Exception:
        logger.exception("the state row of patient %s could not be worked out", patient_id)
        return 0


def refresh_own(clinic_id: UUID, now: datetime, *, limit: int) -> None:
    """Refresh the waiting patients of one clinic, so that its page shows nothing of before.

    What fails is logged and left to the clock: the page shows the rows that there are.
    """
    own = Patient.objects.filter(pk=OuterRef("patient_id"), clinic_id=clinic_id)
    due = PatientState.objects.clock_due(now).filter(clinic_id=clinic_id)
    found = waiting(PatientChange.objects.filter(Exists(own)), due, limit)
    try:
        refresh_states(found, now)
    except Exception:
        logger.exception("state rows of clinic %s are left to the clock", clinic_id)


def waiting(notes: QuerySet[PatientChange], due: QuerySet[PatientState], limit: int) -> list[UUID]:
    """Return the patients that these notes and the calendar name, each once."""
    noted = notes.order_by("pk").values_list("patient_id")[:limit]
    both = noted.union(due.values_list("patient_id")[:limit], all=True)
    return list(dict.fromkeys(row[0] for row in both))[:limit]


def rebuild_states(now: datetime, say: Callable[[int], None] | None = None) -> int:
    """Work out every patient's row again, in batches; return how many.

    `say` hears after each batch how many are done.
    """
    done, after = 0, None
    while True:
        patients = Patient.objects.order_by("pk")
        page = patients if after is None else patients.filter(pk__gt=after)
        found = list(page.values_list("pk", "clinic_id")[:BATCH])
        if not found:
            return done
        after = found[-1][0]
        done += sum(refresh_states(ids, now) for ids in clinic_by_clinic(found))
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
