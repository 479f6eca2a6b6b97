"""The small parts that resources are made of. Pure: values in, JSON values out."""

from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from apps.exchange.exact_json import written
from apps.exchange.fhir.codes import BASE, UCUM

Resource = dict[str, Any]
MARKS: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def resource(kind: str, key: object, **elements: Any) -> Resource:
    """Return a resource of a type with its id; elements without a value are left out."""
    return {"resourceType": kind, "id": str(key)} | filled(elements)


def filled(elements: dict[str, Any]) -> dict[str, Any]:
    """Return the elements that say something: FHIR has no empty ones."""
    return {name: value for name, value in elements.items() if value not in (None, "", [], {})}


def in_code(word: str) -> str:
    """Return the part of an id that stands for a word, the same for every record.

    Ids are in addresses, and proxies write addresses down: no drug or illness is to be read there.
    """
    return sha256(word.encode()).hexdigest()[:12]


def reference(kind: str, key: object) -> dict[str, str]:
    """Return a reference to a resource of the same bundle or server."""
    return {"reference": f"{kind}/{key}"}


def staff(user: Any) -> dict[str, str] | None:
    """Return who on the staff it was, None for nobody: a name, for staff have no resource here."""
    return {"type": "Practitioner", "display": user.full_name} if user else None


def moment(at: datetime | None) -> str | None:
    """Return a moment in UTC to the millisecond, as FHIR writes it."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day(on: date | None) -> str | None:
    """Return a day."""
    return on.isoformat() if on else None


def period(start: str | None, end: str | None = None) -> dict[str, str]:
    """Return a period as far as it is known."""
    return filled({"start": start, "end": end})


def extension(name: str, **value: Any) -> dict[str, Any]:
    """Return one of our own extensions with its value, such as `valueString="…"`."""
    return {"url": f"{BASE}/StructureDefinition/{name}", **value}


def extensions(*found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the extensions that have a value."""
    return [
        each for each in found
        if any(value not in (None, "", []) for key, value in each.items() if key != "url")
    ]  # fmt: skip


def milligrams(mg: Decimal) -> dict[str, Any]:
    """Return a quantity of milligrams."""
    return {"value": mg.normalize() + 0, "unit": "mg", "system": UCUM, "code": "mg"}


def notes(*texts: str) -> list[dict[str, str]]:
    """Return what was written, each text as a note."""
    return [{"text": text} for text in texts if text]


def narrative(lines: list[str]) -> str:
    """Return lines as the small XHTML that FHIR takes."""
    safe = ("".join(MARKS.get(letter, letter) for letter in line) for line in lines)
    body = "".join(f"<p>{line}</p>" for line in safe)
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'


def as_json(resource: Resource) -> bytes:
    """Return a resource as the bytes that are sent."""
    return written(resource).encode()
