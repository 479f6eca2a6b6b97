"""The one way to write an audit row."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from psycopg.types.json import Jsonb

from apps.audit.chain import NO_CLINIC, Head, digest, edited_unsealed, head_of, legible
from apps.audit.models import AuditEvent, AuditSeal, UnsealedEvent
from apps.database.scope import every_clinic
from apps.database.statements import Insert

logger = logging.getLogger(__name__)
INSERT_EVENT = Insert(AuditEvent)
SHOWN_AT_ONCE: Final = 500
# Whom this process showed to whom, so that a page that draws itself anew asks no database for it.
REMEMBERED_AT_MOST: Final = 5_000
_shown: dict[tuple[object, ...], tuple[datetime, frozenset[str]]] = {}
UNLESS_SHOWN: Final = """
INSERT INTO audit_auditevent
    (at, event, clinic_id, actor_id, object_type, request_id, details)
SELECT %(at)s, %(event)s, %(clinic)s, %(actor)s, '', %(request)s, %(details)s
WHERE NOT EXISTS (
    SELECT 1 FROM audit_auditevent
    WHERE clinic_id = %(clinic)s AND at > %(since)s AND actor_id = %(actor)s
        AND event = %(event)s AND details @> %(ids)s
)
"""
# Which program acts in a person's name; every row written meanwhile says so.
_program: ContextVar[UUID | None] = ContextVar("acting program", default=None)
# Into whose trail the rows went that were written since somebody began to ask, and which rows.
Told = dict[str, set[str]]
_told: ContextVar[Told | None] = ContextVar("patients told of", default=None)


class HasId(Protocol):
    """Anything with a UUID primary key: a user, a patient, a plan."""

    @property
    def pk(self) -> Any: ...


def record(
    event: str,
    *,
    by: HasId | None,
    now: datetime,
    clinic_id: UUID | None = None,
    patient_id: UUID | None = None,
    obj: HasId | None = None,
    **details: Any,
) -> None:
    """Append one audit row inside the caller's transaction, by its end at the latest.

    `by` is the acting user, None for the system itself. `details` must be JSON and
    hold ids, states and numbers only, never a patient's words. What a program does in
    the person's name carries the program's id.
    """
    row = _row_of(event, by, now, clinic_id, patient_id, obj, details)
    if patient_id is not None:
        _note_told([str(patient_id)], event)
    # A row without a clinic is of the installation: no request may add to it but here.
    with every_clinic() if clinic_id is None else nullcontext():
        INSERT_EVENT.run_later(row)


def naming(alerts: Iterable[UUID]) -> dict[str, list[str]]:
    """Return the details of a row that say which alerts were shown; none where none was."""
    ids = sorted({str(alert) for alert in alerts})
    return {"alerts": ids} if ids else {}


def _row_of(
    event: str, by: HasId | None, now: datetime, clinic_id: UUID | None, patient_id: UUID | None,
    obj: HasId | None, details: dict[str, Any],
) -> AuditEvent:  # fmt: skip
    """Return a row that is not stored yet; what a program does carries the program's id."""
    program = _program.get()
    if program is not None:
        details["program"] = str(program)
    return AuditEvent(
        at=now,
        event=event,
        clinic_id=clinic_id,
        actor_id=by.pk if by else None,
        patient_id=patient_id,
        object_type=type(obj).__name__ if obj else "",
        object_id=obj.pk if obj else None,
        details=details,
    )


def record_shown(
    event: str,
    *,
    patients: Iterable[UUID],
    by: HasId,
    now: datetime,
    clinic_id: UUID,
    alerts: Iterable[UUID] = (),
    not_again_within: timedelta | None = None,
    **details: Any,
) -> None:
    """Append whom a list showed: one row for a page, so that it is in each one's trail.

    `alerts` are those that stood on it: whoever asks who saw one finds the list. A list longer
    than `SHOWN_AT_ONCE`, such as an export, is told in several rows. With `not_again_within`
    nothing is added when the same person was shown all of them so recently: for pages that draw
    themselves anew (docs/adr/0052).
    """
    ids = sorted({str(patient) for patient in patients})
    things = sorted({str(alert) for alert in alerts})
    _note_told(ids, event)
    for start in range(0, max(len(ids), len(things), 1), SHOWN_AT_ONCE):
        shown = {"patients": ids[start : start + SHOWN_AT_ONCE]}
        if things:
            shown["alerts"] = things[start : start + SHOWN_AT_ONCE]
        row = _row_of(event, by, now, clinic_id, None, None, {**shown, **details})
        if not_again_within is None:
            INSERT_EVENT.run_later(row)
            continue
        part = [*shown["patients"], *shown.get("alerts", [])]
        if not _known_as_shown(row, part, now - not_again_within):
            _add_unless_shown(row, shown, now - not_again_within)
            _shown[_who_and_where(row)] = now, frozenset(part)


