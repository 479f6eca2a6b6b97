"""The hash chain over the audit record: how a row is sealed, and how tampering is found."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from django.db import DataError, connection, transaction
from django.db.models import Count, Exists, Min, OuterRef

from apps.audit.models import SAID, AuditEvent, AuditSeal, UnsealedEvent

NO_CLINIC: Final = UUID(int=0)
START: Final = bytes(32)
ROWS_AT_ONCE: Final = 2_000
# Sealing runs every five seconds: what waits so long is not being sealed.
SEALED_WITHIN: Final = timedelta(minutes=10)
NAMED: Final = 5
EDITED_UNSEALED: Final = f"""
SELECT event_id FROM audit_unsealedevent w JOIN audit_auditevent e ON e.id = w.event_id
WHERE w.said <> {SAID.format(row="e")}
"""  # noqa: S608 - made of constants
# On both sides: else PostgreSQL may read the whole record to find a few of its rows.
AMONG: Final = "AND w.event_id = ANY(%(keys)s) AND e.id = ANY(%(keys)s)"


def digest(event: AuditEvent, previous: bytes) -> bytes:
    """Return the SHA-256 over the digest before and everything the row says.

    The row must have been read from the database, so that it looks the same when it is
    sealed and when it is verified.
    """
    said = [
        event.pk,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.event,
        _text(event.clinic_id),
        _text(event.actor_id),
        _text(event.patient_id),
        event.object_type,
        _text(event.object_id),
        _text(event.request_id),
        event.details,
    ]
    written = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(previous + written.encode("ascii")).digest()


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one clinic's chain, to be kept where this database cannot reach."""

    clinic_id: UUID
    sequence: int
    digest: bytes

    def __str__(self) -> str:
        return f"{self.clinic_id}:{self.sequence}:{self.digest.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Read what `str()` wrote. Raises ValueError with a sentence."""
        try:
            clinic, sequence, digest_hex = text.strip().split(":")
            head = cls(UUID(clinic), int(sequence), bytes.fromhex(digest_hex))
        except ValueError as error:
            raise ValueError(
                f"'{text.strip()}' is not a head: it looks like CLINIC:NUMBER:DIGEST, "
                "as verify_audit prints it."
            ) from error
        return head


def head_of(clinic_id: UUID) -> Head:
    """Return the present end of one clinic's chain, which costs the same however long it is."""
    last = AuditSeal.objects.filter(clinic_id=clinic_id).order_by("-sequence").first()
    return Head(clinic_id, last.sequence, bytes(last.digest)) if last else Head(clinic_id, 0, START)


def heads() -> list[Head]:
    """Return the present end of every chain, by clinic; reads the whole chain."""
    clinics = AuditSeal.objects.order_by("clinic_id").values_list("clinic_id", flat=True)
    return [head_of(clinic) for clinic in clinics.distinct()]


def problems(*, known: Sequence[Head] = ()) -> Iterator[str]:
    """Yield one sentence per row that was edited, removed or put in; nothing if all is well.

    `known` are heads kept elsewhere: with them a chain that was cut at its end, or wholly
    rewritten, is found too. Reads the record once, a few thousand rows at a time.
    """
    yield from _broken_links()
    yield from _unsealed_strangers()
    yield from _doubles()
    for pk in edited_unsealed():
        yield f"Audit row {pk} was edited before it was sealed."
    yield from _not_to_be_sealed()
    for head in known:
        seal = AuditSeal.objects.filter(clinic_id=head.clinic_id, sequence=head.sequence).first()
        if seal is None:
            yield f"The chain of clinic {head.clinic_id} ends before its known row {head.sequence}."
        elif bytes(seal.digest) != head.digest:
            yield f"The chain of clinic {head.clinic_id} was rewritten before row {head.sequence}."


def late_seals(now: datetime) -> Iterator[str]:
    """Yield a sentence if rows have waited too long for their seal."""
    late = UnsealedEvent.objects.filter(since__lt=now - SEALED_WITHIN)
    if first := late.aggregate(first=Min("since"))["first"]:
        since = f"{first.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        keys = late.order_by("since", "event_id").values_list("event_id", flat=True)[:NAMED]
        rows = ", ".join(map(str, keys))
        yield f"{late.count()} audit rows wait for a seal, the oldest since {since}: {rows}."


