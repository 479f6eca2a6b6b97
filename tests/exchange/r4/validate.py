"""What is wrong with a resource by HL7's definitions of FHIR R4 (4.0.1), in sentences.

Three looks: the published JSON schema (names, types, formats, required codes), how often each
element must be there and what a reference may lead to, and the rules of each element in FHIRPath.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fhirpathpy import compile as compile_path
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.models import models
from jsonschema import Draft6Validator

from apps.exchange.fhir.shape import elements

HERE = Path(__file__).resolve().parent
ELEMENTS = elements()
SCHEMA: dict[str, Any] = json.loads((HERE / "schema.json").read_text())
# About contained resources, of which we send none, with `trace()`, which prints.
UNASKED = {"dom-3", "ref-1"}


def problems(resource: dict[str, Any]) -> list[str]:
    """Return what is wrong with a resource, with every entry when it is a Bundle."""
    kind = resource["resourceType"]
    if kind not in ELEMENTS:
        return [f"{kind}: no such type here."]
    found = [f"{kind}: {problem}" for problem in of_schema(kind, resource)]
    return [*found, *of_elements(kind, kind, resource, resource)]


@cache
def validator(kind: str) -> Draft6Validator:
    definition = SCHEMA["definitions"] if kind != "Bundle" else {
        **SCHEMA["definitions"], "ResourceList": {"type": "object"},
    }  # fmt: skip
    return Draft6Validator({"$ref": f"#/definitions/{kind}", "definitions": definition})


def of_schema(kind: str, resource: dict[str, Any]) -> Iterator[str]:
    """Yield what the published schema refuses; entries of a Bundle are looked at one by one."""
    plain = json.loads(json.dumps(resource))
    for error in validator(kind).iter_errors(plain):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"


def of_elements(root: str, path: str, node: Any, resource: Any) -> Iterator[str]:
    """Yield what is missing, too often, led to the wrong type or against a rule below a node."""
    yield from of_rules(root, path, node, resource)
    for name, element in children(root, path).items():
        key, kind, values = values_of(node, name, element)
        at_most = element.get("max", "*")
        if len(values) < element["min"] and f"_{key}" not in node:
            yield f"{name}: is missing."
        if at_most != "*" and len(values) > int(at_most):
            yield f"{name}: is there {len(values)} times."
        for value in values:
            yield from of_value(root, name, element, kind, value, resource)


def of_value(
    root: str, name: str, element: Any, kind: str, value: Any, resource: Any
) -> Iterator[str]:
    """Yield what is wrong with one value of an element."""
    if kind == "Resource":
        yield from problems(value)
    elif kind == "Reference":
        yield from of_target(name, element, value)
    if "like" in element:
        yield from of_elements(root, element["like"], value, resource)
    elif kind in ("BackboneElement", "Element"):
        yield from of_elements(root, name, value, resource)
    elif kind in ELEMENTS and isinstance(value, dict) and kind != "Resource":
        yield from of_elements(kind, kind, value, resource)


def of_target(name: str, element: Any, value: dict[str, Any]) -> Iterator[str]:
    """Yield a reference that leads to a type that may not stand there."""
    said = value.get("type") or value.get("reference", "").rpartition("/")[0].rpartition("/")[2]
    targets = element.get("targets", [])
    if said and targets and "Resource" not in targets and said not in targets:
        yield f"{name}: leads to a {said}, may lead to {targets}."


@cache
def children(root: str, path: str) -> dict[str, Any]:
    """Return the elements directly below a path of a type."""
    below = f"{path}."
    return {
        name: element for name, element in ELEMENTS[root].items()
        if name.startswith(below) and "." not in name[len(below):]
    }  # fmt: skip


def values_of(node: Any, name: str, element: Any) -> tuple[str, str, list[Any]]:
    """Return the key, the type and the values of an element in a node."""
    key, types = name.rpartition(".")[2], element.get("types", ["Element"])
    if key.endswith("[x]"):
        for kind in types:
            typed = key.removesuffix("[x]") + kind[0].upper() + kind[1:]
            if typed in node:
                return typed, kind, [node[typed]]
        return key, "", []
    value = node.get(key)
    values = [] if value is None else value if isinstance(value, list) else [value]
    return key, types[0] if types else "", values


def of_rules(root: str, path: str, node: Any, resource: Any) -> Iterator[str]:
    """Yield the rules a node breaks."""
    for key, expression in ELEMENTS[root].get(path, {}).get("rules", {}).items():
        if key not in UNASKED and not holds(path, expression, node, resource):
            yield f"{path}: breaks {key}: {expression}"


def holds(path: str, expression: str, node: Any, resource: Any) -> bool:
    """Answer whether a rule holds; one that says nothing about this node does."""
    placed = ResourceNode.create_node(node, path)
    return compiled(expression)(placed, {"resource": resource}) in ([], [True])


@cache
def compiled(expression: str) -> Any:
    """Return a rule ready to run; a value and its being there are one without extensions of it."""
    return compile_path(expression.replace("hasValue()", "exists()"), models["r4"])
