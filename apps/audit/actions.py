"""The one way to write an audit row."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from apps.audit.models import AuditEvent


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
) -> AuditEvent:
    """Append one audit row inside the caller's transaction.

    `by` is the acting user, None for the system itself. `details` must be JSON and
    hold ids, states and numbers only, never a patient's words.
    """
    return AuditEvent.objects.create(
        at=now,
        event=event,
        clinic_id=clinic_id,
        actor_id=by.pk if by else None,
        patient_id=patient_id,
        object_type=type(obj).__name__ if obj else "",
        object_id=obj.pk if obj else None,
        details=details,
    )
