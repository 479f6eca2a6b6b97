"""All resources of one patient, and the Bundle that carries them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.conf import settings

from apps.exchange.fhir import care, check_ins, facts, now_told, people, plans, trail
from apps.exchange.fhir.elements import Resource, moment
from apps.exchange.fhir.kept import STOPPED, with_kept
from apps.exchange.fhir.record import Record
from apps.tapers.taken import Known

Source = Callable[[Record], list[Resource]]

# Every type we tell, in the order of a bundle: who, what is known, what is planned, what was done.
SOURCES: Final[Mapping[str, tuple[Source, ...]]] = {
    "Organization": (people.organizations,),
    "Patient": (people.patients,),
    "Condition": (facts.conditions,),
    "MedicationStatement": (now_told.statements,),
    "CarePlan": (plans.care_plans,),
    "MedicationRequest": (plans.medication_requests,),
    "Provenance": (plans.provenances,),
    "MedicationDispense": (care.dispenses,),
    "Questionnaire": (check_ins.questionnaires,),
    "QuestionnaireResponse": (check_ins.responses,),
    "Observation": (facts.risk_observations, check_ins.score_observations),
    "Flag": (care.flags,),
    "Task": (care.tasks,),
    "Communication": (check_ins.words_received, care.messages_sent),
    "AuditEvent": (trail.audit_events,),
}


def resources_of(record: Record, kinds: Sequence[str] | None = None) -> list[Resource]:
    """Return the patient's resources of these types, each type's oldest first.

    All without `kinds`: then also those of types that we do not tell and another record brought.
    """
    came = record.kept(kinds)
    wanted = (
        kinds if kinds is not None else [*SOURCES, *(each for each in came if each not in SOURCES)]
    )
    found: list[Resource] = []
    for kind in wanted:
        told = [each for source in SOURCES.get(kind, ()) for each in source(record)]
        kept = came.get(kind, [])
        replaced = kind in STOPPED and bool(kept) and is_replaced(record)
        found += (
            with_kept(told, kept, str(record.patient.pk), record.brought_on, replaced=replaced)
            if kept else told
        )  # fmt: skip
    return found


def is_replaced(record: Record) -> bool:
    """Answer whether what is taken was said here since: orders that came are no longer so."""
    patient = record.patient
    return (
        any(plan.activated_at for plan in record.plans)
        or record.taken.known is not Known.INTAKE
        or patient.intake_entries.filter(taken_before__isnull=False).exists()
    )


def address_of(resource: Resource) -> str:
    """Return the address at which this installation gives the resource."""
    return f"{settings.SITE_URL}/fhir/R4/{resource['resourceType']}/{resource['id']}"


def collection(record: Record, *, with_audit: bool = True) -> dict[str, Any]:
    """Return one patient's record as a Bundle of type collection."""
    found = [
        each for each in resources_of(record)
        if with_audit or each["resourceType"] != "AuditEvent"
    ]  # fmt: skip
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": moment(record.now),
        "entry": [{"fullUrl": address_of(each), "resource": each} for each in found],
    }
