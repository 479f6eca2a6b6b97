"""What is asked of every resource that came: values of elements, however they are shaped. Pure."""

from datetime import date
from typing import Any, Final

from apps.clinical.drugs import all_drugs
from apps.exchange.fhir.codes import BASE, local_system
from apps.exchange.fhir.elements import Resource

DRUGS: Final = frozenset(drug.id for drug in all_drugs())


class ImportRefusedError(ValueError):
    """The file cannot be brought in; each sentence says one thing that is wrong."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def drug_in(each: Resource) -> str:
    """Return the drug of this program that a resource names, empty for any other."""
    codings = each.get("medicationCodeableConcept", {}).get("coding", [])
    found = next((c.get("code") for c in codings if c.get("system") == local_system("drug")), "")
    return str(found) if found in DRUGS else ""


def place_of(each: Resource) -> int | None:
    """Return the place of a medicine in the intake, None for anything else."""
    place = own(each, "taken-place") if each["resourceType"] == "MedicationStatement" else None
    return place if isinstance(place, int) else None


def own(each: Resource, name: str) -> Any:
    """Return the value of one of our own extensions, None without it."""
    url = f"{BASE}/StructureDefinition/{name}"
    for one in each.get("extension", []):
        if one.get("url") == url:
            return next((value for key, value in one.items() if key.startswith("value")), None)
    return None


def first(values: Any) -> dict[str, Any]:
    """Return the first of a list, an empty one for none."""
    found = values[0] if isinstance(values, list) and values else {}
    return found if isinstance(found, dict) else {}


def first_text(values: Any) -> str:
    """Return the first text of a list, empty for none."""
    return str(values[0]) if isinstance(values, list) and values else ""


def day_in(text: Any) -> date | None:
    """Return a whole day, None for anything else."""
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None
