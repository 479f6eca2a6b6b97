"""Whether a file is one that may be read as a record of one patient in R4: refused where not. Pure.

Asked of every element however deep: a reference to somebody else ends in the wrong record, and
what changes the meaning of an element in a way that we do not know must not be read without it.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from apps.exchange.fhir.elements import Resource, extension
from apps.exchange.fhir.shape import misshapen
from apps.exchange.fhir.within import ImportRefusedError

BUNDLES: Final = ("collection", "document")
PLACE: Final = re.compile(
    r"(?P<before>.*/)?(?P<kind>[A-Z][A-Za-z]+)/(?P<key>[A-Za-z0-9\-.]{1,64})"
    r"(?:/_history/[A-Za-z0-9\-.]{1,64})?"
)
# The one modifierExtension that is known here, and of which resources (docs/exchange.md).
ONLY_KEPT: Final = "only-kept"
MARKED: Final = ("QuestionnaireResponse", "Communication")


def check_bundle(bundle: Any) -> None:
    """Refuse what is no Bundle of a whole record: messages, changes to make, versions, results."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise ImportRefusedError("This is no FHIR Bundle.")
    if bundle.get("type") not in BUNDLES:
        raise ImportRefusedError(
            f"A record comes as a Bundle of type {' or '.join(BUNDLES)}, and not as "
            f"“{str(bundle.get('type'))[:40]}”."
        )
    if bundle.get("implicitRules"):
        raise ImportRefusedError("The Bundle has implicitRules, which are not known here.")


def check_all(found: list[Resource], patient: Resource, urls: dict[str, str]) -> None:
    """Refuse the file for the first resource that cannot be read, or is of somebody else."""
    check_shape(patient)
    check_person(patient)
    for each in found:
        name = f"{each['resourceType']}/{each['id']}"
        # Only a link of the patient leads to another record of the same person.
        for node in nodes_in(each | {"link": None} if each is patient else each):
            check_meaning(name, node, is_marked=node is each and each["resourceType"] in MARKED)
            check_about(name, node, patient["id"], urls)
        check_shape(each)


def check_shape(each: Resource) -> None:
    """Refuse a resource that is not R4."""
    wrong = misshapen(each)
    if wrong:
        raise ImportRefusedError(
            f"{each['resourceType']}/{each['id']} is not shaped as FHIR R4 (4.0.1) has it: {wrong}"
        )


def nodes_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield an element and all below it that have elements of their own."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def check_meaning(name: str, node: dict[str, Any], *, is_marked: bool) -> None:
    """Refuse what changes the meaning of an element in a way that is not known here.

    `is_marked` says that the element is a resource that may be marked as only kept.
    """
    changes = node.get("modifierExtension")
    known = is_marked and isinstance(changes, list) and all(map(is_only_kept, changes))
    for word, found in (
        ("modifierExtension", changes and not known), ("implicitRules", node.get("implicitRules")),
    ):  # fmt: skip
        if found:
            raise ImportRefusedError(
                f"{name} has a {word}: what it says is meant otherwise than it reads, in a way "
                "that is not known here."
            )


def is_only_kept(mark: Any) -> bool:
    """Answer whether a mark is the one that is known here, with nothing beside it."""
    return mark in [extension(ONLY_KEPT, valueBoolean=value) for value in (True, False)]


def check_about(name: str, node: dict[str, Any], patient_key: str, urls: dict[str, str]) -> None:
    """Refuse an element of somebody else: it would end in the wrong record."""
    named = node.get("reference")
    if isinstance(named, str):
        place = PLACE.fullmatch(urls.get(named, named))
        elsewhere = named not in urls and place is not None and place["before"]
        if place and place["kind"] == "Patient" and (elsewhere or place["key"] != patient_key):
            raise ImportRefusedError(f"{name} is about another patient: {named[:200]}.")
    elif node.get("type") == "Patient" and ("identifier" in node or "display" in node):
        raise ImportRefusedError(f"{name} is about a patient whom it does not name by an id.")
    contained = node.get("contained")
    if isinstance(contained, list) and any(
        isinstance(each, dict) and each.get("resourceType") == "Patient" for each in contained
    ):
        raise ImportRefusedError(f"{name} holds another patient.")


def check_person(patient: Resource) -> None:
    """Refuse a patient's record that another took the place of."""
    for link in patient.get("link", []):
        if link.get("type") == "replaced-by":
            raise ImportRefusedError(
                "By the file another record took the place of this one. Bring that one in."
            )
