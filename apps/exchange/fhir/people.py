"""Patients and organizations; the hand-over to a detox unit names people the same way."""

from collections.abc import Mapping
from typing import Any

from apps.exchange.fhir.codes import BASE, concept
from apps.exchange.fhir.elements import Resource, extension, extensions, filled, reference, resource
from apps.exchange.fhir.record import Record
from apps.patients.models import Clinic, Patient

REFERENCE_SYSTEM = f"{BASE}/NamingSystem/patient-reference"


def patients(record: Record) -> list[Resource]:
    """Return the patient with contacts and what the clinic keeps beside them."""
    person = record.patient
    common = person_elements(vars(person))
    # A plan in force since the last dose gives one again.
    last = person.last_dose_on if person.last_dose_on and not record.taken.by_drug else None
    return [
        resource(
            "Patient", person.pk,
            extension=extensions(
                extension("patient-status", valueCode=person.status),
                extension("time-zone", valueString=person.time_zone),
                extension("last-dose-on", valueDate=last and last.isoformat()),
                extension("calendar-names-drug", valueBoolean=person.calendar_names_drug or None),
            ),
            active=person.status not in (Patient.Status.ENDED, Patient.Status.DECEASED),
            deceasedBoolean=True if person.status == Patient.Status.DECEASED else None,
            communication=[{"language": {
                "coding": [{"system": "urn:ietf:bcp:47", "code": person.language}],
                "text": person.get_language_display()}, "preferred": True}],
            managingOrganization=reference("Organization", person.clinic_id),
            **common,
        )
    ]  # fmt: skip


def person_elements(person: Mapping[str, Any]) -> dict[str, Any]:
    """Return name, birth, contacts and reference; days may be dates or their text."""
    telecom = [
        {"system": system, "value": person[name]}
        for system, name in (("phone", "phone"), ("email", "email")) if person.get(name)
    ]  # fmt: skip
    contact = person.get("emergency_contact")
    return filled({
        "identifier": [{"system": REFERENCE_SYSTEM, "value": person["reference"]}],
        "name": [{"family": person["family_name"], "given": [person["given_name"]]}],
        "telecom": telecom,
        "gender": person["sex"] if person["sex"] in Patient.Sex.values else None,
        "birthDate": str(person["birth_date"]),
        "address": [{"text": person["address"]}] if person.get("address") else None,
        "contact": [{"name": {"text": contact}}] if contact else None,
    })  # fmt: skip


def organization(name: str, phone: str) -> dict[str, Any]:
    """Return what is said of a clinic or a unit."""
    return {"name": name, "telecom": [{"system": "phone", "value": phone}]}


def organizations(record: Record) -> list[Resource]:
    """Return the patient's clinic."""
    return organizations_of(record.patient.clinic)


def organizations_of(clinic: Clinic) -> list[Resource]:
    """Return a clinic."""
    kind = concept(text="Clinic")
    said = organization(clinic.name, clinic.phone)
    return [resource("Organization", clinic.pk, active=True, type=[kind], **said)]
