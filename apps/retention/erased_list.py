"""The list of removed records outside of the database: whom a restore must not bring back.

It is kept with the backups, one line per record, and holds ids only (docs/adr/0042).
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.retention.models import ErasureItem


class ErasureError(RuntimeError):
    """Nothing was removed; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Erased:
    """One line of the list: who was removed, of which clinic, by which decision, and when."""

    at: datetime
    clinic_id: UUID
    patient_id: UUID
    decision_id: UUID

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {self.clinic_id} {self.patient_id} {self.decision_id}"

    @classmethod
    def parse(cls, line: str) -> "Erased":
        """Read what `str()` wrote. Raises ValueError with a sentence."""
        try:
            at, clinic, patient, decision = line.split()
            return cls(datetime.fromisoformat(at), UUID(clinic), UUID(patient), UUID(decision))
        except ValueError as error:
            raise ValueError(
                f"'{line.strip()}' is no line of a list of removed records: it looks like "
                "TIME CLINIC PATIENT DECISION."
            ) from error


def check_list() -> None:
    """Raise `ErasureError` unless the list can be written."""
    append("")


def append(text: str) -> None:
    """Add text to the list and see it on the disk. Only its owner may read the file."""
    if not settings.ERASURE_LIST:
        raise ErasureError(
            "Set ERASURE_LIST in the environment: the file, kept with the backups, that says whom "
            "a restore must not bring back. Until then no record is removed."
        )
    try:
        handle = os.open(settings.ERASURE_LIST, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "a") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ErasureError(f"ERASURE_LIST cannot be written: {error}") from error


@transaction.atomic
def write_list(now: datetime) -> int:
    """Put every removed record that is not there yet on the list; return how many."""
    unlisted = ErasureItem.objects.filter(state=ErasureItem.State.ERASED, listed_at=None)
    items = list(unlisted.select_for_update(of=("self",)).select_related("decision"))
    if items:
        append("".join(f"{line_of(item)}\n" for item in items))
        unlisted.filter(pk__in=[item.pk for item in items]).update(listed_at=now)
    return len(items)


def line_of(item: ErasureItem) -> Erased:
    """Return the line of one removed record."""
    at = item.settled_at or item.decision.begins_at
    return Erased(at, item.decision.clinic_id, item.patient_id, item.decision_id)


def lines_in(text: Iterable[str]) -> list[Erased]:
    """Return what a list says. Raises ValueError with a sentence for a line that is none."""
    return [Erased.parse(line) for line in text if line.strip()]
