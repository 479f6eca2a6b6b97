"""The audit record of a patient: who did or saw what, and when."""

from typing import Any, Final
from uuid import UUID

from apps.audit.models import AuditEvent
from apps.exchange.fhir.codes import local, local_system
from apps.exchange.fhir.elements import Resource, filled, moment, reference, resource
from apps.exchange.fhir.record import Record

SYSTEM: Final = "Glidepath"
LOOKS: Final = ("viewed", "read", "listed", "exported", "taken", "searched")


def audit_events(record: Record) -> list[Resource]:
    """Return every row of the audit record that names the patient."""
    return [audit_event(record, row) for row in record.events]


def audit_event(record: Record, row: AuditEvent) -> Resource:
    """Return one row. What was done is said by our own code; only a look is surely a read."""
    is_look = row.event.rpartition(".")[2].rpartition("_")[2] in LOOKS
    return resource(
        "AuditEvent", key_of(row, record.patient.pk),
        type={"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110110",
              "display": "Patient Record"},
        subtype=[local("event", row.event)],
        action="R" if is_look else None,
        recorded=moment(row.at), outcome="0",
        agent=[{"who": actor(record, row), "requestor": row.actor_id is not None}],
        source={"observer": {"display": SYSTEM}},
        entity=[{"what": reference("Patient", record.patient.pk)}, *object_of(row)],
    )  # fmt: skip


def key_of(row: AuditEvent, patient_id: UUID) -> str:
    """Return the id of a row in one patient's record; a list is a resource of each one on it."""
    return f"audit-{row.pk}" if row.patient_id else f"audit-{row.pk}.{patient_id.hex}"


def actor(record: Record, row: AuditEvent) -> dict[str, str]:
    """Return who did it: staff by name, the patient, or the program itself."""
    if row.actor_id is None:
        return {"display": SYSTEM}
    if row.actor_id == record.patient.pk:
        return reference("Patient", record.patient.pk)
    if row.actor_id in record.actors:
        return {"type": "Practitioner", "display": record.actors[row.actor_id]}
    return {"display": str(row.actor_id)}


def object_of(row: AuditEvent) -> list[dict[str, Any]]:
    """Return what it was done to, with the ids and numbers that were written down.

    Who else was on a list, and with which alerts, is no part of this patient's record.
    """
    details = [
        {"type": key, "valueString": str(value)} for key, value in row.details.items()
        if value not in (None, "", [], {}) and key not in ("patients", "alerts")
    ]  # fmt: skip
    what = {
        "identifier": {"system": local_system("row"), "value": str(row.object_id)},
        "display": row.object_type,
    } if row.object_id else None  # fmt: skip
    found = filled({"what": what, "name": row.object_type or None, "detail": details})
    return [found] if what or details else []