@contextmanager
def trails_written() -> Iterator[Told]:
    """Give the ids of the patients into whose trail the block has written so far, with the events.

    What was undone since is among them. A block inside another tells the outer one, too.
    """
    outer = _told.get()
    told: Told = {} if outer is None else outer
    mark = _told.set(told)
    try:
        yield told
    finally:
        _told.reset(mark)


def _note_told(ids: Iterable[str], event: str) -> None:
    told = _told.get()
    if told is not None:
        for each in ids:
            told.setdefault(each, set()).add(event)


def _who_and_where(row: AuditEvent) -> tuple[object, ...]:
    return row.clinic_id, row.actor_id, row.event, row.details.get("program")


def _known_as_shown(row: AuditEvent, ids: list[str], since: datetime) -> bool:
    """Answer from this process's memory, which another process may know better than."""
    if len(_shown) > REMEMBERED_AT_MOST:
        _shown.clear()
    at, seen = _shown.get(_who_and_where(row), (since, frozenset[str]()))
    return since < at <= row.at and seen.issuperset(ids)


def _add_unless_shown(row: AuditEvent, shown: dict[str, list[str]], since: datetime) -> None:
    """Store the row in one round trip, unless its actor was shown all of these since then."""
    values: dict[str, Any] = {
        "at": row.at, "event": row.event, "clinic": row.clinic_id, "actor": row.actor_id,
        "request": row.request_id, "details": Jsonb(row.details), "ids": Jsonb(shown),
        "since": since,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(UNLESS_SHOWN, values)


@contextmanager
def no_program() -> Iterator[None]:
    """Run the block as if no program acted, and forget at its end which one did."""
    mark = _program.set(None)
    try:
        yield
    finally:
        _program.reset(mark)


def act_through(program: HasId) -> None:
    """Name this program in every row until the block of `no_program` ends."""
    _program.set(program.pk)


def seal_events(limit: int = 5_000) -> int:
    """Append waiting audit rows to their clinics' chains; return how many were sealed.

    One process seals at a time: another that comes meanwhile returns 0 at once. Sealing
    apart from the act that is recorded keeps acts of one clinic from waiting for each
    other (docs/adr/0016). Calling it twice does no harm. A row that was edited while it waited,
    that cannot be read, or whose line somebody put in, is not sealed and stops no other: it stays
    in the line, where `verify_audit` names it (docs/adr/0064).
    """
    sealed, place = 0, -1
    with transaction.atomic():
        if not _i_am_the_sealer():
            return 0
        while sealed < limit:
            keys = _next_in_line(place, limit - sealed)
            if not keys:
                break
            place = keys[-1]
            by_clinic: dict[UUID, list[AuditEvent]] = {}
            for event in legible(_to_be_sealed(keys)):
                by_clinic.setdefault(event.clinic_id or NO_CLINIC, []).append(event)
            sealed += sum(_seal_of_clinic(*each) for each in by_clinic.items())
    return sealed


def _next_in_line(place: int, count: int) -> list[int]:
    line = UnsealedEvent.objects.filter(event_id__gt=place).order_by("event_id")
    return list(line.values_list("event_id", flat=True)[:count])


def _to_be_sealed(keys: list[int]) -> list[int]:
    """Return which of these may be. Nothing else is read: a line is sealed in its length's time."""
    done = AuditSeal.objects.filter(event_id__in=keys).values_list("event_id", flat=True)
    passed_over = {*done, *edited_unsealed(keys)}
    return [key for key in keys if key not in passed_over]


def _seal_of_clinic(clinic: UUID, events: list[AuditEvent]) -> int:
    """Append rows to one clinic's chain; a chain that takes none stops no other clinic's."""
    end, seals = head_of(clinic), []
    for event in events:
        end = Head(clinic, end.sequence + 1, digest(event, end.digest))
        seals.append(
            AuditSeal(clinic_id=clinic, sequence=end.sequence, event_id=event.pk, digest=end.digest)
        )
    try:
        with transaction.atomic():
            AuditSeal.objects.bulk_create(seals, batch_size=1_000)
            UnsealedEvent.objects.filter(event_id__in=[seal.event_id for seal in seals]).delete()
    except DatabaseError:
        logger.exception("the chain of clinic %s takes no seal", clinic)
        return 0
    return len(seals)


def _i_am_the_sealer() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('audit.seal'))")
        return bool(cursor.fetchone()[0])
