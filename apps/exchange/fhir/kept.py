"""What another clinic's record brought in, as it came: given back, and acted on by nothing.

A resource that is told from a row of ours (the patient, answers of the intake, what was taken)
keeps beside it only what the row has no place for. Everything else is given back whole.

What our row says wins. An element is given back as it came, with all that it says beyond ours, only
while it still says the same. Of a patient's lists `person.py` says what that means.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from apps.exchange.fhir.codes import BASE, concept, local
from apps.exchange.fhir.elements import Resource
from apps.exchange.fhir.person import with_the_rest

BROUGHT_IN: Final = local("origin", "brought-in", "Brought in from another record; drives nothing")
REPLACED: Final = concept(text="Replaced by what was signed or said here since.")
TAKEN_NOW: Final = f"{BASE}/StructureDefinition/taken-now"
TOLD_HERE: Final = concept(text="What is taken now is told by the record that this came into.")
STOPPED: Final = {"MedicationRequest": "stopped", "CarePlan": "revoked"}
# The elements we write: one that we leave out is left out, whatever came years ago.
OURS: Final[Mapping[str, frozenset[str]]] = {
    "Patient": frozenset({
        "active", "name", "telecom", "gender", "birthDate", "address", "contact",
        "deceasedBoolean", "deceasedDateTime", "communication", "managingOrganization",
    }),
    "Condition": frozenset({"clinicalStatus", "verificationStatus", "code", "subject"}),
    "MedicationStatement": frozenset({
        "status", "statusReason", "medicationCodeableConcept", "subject", "reasonReference",
        "dosage", "effectivePeriod",
    }),
    "Observation": frozenset({
        "status", "category", "code", "subject", "valueBoolean", "valueString",
        "effectiveDateTime", "valueCodeableConcept", "note",
    }),
}  # fmt: skip
LISTED: Final = {"extension": "url", "identifier": "system"}
# One more of these takes nothing from what ours says; one more dosage would be one more dose.
GROWING: Final = frozenset({"coding", "category", "note", "reasonReference", "statusReason"})


def is_beside(resource: Resource, patient_key: str) -> bool:
    """Answer whether a resource that came stands beside a row of ours."""
    key = resource["id"]
    return bool(key == patient_key or key.startswith(f"{patient_key}-"))


def with_kept(
    told: list[Resource], came: list[Resource], patient_key: str, on: date, *, replaced: bool
) -> list[Resource]:
    """Return what we tell with what came on a day, each id once.

    `replaced` says that a plan was signed here: no order of another clinic may then be read as
    active beside it.
    """
    beside = {each["id"]: each for each in came if is_beside(each, patient_key)}
    whole = [each for each in came if each["id"] not in beside]
    ours = [
        completed(each, beside[each["id"]], on) if each["id"] in beside else each for each in told
    ]
    return [*ours, *(marked(each, replaced=replaced) for each in whole)]


def marked(resource: Resource, *, replaced: bool) -> Resource:
    """Return a resource of another record, marked as such."""
    meta = resource["meta"] if isinstance(resource.get("meta"), dict) else {}
    tags = [tag for tag in meta.get("tag") or [] if tag != BROUGHT_IN]
    found = resource | {"meta": meta | {"tag": [*tags, BROUGHT_IN]}}
    kind = resource["resourceType"]
    if replaced and kind in STOPPED and resource.get("status") == "active":
        found["status"] = STOPPED[kind]
        found.pop("text", None)  # words made of the whole: they still say that it is active
        if kind == "MedicationRequest":
            found["statusReason"] = REPLACED
    if kind == "MedicationStatement" and is_of_now(resource):
        found |= {"status": "completed", "statusReason": [TOLD_HERE]}
        found.pop("text", None)
    return found


def is_of_now(resource: Resource) -> bool:
    """Answer whether it says what was taken when the file was made: our row says it since."""
    listed = resource.get("extension")
    each = listed if isinstance(listed, list) else []
    return any(isinstance(one, dict) and one.get("url") == TAKEN_NOW for one in each)


def is_brought_in(resource: Resource) -> bool:
    """Answer whether it came into the record that was taken along, and is not told by it."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return BROUGHT_IN in tags if isinstance(tags, list) else False


def completed(ours: Resource, came: Resource, on: date) -> Resource:
    """Return our resource with what the one that came on a day says beyond it.

    Extensions of an element (`_birthDate`) go with it, and words made of the whole (`text`) with
    all of it: beside what was changed here they would still say what came.
    """
    known = OURS.get(ours["resourceType"], frozenset())
    if ours["resourceType"] == "Patient":
        told = with_the_rest(ours, came, on)
    else:
        told = {
            name: came[name]
            if name in came and is_within(ours[name], came[name], name)
            else ours[name]
            for name in known & ours.keys()
        }
    other = {name for name in known if told.get(name) != came.get(name)}
    is_replaced = any(
        name in came or name.startswith("deceased") for name in other - {"managingOrganization"}
    )
    found = {name: value for name, value in ours.items() if name not in known} | told
    for name, value in came.items():
        element = name.removeprefix("_")
        if name in LISTED:
            found[name] = united(ours.get(name, []), value, LISTED[name])
        elif name not in known and element not in other and not (name == "text" and is_replaced):
            found[name] = value
    return found


def united(ours: list[Any], came: Any, by: str) -> list[Any]:
    """Return our extensions or identifiers, then those of others, as they came."""
    others = [each for each in came if isinstance(each, dict)] if isinstance(came, list) else []
    return [
        *(next((its for its in others if is_within(each, its)), each) for each in ours),
        *(each for each in others if not str(each.get(by, "")).startswith(f"{BASE}/")),
    ]


def is_within(ours: Any, came: Any, name: str = "") -> bool:
    """Answer whether what came says the same as we do, and perhaps more."""
    if isinstance(ours, dict) and isinstance(came, dict):
        return all(key in came and is_within(ours[key], came[key], key) for key in ours)
    if isinstance(ours, list) and isinstance(came, list):
        if name in GROWING:
            return all(any(is_within(each, its) for its in came) for each in ours)
        return len(ours) == len(came) and all(map(is_within, ours, came))
    return bool(ours == came)
