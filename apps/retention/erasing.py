"""The job that removes records: a few at a time, each in a transaction of its own.

Every record is judged once more at the moment it would go (docs/adr/0042).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from apps.audit.actions import record
from apps.patients.models import Patient
from apps.patients.moving import inside
from apps.retention.closure import record_keys
from apps.retention.door import DoorClosedError, open_door
from apps.retention.due import NOT_OVER, OVER, one_record, with_keeps
from apps.retention.erased_list import Erased, ErasureError, check_list, write_list
from apps.retention.models import ErasureDecision, ErasureItem, rules_of

AT_A_TIME: Final = 20
KEYS_AT_ONCE: Final = 1_000
NOT_DUE: Final = "By the years in force now it is not due."
GONE: Final = "It was removed before."


def erase_due(now: datetime, *, limit: int = AT_A_TIME) -> int:
    """Remove up to so many records whose decision has begun; return how many were looked at.

    Safe to call at any time and from two processes at once. Raises `ErasureError` where the list
    outside cannot be written, and then removes nothing.
    """
    write_list(now)  # what an earlier call removed and could not list any more
    due = ErasureItem.objects.filter(
        state=ErasureItem.State.WAITING, decision__in=ErasureDecision.objects.to_do(now)
    )
    waiting = due.order_by("decision__begins_at", "pk").values_list("pk", "decision__clinic_id")
    found = list(waiting[:limit])
    if found:
        check_list()
    for key, clinic_id in found:
        with inside(clinic_id):
            settle(key, now)
        write_list(now)
    return len(found)


@transaction.atomic
def settle(item_id: int, now: datetime) -> ErasureItem:
    """Remove one record or keep it, as it stands at this moment; a second call changes nothing.

    Removal, item and audit row are one transaction.
    """
    item = ErasureItem.objects.select_for_update().select_related("decision").get(pk=item_id)
    decision = item.decision
    if item.state != ErasureItem.State.WAITING or decision.withdrawn_at is not None:
        return item
    # Locked first, so that nothing can be added to a record while it goes.
    there = Patient.objects.select_for_update().filter(pk=item.patient_id).exists()
    why = why_not(item, now) if there else GONE
    if why:
        item.state, item.why_kept = ErasureItem.State.KEPT, why
    else:
        item.state, item.rows = ErasureItem.State.ERASED, erase(item.patient_id)
    item.settled_at = now
    item.save(update_fields=["state", "why_kept", "rows", "settled_at"])
    record(
        "record.kept" if why else "record.erased", by=None, now=now, clinic_id=decision.clinic_id,
        patient_id=item.patient_id, obj=decision, rows=item.rows,
    )  # fmt: skip
    if not decision.items.filter(state=ErasureItem.State.WAITING).exists():
        ErasureDecision.objects.filter(pk=decision.pk, done_at=None).update(done_at=now)
    return item


def why_not(item: ErasureItem, now: datetime) -> str:
    """Return what keeps this record now, "" for nothing."""
    rules = rules_of(item.decision.clinic_id)
    old = one_record(item.patient_id, rules, now) if rules else None
    if old is not None:
        return old.why_kept
    patient = with_keeps(Patient.objects.filter(pk=item.patient_id)).get()
    return NOT_DUE if patient.status in OVER else NOT_OVER


def erase(patient_id: UUID) -> int:
    """Remove every row of one record in the caller's transaction; return how many.

    PostgreSQL refuses while an alert is open or a legal hold is in force, whoever asks. Raises
    `ErasureError` if any row stayed.
    """
    keys = record_keys(patient_id)
    with open_door():
        for model in reversed(keys):
            remove(model, keys[model])
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return sum(map(len, keys.values()))


def remove(model: Any, keys: list[Any]) -> None:
    """Delete these rows of one table, all of them."""
    column = connection.ops.quote_name(model._meta.pk.column)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            cursor.execute(f"DELETE FROM {table} WHERE {column} = ANY (%s)", [some])  # noqa: S608 - our own tables
            if cursor.rowcount != len(some):
                raise ErasureError(f"{cursor.rowcount} of {len(some)} rows of {table} went.")


def erase_again(lines: Iterable[Erased], now: datetime) -> Iterator[str]:
    """Remove whom a restore brought back, each with an audit row; yield a sentence for each left.

    What a backup from before the removal still holds open, an alert or a legal hold, stops it
    here too: then a person must look.
    """
    for line in lines:
        try:
            with inside(line.clinic_id):
                _erase_again(line, now)
        except (DatabaseError, ErasureError, DoorClosedError) as error:
            why = str(error).strip().splitlines()[0]
            yield f"The record {line.patient_id} is back and was not removed again: {why}"


@transaction.atomic
def _erase_again(line: Erased, now: datetime) -> None:
    patients = Patient.objects.select_for_update().filter(pk=line.patient_id)
    if not patients.filter(clinic_id=line.clinic_id).exists():
        return
    rows = erase(line.patient_id)
    items = ErasureItem.objects.filter(patient_id=line.patient_id, state="waiting")
    items.filter(decision_id=line.decision_id).update(
        state="erased", rows=rows, settled_at=now, listed_at=now
    )
    record(
        "record.erased_again", by=None, now=now, clinic_id=line.clinic_id,
        patient_id=line.patient_id, rows=rows, decision=str(line.decision_id),
    )  # fmt: skip
