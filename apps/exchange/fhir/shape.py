"""Whether a resource that came has the shape of FHIR R4 (4.0.1), by HL7's own definitions.

Names, lists or not, what must be there, and the JSON kind of each value: what a resource of STU3
or R5 breaks at its first difference. The rules in FHIRPath are for tests; a resource that is off
by one of them is kept as it came. Types that we do not tell have no definition here.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

# Cut from HL7's published definitions (CC0) by tests/exchange/r4/build.py.
DEFINITIONS: Final = Path(__file__).resolve().parent / "r4" / "elements.json"
WHOLE: Final = frozenset({"integer", "positiveInt", "unsignedInt"})
BELOW: Final = frozenset({"BackboneElement", "Element"})


@cache
def elements() -> dict[str, Any]:
    """Return HL7's definitions by type, each with its elements by path."""
    found: dict[str, Any] = json.loads(DEFINITIONS.read_text(encoding="utf-8"))
    return found


def misshapen(resource: dict[str, Any]) -> str:
    """Return the first way in which a resource is not R4, empty for one that is or is unknown."""
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or kind not in elements():
        return ""
    return next(below(kind, kind, resource), "")


def below(root: str, path: str, node: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with an element that has elements of its own."""
    allowed = names(root, path)
    for key, value in node.items():
        name = key.removeprefix("_")
        if key == "resourceType" and path == root:
            continue
        if name not in allowed:
            yield f"{path}.{key[:60]} is no element of it."
            continue
        where, kind = allowed[name]
        yield from several(root, where, "Element" if key != name else kind, value)
    given = {key.removeprefix("_") for key in node}
    for where, spelled in needed(root, path):
        if not given & spelled:
            yield f"{where} is missing."


@cache
def names(root: str, path: str) -> dict[str, tuple[str, str]]:
    """Return each name that may stand below a path, with its own path and its type."""
    found: dict[str, tuple[str, str]] = {}
    for where, element in children(root, path).items():
        name = where.rpartition(".")[2]
        types = element.get("types") or ["Element"]
        for kind in types:
            typed = name.removesuffix("[x]") + kind[0].upper() + kind[1:]
            found[typed if name.endswith("[x]") else name] = (where, kind)
    return found


@cache
def needed(root: str, path: str) -> list[tuple[str, frozenset[str]]]:
    """Return the elements that must be there, each with the names it may be written by."""
    allowed = names(root, path)
    return [
        (where, frozenset(name for name, (other, _) in allowed.items() if other == where))
        for where, element in children(root, path).items() if element["min"]
    ]  # fmt: skip


def children(root: str, path: str) -> dict[str, Any]:
    """Return the elements directly below a path of a type."""
    before = f"{path}."
    return {
        where: element for where, element in elements()[root].items()
        if where.startswith(before) and "." not in where[len(before):]
    }  # fmt: skip


def several(root: str, where: str, kind: str, value: Any) -> Iterator[str]:
    """Yield what is wrong with all values of an element."""
    is_list = elements()[root][where].get("max", "*") != "1"
    if isinstance(value, list) != is_list:
        yield f"{where} {'takes a list' if is_list else 'takes one value'}."
        return
    for each in value if is_list else [value]:
        if each is not None or not is_list:  # a gap stands for a value with extensions only
            yield from one(root, where, kind, each)


def one(root: str, where: str, kind: str, value: Any) -> Iterator[str]:
    """Yield what is wrong with one value."""
    if not is_kind(kind, value):
        yield f"{where} takes a {kind.rpartition('.')[2]}."
    elif not isinstance(value, dict):
        return
    elif kind == "Resource":
        problem = misshapen(value)
        yield from [problem] if problem else []
    elif "like" in elements()[root][where]:
        yield from below(root, elements()[root][where]["like"], value)
    elif kind in BELOW and children(root, where):
        yield from below(root, where, value)
    elif kind in elements():
        yield from below(kind, kind, value)


def is_kind(kind: str, value: Any) -> bool:
    """Answer whether a JSON value is of the kind that a type is written as."""
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind in WHOLE:
        return isinstance(value, int)
    if kind == "decimal":
        return isinstance(value, int | float | Decimal)
    plain = kind[0].islower()
    return isinstance(value, str if plain else dict)