def edited_unsealed(keys: Sequence[int] | None = None) -> list[int]:
    """Return which rows that wait for their seal no longer say what was written, by id.

    Asked of some, it reads those only, however many wait.
    """
    with connection.cursor() as cursor:
        if keys is None:
            cursor.execute(EDITED_UNSEALED)
        else:
            cursor.execute(EDITED_UNSEALED + AMONG, {"keys": list(keys)})
        return sorted(pk for (pk,) in cursor.fetchall())


def legible(keys: Sequence[int]) -> list[AuditEvent]:
    """Return those of the rows, by id, that this program can read; an id of two rows is of none.

    PostgreSQL keeps moments and numbers that Python refuses. One such row is found by halves.
    """
    if not keys:
        return []
    try:
        with transaction.atomic():
            rows = list(AuditEvent.objects.filter(pk__in=keys).order_by("pk"))
    except (DataError, ValueError, RecursionError):
        half = len(keys) // 2
        return legible(keys[:half]) + legible(keys[half:]) if half else []
    times = Counter(row.pk for row in rows)
    return [row for row in rows if times[row.pk] == 1]


def _not_to_be_sealed() -> Iterator[str]:
    for pk in UnsealedEvent.objects.sealed().order_by("pk").values_list("pk", flat=True):
        yield f"Audit row {pk} has its seal: its line for another was put in."
    keys = UnsealedEvent.objects.sealable().order_by("pk").values_list("pk", flat=True)
    for part in batched(keys.iterator(chunk_size=ROWS_AT_ONCE), ROWS_AT_ONCE):
        readable = {row.pk for row in legible(part)}
        for pk in part:
            # One that is there twice is named as such.
            if pk not in readable and AuditEvent.objects.filter(pk=pk).count() == 1:
                yield f"Audit row {pk} cannot be read, and so cannot be sealed."


def batched(keys: Iterable[int], size: int) -> Iterator[list[int]]:
    """Yield lists of so many; `itertools.batched` came with Python 3.12."""
    left = iter(keys)
    while part := list(islice(left, size)):
        yield part


def _broken_links() -> Iterator[str]:
    clinic, sequence, previous = None, 0, START
    for seals in _batches():
        events = AuditEvent.objects.in_bulk([seal.event_id for seal in seals])
        for seal in seals:
            if seal.clinic_id != clinic:
                clinic, sequence, previous = seal.clinic_id, 0, START
            if seal.sequence != sequence + 1:
                missing = f"{sequence + 1} to {seal.sequence - 1}"
                yield f"Clinic {clinic}: the seals {missing} were removed."
            event = events.get(seal.event_id)
            if event is None:
                yield f"Clinic {clinic}: audit row {seal.event_id} was removed."
            elif seal.sequence == sequence + 1 and not _holds(seal, event, previous):
                yield f"Clinic {clinic}: audit row {seal.event_id}, or its seal, was edited."
            sequence, previous = seal.sequence, bytes(seal.digest)


def _holds(seal: AuditSeal, event: AuditEvent, previous: bytes) -> bool:
    # A row moved to another clinic keeps its seal in the old clinic's chain.
    same_clinic = (event.clinic_id or NO_CLINIC) == seal.clinic_id
    return same_clinic and digest(event, previous) == bytes(seal.digest)


def _batches() -> Iterator[list[AuditSeal]]:
    batch: list[AuditSeal] = []
    ordered = AuditSeal.objects.order_by("clinic_id", "sequence")
    for seal in ordered.iterator(chunk_size=ROWS_AT_ONCE):
        batch.append(seal)
        if len(batch) == ROWS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _doubles() -> Iterator[str]:
    # The months have no unique key over the id alone: of two such rows only one can be the sealed.
    twice = AuditEvent.objects.values("pk").annotate(times=Count("pk")).filter(times__gt=1)
    for row in twice.order_by("pk").iterator():
        yield f"Audit row {row['pk']} is there {row['times']} times: the others were put in."


def _unsealed_strangers() -> Iterator[str]:
    sealed = AuditSeal.objects.filter(event_id=OuterRef("pk"))
    waiting = UnsealedEvent.objects.filter(event_id=OuterRef("pk"))
    strangers = AuditEvent.objects.filter(~Exists(sealed), ~Exists(waiting))
    for pk in strangers.values_list("pk", flat=True).order_by("pk"):
        yield f"Audit row {pk} was put in without a seal."
    lost = UnsealedEvent.objects.filter(~Exists(AuditEvent.objects.filter(pk=OuterRef("event_id"))))
    for pk in lost.values_list("event_id", flat=True).order_by("event_id"):
        yield f"Audit row {pk} was removed before it was sealed."
