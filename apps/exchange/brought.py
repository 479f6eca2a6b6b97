"""What was brought in with a record, in lines that a person reads. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.dateparse import parse_date, parse_datetime

from apps.exchange.fhir.belongs import nodes_in
from apps.exchange.fhir.codes import BASE
from apps.exchange.fhir.kept import is_of_now
from apps.exchange.fhir.people import REFERENCE_SYSTEM
from apps.exchange.fhir.within import first

# Where each type has its moment, the first that is there.
MOMENTS: Final = (
    "authored", "authoredOn", "effectiveDateTime", "sent", "recorded", "whenHandedOver", "created",
)  # fmt: skip
# Of no use to a reader: forms, the other clinic itself, and who looked there.
UNREAD: Final = ("Questionnaire", "AuditEvent", "Organization")
PERSON: Final = "Patient"
NAMES: Final = {
    PERSON: "Patient, as the file had them",
    "MedicationRequest": "Order", "MedicationDispense": "Handed out", "CarePlan": "Plan",
    "QuestionnaireResponse": "Check-in", "Observation": "Score or answer", "Flag": "Alert or lock",
    "Task": "Task", "Communication": "Message", "Provenance": "Signature",
    "Condition": "Condition", "MedicationStatement": "Taken at intake",
}  # fmt: skip
# Marks of ours (docs/exchange.md) without which a reader would take the words for more.
MARKS: Final = {
    f"{BASE}/StructureDefinition/only-kept": "Kept, not counted by the clinic that it came to",
    f"{BASE}/StructureDefinition/came-out-of-time": "It came too late or by a used link",
}
OF_NOW: Final = "Taken when the file was made"


@dataclass(frozen=True, slots=True)
class Line:
    """One resource: what it is, when, and what it says."""

    kind: str
    when: datetime | None
    status: str
    words: tuple[str, ...]


def lines_of(bodies: Iterable[dict[str, Any]]) -> list[Line]:
    """Return a line for each resource a person would read: the patient, then the newest first."""
    read = [each for each in bodies if each["resourceType"] not in UNREAD]
    patient = [line_of(each) for each in read if each["resourceType"] == PERSON]
    lines = [line_of(each) for each in read if each["resourceType"] != PERSON]
    lines.sort(key=lambda line: line.when.timestamp() if line.when else 0, reverse=True)
    return patient + lines


def line_of(each: dict[str, Any]) -> Line:
    """Return one line."""
    kind = each["resourceType"]
    said = tuple(dict.fromkeys(words(each)))
    name = OF_NOW if is_of_now(each) else NAMES.get(kind, kind)
    return Line(name, when(each), status(each), said)


def status(each: dict[str, Any]) -> str:
    """Return the status of a resource; of a condition whether it is there at all."""
    coded = first(dict_in(each, "verificationStatus").get("coding")).get("code")
    return str(each.get("status") or coded or "")


def when(each: dict[str, Any]) -> datetime | None:
    """Return the moment of a resource as far as it says one."""
    named = [each.get(name) for name in MOMENTS] + [dict_in(each, "period").get("start")]
    text = next((value for value in named if isinstance(value, str)), "")
    try:
        moment = parse_datetime(text)
        day = None if moment else parse_date(text[:10])
    except ValueError:
        return None
    if moment is not None and moment.tzinfo is not None:
        return moment
    return parse_datetime(f"{day.isoformat()}T00:00:00Z") if day else None


def words(each: dict[str, Any]) -> list[str]:
    """Return what a resource says, as far as it says it in words."""
    concept = [dict_in(each, name).get("text") for name in (
        "code", "medicationCodeableConcept", "activity", "valueCodeableConcept")]  # fmt: skip
    values = [each.get(name) for name in ("title", "description", "valueString", "valueInteger")]
    steps = [
        f"{first_day(dose)} {dose.get('text', '')}".strip()
        for dose in [*list_in(each, "dosageInstruction"), *list_in(each, "dosage")]
    ]
    payload = [part.get("contentString") for part in list_in(each, "payload")]
    notes = [part.get("text") for part in list_in(each, "note")]
    answers = [answer for item in list_in(each, "item") for answer in answered(item)]
    marks = [
        MARKS.get(str(part.get("url")))
        for part in [*list_in(each, "modifierExtension"), *list_in(each, "extension")]
        if part.get("valueBoolean") is not False
    ]  # fmt: skip
    whose = words_of_person(each) if each["resourceType"] == PERSON else []
    found = [
        *marks, *whose, *concept, *values, *payload, *steps, *answers, *notes,
        *words_of_extensions(each),
    ]  # fmt: skip
    return [str(value) for value in found if value not in (None, "")]


def words_of_person(each: dict[str, Any]) -> Iterator[str]:
    """Yield what came of a patient, a line for each list: our row has one of each, FHIR several."""
    told = {
        "Names": [name_in_words(one) for one in list_in(each, "name")],
        "Reached by": [reached_by(one) for one in list_in(each, "telecom")],
        "Contacts": [contact_in_words(one) for one in list_in(each, "contact")],
        "Addresses": [address_in_words(one) for one in list_in(each, "address")],
        "Died": [in_words(each.get("deceasedDateTime") or "")],
        "Marital status": [concept_in_words(dict_in(each, "maritalStatus"))],
        "Speaks": [
            concept_in_words(dict_in(one, "language")) for one in list_in(each, "communication")
        ],
        "Cared for by": [
            one.get("display") or one.get("reference") or ""
            for one in list_in(each, "generalPractitioner")
        ],
        "Numbers": [
            f"{one.get('value')} ({one.get('system') or 'of a system not named'})"
            for one in list_in(each, "identifier") if one.get("system") != REFERENCE_SYSTEM
        ],
    }  # fmt: skip
    for name, found in told.items():
        if said := "; ".join(str(one) for one in found if one):
            yield f"{name}: {said}"


def name_in_words(each: dict[str, Any]) -> str:
    """Return a name with what it is used for."""
    parts = [*several(each, "prefix"), *several(each, "given"), each.get("family"),
             *several(each, "suffix")]  # fmt: skip
    name = " ".join(str(part) for part in parts if part) or str(each.get("text", ""))
    return name + used_for(each)


def reached_by(each: dict[str, Any]) -> str:
    """Return a telephone, a mail address or another way to reach somebody."""
    way = f"{each.get('system', '')} {each.get('value', '')}".strip()
    return way + used_for(each) if way else ""


def address_in_words(each: dict[str, Any]) -> str:
    """Return an address on one line."""
    parts = [*several(each, "line"), *(each.get(name) for name in (
        "city", "district", "state", "postalCode", "country"))]  # fmt: skip
    told = str(each.get("text") or ", ".join(str(part) for part in parts if part))
    return told + used_for(each) if told else ""


def contact_in_words(each: dict[str, Any]) -> str:
    """Return who is to be called, as what, and how."""
    parts = [
        name_in_words(dict_in(each, "name")),
        *(concept_in_words(one) for one in list_in(each, "relationship")),
        *(reached_by(one) for one in list_in(each, "telecom")),
        address_in_words(dict_in(each, "address")),
    ]
    return ", ".join(part for part in parts if part) + used_for(each)


def concept_in_words(each: dict[str, Any]) -> str:
    """Return a concept by its text, or by its first code."""
    return str(each.get("text") or in_words(first(each.get("coding"))))


def used_for(each: dict[str, Any]) -> str:
    """Return in brackets what an entry is used for, and until when."""
    end = dict_in(each, "period").get("end")
    said = [str(each.get("use") or ""), f"until {end}" if end else ""]
    words = ", ".join(one for one in said if one)
    return f" ({words})" if words else ""


def several(each: dict[str, Any], name: str) -> list[Any]:
    """Return the values of a list of texts, without its gaps."""
    found = each.get(name)
    return [one for one in found if one is not None] if isinstance(found, list) else []


def words_of_extensions(each: dict[str, Any]) -> Iterator[str]:
    """Yield what extensions of others say, at any depth, by the last word of their address."""
    for node in nodes_in(each):
        for one in list_in(node, "extension"):
            url = str(one.get("url", ""))
            for key, value in one.items():
                if key.startswith("value") and not url.startswith(f"{BASE}/") and in_words(value):
                    yield f"{url.rpartition('/')[2]}: {in_words(value)}"


def first_day(dose: dict[str, Any]) -> str:
    """Return the days of a step."""
    bounds = dict_in(dict_in(dict_in(dose, "timing"), "repeat"), "boundsPeriod")
    start, end = bounds.get("start"), bounds.get("end")
    return f"{start} to {end or 'until changed'}:" if start else ""


def answered(item: dict[str, Any]) -> list[str]:
    """Return the answers of one item and those below it."""
    own = [
        f"{question_of(item)} {in_words(value)}"
        for answer in list_in(item, "answer") for key, value in answer.items()
        if key.startswith("value")
    ]  # fmt: skip
    return own + [line for each in list_in(item, "item") for line in answered(each)]


def question_of(item: dict[str, Any]) -> str:
    """Return what was asked, with the mark that stands before an answer."""
    asked = str(item.get("text") or item.get("linkId"))
    return asked if asked.endswith("?") else f"{asked}:"


def in_words(value: Any) -> str:
    """Return one answer in words."""
    if isinstance(value, dict):
        if "value" in value:
            return f"{value['value']} {value.get('unit') or value.get('code') or ''}".strip()
        return str(value.get("display") or value.get("code") or value.get("value") or "")
    return {"True": "yes", "False": "no"}.get(str(value), str(value))


def dict_in(each: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an element that has elements of its own, empty for any other."""
    found = each.get(name)
    return found if isinstance(found, dict) else first(found)


def list_in(each: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return an element that there may be several of."""
    found = each.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
