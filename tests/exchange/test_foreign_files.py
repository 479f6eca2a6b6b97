"""Files that are no record of one patient in R4, or say that they are not to be read as one."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.exchange.fhir.belongs import ONLY_KEPT
from apps.exchange.fhir.bundle import SOURCES, collection
from apps.exchange.fhir.elements import as_json, extension
from apps.exchange.fhir.reading import parsed
from apps.exchange.fhir.record import Record
from apps.exchange.fhir.shape import misshapen
from apps.exchange.fhir.within import ImportRefusedError
from apps.exchange.import_actions import import_record
from apps.patients.models import Patient
from tests.exchange.r4.validate import problems
from tests.exchange.rich import make_rich
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
Bundle = dict[str, Any]
SOMEBODY = {"reference": "Patient/somebody-else"}
UNKNOWN = [{"url": "https://other.example/not-this", "valueBoolean": True}]
KEPT = extension(ONLY_KEPT, valueBoolean=True)


@pytest.fixture
def bundle(prescriber, nurse) -> Bundle:
    return told(make_rich(prescriber, nurse))


def told(patient: Patient) -> Bundle:
    found: Bundle = parsed(as_json(collection(Record(patient, LATER))))
    return found


def of(bundle: Bundle, kind: str) -> list[dict[str, Any]]:
    found = [each["resource"] for each in bundle["entry"]]
    return [each for each in found if each["resourceType"] == kind]


def brought(bundle: Bundle, member: Any) -> Patient:
    found = import_record(
        clinic=member.clinic, bundle=parsed(as_json(bundle)), by=member.user, now=LATER
    )
    return Patient.objects.get(pk=found.patient_id)


def set_in(kind: str, **elements: Any) -> Callable[[Bundle], None]:
    """Return what changes the first resource of a type; None takes an element away."""

    def change(bundle: Bundle) -> None:
        each = of(bundle, kind)[0]
        each |= elements
        for name in [name for name, value in each.items() if value is None]:
            del each[name]

    return change


def whole(**elements: Any) -> Callable[[Bundle], None]:
    return lambda bundle: bundle.update(elements)


def deep(bundle: Bundle) -> None:
    of(bundle, "MedicationRequest")[0]["dosageInstruction"][0]["timing"]["modifierExtension"] = (
        UNKNOWN
    )


def moved(bundle: Bundle) -> None:
    key = of(bundle, "Patient")[0]["id"]
    of(bundle, "Flag")[0]["subject"] = {"reference": f"https://other.example/R4/Patient/{key}"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        # Another kind of Bundle: one that asks for changes, has old versions, or is a letter.
        *((whole(type=kind), "comes as a Bundle of type")
          for kind in ("transaction", "batch", "history", "searchset", "message", None)),
        (whole(implicitRules="https://other.example/rules"), "implicitRules"),
        # R5 and STU3 at their first difference.
        (set_in("MedicationRequest", medicationCodeableConcept=None,
                medication={"concept": {"text": "x"}}), "medication is no element of it"),
        (set_in("MedicationRequest", medicationCodeableConcept=None), r"\[x\] is missing"),
        (set_in("CarePlan", context={"reference": "Encounter/1"}), "context is no element of it"),
        (set_in("MedicationStatement", taken="n"), "taken is no element of it"),
        (set_in("Communication", definition=[]), "definition is no element of it"),
        (set_in("Observation", status=None), "status is missing"),
        (set_in("Flag", subject=[{"display": "x"}]), "takes one value"),
        (set_in("Flag", code="text"), "takes a CodeableConcept"),
        (set_in("Patient", active="true"), "takes a boolean"),
        (set_in("Patient", name={"family": "Testperson"}), "takes a list"),
        # Meant otherwise than it reads.
        (set_in("Patient", modifierExtension=UNKNOWN), "modifierExtension"),
        (set_in("MedicationStatement", modifierExtension=UNKNOWN), "modifierExtension"),
        (deep, "modifierExtension"),
        # The mark we know, of another resource than those that have it, or with more than a yes.
        (set_in("Flag", modifierExtension=[KEPT]), "modifierExtension"),
        (set_in("Communication", modifierExtension=[KEPT, *UNKNOWN]), "modifierExtension"),
        (set_in("Communication", modifierExtension=[KEPT | {"valueBoolean": None}]), "modifierExt"),
        (set_in("Communication", modifierExtension=KEPT), "modifierExtension"),
        (set_in("Condition", implicitRules="https://other.example/rules"), "implicitRules"),
        # Of somebody else, wherever that is said.
        (set_in("Flag", subject={"reference": "Patient/somebody-else/_history/1"}), "another pat"),
        (set_in("Flag", subject=[SOMEBODY]), "another patient"),
        (set_in("AuditEvent", entity=[{"what": SOMEBODY}]), "another patient"),
        (set_in("Provenance", target=[SOMEBODY]), "another patient"),
        (set_in("Task", extension=[{"url": "urn:x", "valueReference": SOMEBODY}]), "another pat"),
        (moved, "another patient"),
        (set_in("Flag", subject={"type": "Patient", "display": "Wren"}), "not name by an id"),
        (set_in("Flag", contained=[{"resourceType": "Patient", "id": "x"}],
                subject={"reference": "#x"}), "holds another patient"),
        (set_in("Patient", link=[{"other": SOMEBODY, "type": "replaced-by"}]), "took the place"),
    ],
)  # fmt: skip
def test_a_file_that_must_not_be_read_is_refused_with_a_sentence(
    bundle, outsider, change: Callable[[Bundle], None], says: str
) -> None:
    change(bundle)
    with pytest.raises(ImportRefusedError, match=says):
        brought(bundle, outsider)
    assert not Patient.objects.filter(clinic=outsider.clinic).exists()


def test_what_we_tell_has_the_shape_that_is_asked_for(bundle) -> None:
    for each in [entry["resource"] for entry in bundle["entry"]]:
        assert misshapen(each) == ""
    assert {each["resource"]["resourceType"] for each in bundle["entry"]} == set(SOURCES)


def test_an_element_with_extensions_only_has_its_shape() -> None:
    name = {"given": [None, "Wren"], "_given": [{"extension": [{"url": "urn:x"}]}, None]}
    assert misshapen({"resourceType": "Patient", "name": [name], "_birthDate": {"id": "b"}}) == ""
    flag = {"resourceType": "Flag", "code": {"text": "x"}, "subject": {"display": "x"}}
    assert misshapen(flag) == "Flag.status is missing."
    assert misshapen(flag | {"_status": {"extension": [{"url": "urn:x"}]}}) == ""


@pytest.mark.parametrize("died", [{"deceasedBoolean": True}, {"deceasedDateTime": "2026-11-20"}])
def test_who_has_died_is_not_followed_and_the_day_is_given_back(bundle, outsider, died) -> None:
    set_in("Patient", **died)(bundle)
    patient = brought(bundle, outsider)
    assert patient.status == Patient.Status.DECEASED
    assert not patient.care_tasks.exists()
    (back,) = of(told(patient), "Patient")
    assert {name: value for name, value in back.items() if name.startswith("deceased")} == died
    assert problems(json.loads(as_json(back))) == []


def test_a_contact_of_before_is_not_written_to(bundle, outsider) -> None:
    set_in(
        "Patient",
        telecom=[
            {"system": "email", "value": "old@home.example", "use": "old"},
            {"system": "email", "value": "gone@home.example", "period": {"end": "2020-01-01"}},
            {"system": "email", "value": "wren@new.example"},
            {"system": "phone", "value": "555-0199", "use": "old"},
        ],
        name=[{"family": "Before", "given": ["Wren"], "use": "old"},
              {"family": "Testperson", "given": ["Wren"]}],
    )(bundle)  # fmt: skip
    patient = brought(bundle, outsider)
    assert (patient.email, patient.phone) == ("wren@new.example", "")
    assert patient.family_name == "Testperson"


def test_a_reference_to_a_version_of_the_patient_leads_to_them_here(bundle, outsider) -> None:
    key = of(bundle, "Patient")[0]["id"]
    set_in("Flag", subject={"reference": f"Patient/{key}/_history/1"})(bundle)
    patient = brought(bundle, outsider)
    subjects = {each["subject"]["reference"] for each in of(told(patient), "Flag")}
    assert subjects == {f"Patient/{patient.pk}"}
