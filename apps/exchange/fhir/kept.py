"""What another clinic's record brought in, as it came: given back, and acted on by nothing.

A resource that is told from a row of ours (the patient, answers of the intake, what was taken)
keeps beside it only what the row has no place for. Everything else is given back whole.
"""

from collections.abc import Mapping
from typing import Any, Final

from apps.exchange.fhir.codes import BASE, concept, local
from apps.exchange.fhir.elements import Resource

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


def is_beside(resource: Resource, patient_key: str) -> bool:
    """Answer whether a resource that came stands beside a row of ours."""
    key = resource["id"]
    return bool(key == patient_key or key.startswith(f"{patient_key}-"))


def with_kept(
    told: list[Resource], came: list[Resource], patient_key: str, *, replaced: bool
) -> list[Resource]:
    """Return what we tell with what came, each id once.

    `replaced` says that a plan was signed here: no order of another clinic may then be read as
    active beside it.
    """
    beside = {each["id"]: each for each in came if is_beside(each, patient_key)}
    whole = [each for each in came if each["id"] not in beside]
    ours = [completed(each, beside.get(each["id"], {})) for each in told]
    return [*ours, *(marked(each, replaced=replaced) for each in whole)]


def marked(resource: Resource, *, replaced: bool) -> Resource:
    """Return a resource of another record, marked as such."""
    meta = resource["meta"] if isinstance(resource.get("meta"), dict) else {}
    tags = [tag for tag in meta.get("tag") or [] if tag != BROUGHT_IN]
    found = resource | {"meta": meta | {"tag": [*tags, BROUGHT_IN]}}
    kind = resource["resourceType"]
    if replaced and kind in STOPPED and resource.get("status") == "active":
        found["status"] = STOPPED[kind]
        if kind == "MedicationRequest":
            found["statusReason"] = REPLACED
    if kind == "MedicationStatement" and is_of_now(resource):
        found |= {"status": "completed", "statusReason": [TOLD_HERE]}
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


def completed(ours: Resource, came: Resource) -> Resource:
    """Return our resource with what the one that came says beyond it."""
    known = OURS.get(ours["resourceType"], frozenset())
    found = dict(ours)
    for name, value in came.items():
        if name in LISTED:
            found[name] = united(ours.get(name, []), value, LISTED[name])
        elif is_within(ours[name], value) if name in ours else name not in known:
            found[name] = value
    if ours.get("deceasedBoolean") and "deceasedDateTime" in came:
        del found["deceasedBoolean"]  # the day says it, and more
        found["deceasedDateTime"] = came["deceasedDateTime"]
    return found


def united(ours: list[Any], came: Any, by: str) -> list[Any]:
    """Return our extensions or identifiers, then those of others, as they came."""
    others = came if isinstance(came, list) else []
    return [
        *ours,
        *(each for each in others
          if isinstance(each, dict) and not str(each.get(by, "")).startswith(f"{BASE}/")),
    ]  # fmt: skip


def is_within(ours: Any, came: Any) -> bool:
    """Answer whether what came says the same as we do, and perhaps more."""
    if isinstance(ours, dict) and isinstance(came, dict):
        return all(name in came and is_within(ours[name], came[name]) for name in ours)
    if isinstance(ours, list) and isinstance(came, list):
        return len(ours) == len(came) and all(map(is_within, ours, came))
    return bool(ours == came)
