"""What we tell as FHIR, read by a library that others wrote: every resource, and nothing lost.

`fhirclient` of SMART Health IT is made from HL7's definitions of R4 (4.0.1) by other people than
our own checks (`tests/exchange/r4`). It refuses an element it does not know, one of another type,
a date that is none, and one that is missing. Why it is not what we write with: docs/adr/0050.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.exchange.fhir.bundle import SOURCES, collection
from apps.exchange.fhir.capability import capability
from apps.exchange.fhir.elements import as_json
from apps.exchange.fhir.outcome import outcome
from apps.exchange.fhir.record import Record
from tests.exchange.rich import make_rich
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
Resource = dict[str, Any]


def as_others_read_it(resource: Resource) -> Resource:
    """Return the resource as the library writes what it read, or raise what it refuses."""
    from fhirclient.models.fhirelementfactory import FHIRElementFactory

    found: Resource = FHIRElementFactory.instantiate(resource["resourceType"], resource).as_json()
    return found


@pytest.fixture
def bundle(prescriber, nurse) -> Resource:
    record = Record(make_rich(prescriber, nurse), LATER)
    found: Resource = json.loads(as_json(collection(record)))
    return found


def test_every_resource_we_tell_is_read_by_others_and_nothing_is_lost(bundle) -> None:
    told = [entry["resource"] for entry in bundle["entry"]]
    assert {each["resourceType"] for each in told} == set(SOURCES)
    for each in [*told, bundle, capability(), outcome(404, "There is none.")]:
        plain = json.loads(as_json(each))
        assert as_others_read_it(plain) == plain


def of(bundle: Resource, kind: str) -> Resource:
    return next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind)


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("Patient", lambda each: each.update(name=each["name"][0])),
        ("Patient", lambda each: each.update(birthDate="17 May 1980")),
        ("Flag", lambda each: each.pop("status")),
        ("MedicationRequest", lambda each: each.update(reason=[{"concept": {"text": "x"}}])),
        ("Observation", lambda each: each["code"].update(coding="phq9")),
        ("Communication", lambda each: each.update(sent=3)),
    ],
)
def test_others_refuse_what_is_not_r4(
    bundle, kind: str, spoil: Callable[[Resource], object]
) -> None:
    from fhirclient.models.fhirabstractbase import FHIRValidationError

    each = of(bundle, kind)
    spoil(each)
    with pytest.raises(FHIRValidationError):
        as_others_read_it(each)
