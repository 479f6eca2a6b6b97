"""A patient's record as FHIR R4: valid by HL7's definitions, complete, and never unsafe to read."""

import io
import json
import zipfile
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.checkins.models import CheckIn
from apps.exchange.fhir.bundle import SOURCES, collection, resources_of
from apps.exchange.fhir.elements import as_json
from apps.exchange.fhir.record import Record
from apps.portal.export import export_zip
from apps.portal.trusted_actions import report
from apps.tapers.models import PlanVersion, TaperStep
from tests.accounts.test_sign_in import sign_in
from tests.accounts.test_staff import proven
from tests.conftest import go_on, signed_in
from tests.exchange.r4.validate import problems
from tests.exchange.rich import make_rich, make_switching
from tests.factories import NOW, make_patient, make_trusted

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture
def rich(prescriber, nurse):
    return make_rich(prescriber, nurse)


def told(patient, *kinds: str) -> list[dict[str, Any]]:
    """Return the patient's resources of these types as they are sent."""
    found = resources_of(Record(patient, LATER), kinds or tuple(SOURCES))
    return json.loads(as_json({"all": found}), parse_float=Decimal)["all"]


def extension_of(resource: dict[str, Any], name: str) -> Any:
    """Return the value of one of our own extensions, None without it."""
    for each in resource.get("extension", []):
        if each["url"].endswith(f"/{name}"):
            return next(value for key, value in each.items() if key != "url")
    return None


def test_every_resource_keeps_the_definitions_of_r4(rich, prescriber) -> None:
    report(person=make_trusted(rich, now=NOW), signs=["seizure"], submission_id=uuid4(), now=LATER)
    kinds = set()
    for patient in (rich, make_switching(prescriber)):
        bundle = json.loads(as_json(collection(Record(patient, LATER))))
        assert problems(bundle) == []
        kinds |= {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert kinds == set(SOURCES), "something of every type was looked at"


def test_the_definitions_refuse_what_is_wrong() -> None:
    subject = {"reference": "Patient/1"}
    order = {
        "resourceType": "MedicationRequest", "intent": "order", "subject": subject,
        "medicationCodeableConcept": {"text": "x"}, "colour": "red",
        "basedOn": [{"reference": "Patient/1"}],
        "dosageInstruction": [{"timing": {"repeat": {
            "period": 1, "boundsPeriod": {"start": "2026-12-02", "end": "2026-12-01"}}}}],
    }  # fmt: skip
    found = " ".join(problems(order))
    for part in ("status: is missing", "colour", "leads to a Patient", "tim-2", "per-1"):
        assert part in found
    assert "not one of" in problems({"resourceType": "Flag", "status": "on", "subject": subject,
                                     "code": {"text": "x"}})[0]  # fmt: skip


def test_an_order_has_one_instruction_per_step_that_adds_up(rich, prescriber) -> None:
    for patient in (rich, make_switching(prescriber)):
        check_orders(patient)


def check_orders(patient) -> None:
    """Check that the orders of a version say each step's days and exactly its milligrams."""
    orders = told(patient, "MedicationRequest")
    for version in PlanVersion.objects.filter(plan__patient=patient):
        mine = [each for each in orders if each["id"].startswith(str(version.pk))]
        assert len(mine) == len({str(each["medicationCodeableConcept"]) for each in mine}) >= 1
        for order in mine:
            numbers = [each["sequence"] for each in order["dosageInstruction"]]
            assert numbers == list(range(1, len(numbers) + 1))
        for step in TaperStep.objects.filter(version=version)[: len(numbers)]:
            parts = [order["dosageInstruction"][step.number - 1] for order in mine]
            per_day = [part["maxDosePerPeriod"]["numerator"]["value"] for part in parts]
            tablets = [
                next(each["valueDecimal"] for each in tablet["extension"] if each["url"] == "mg")
                for part in parts for tablet in part.get("extension", [])
            ]  # fmt: skip
            assert sum(per_day) == sum(tablets) == step.daily_mg
            bounds = parts[0]["timing"]["repeat"]["boundsPeriod"]
            assert bounds["start"] == step.start_on.isoformat()


def test_a_locked_plan_promises_no_later_step(rich) -> None:
    plan = rich.plans.get()
    orders = told(rich, "MedicationRequest")
    active = [each for each in orders if each["status"] == "active"]
    assert [each["id"][:36] for each in active] == [str(plan.in_force_id)]
    last = active[0]["dosageInstruction"][-1]
    assert extension_of(active[0], "next-reduction-locked") is True
    assert plan.in_force.steps.count() > last["sequence"]
    assert "end" not in last["timing"]["repeat"]["boundsPeriod"]
    assert "on-hold" not in {each["status"] for each in orders}, "it could be read as: stop taking"


def test_yes_no_and_not_asked_stay_three_things(rich) -> None:
    said = {
        each["code"]["coding"][0]["code"]: each["verificationStatus"]["coding"][0]["code"]
        for each in told(rich, "Condition")
    }
    assert (said["aud"], said["epilepsy"]) == ("confirmed", "refuted")
    assert "cns_lesion" not in said


def test_only_codes_of_a_known_authority_are_used(rich) -> None:
    text = as_json(collection(Record(rich, LATER))).decode()
    assert "snomed" not in text
    scores = {
        each["code"]["coding"][0]["code"]: each["valueInteger"]
        for each in told(rich, "Observation") if "valueInteger" in each
    }  # fmt: skip
    assert (scores["44261-6"], scores["70274-6"], scores["dws"]) == (9, 14, 10)
    assert '"code": "2598"' in text, "clonazepam in RxNorm"
    assert '"code": "197527"' in text, "its tablet of 0.5 mg"


def test_what_a_trusted_person_reported_is_not_the_patients_word(rich) -> None:
    report(person=make_trusted(rich, now=NOW), signs=["seizure"], submission_id=uuid4(), now=LATER)
    trusted = CheckIn.objects.get(patient=rich, reporter="trusted")
    found = next(r for r in told(rich, "QuestionnaireResponse") if r["id"] == str(trusted.pk))
    assert found["source"] == {"type": "RelatedPerson", "display": "Robin"}


def test_the_words_of_what_is_only_kept_say_so_as_its_answers_do(rich) -> None:
    kept = CheckIn.as_given.get(patient=rich, counts=False)
    both = told(rich, "QuestionnaireResponse", "Communication")
    late = {each["id"] for each in both if extension_of(each, "came-out-of-time") == "expired"}
    marked = {each["id"]: each["modifierExtension"] for each in both if "modifierExtension" in each}
    assert set(marked) == late == {str(kept.pk), f"{kept.pk}-words"}
    for changes in marked.values():  # who does not know it must not read what it stands in
        (mark,) = changes
        assert mark["url"].endswith("/only-kept")
        assert mark["valueBoolean"] is True
    assert not [each for each in both if extension_of(each, "only-kept") is not None]
    (words,) = [each for each in told(rich, "Communication") if each["id"] == f"{kept.pk}-words"]
    assert words["payload"] == [{"contentString": "Of last month."}]


@pytest.mark.parametrize(
    ("pattern", "days", "timing", "words"),
    [
        ("daily", 7, {"frequency": 1, "period": 1, "periodUnit": "d"}, ""),
        ("rarely", 1, {"frequency": 1, "period": 1, "periodUnit": "wk"}, "as needed, 1 day a week"),
        ("most_days", 4, {"frequency": 4, "period": 1, "periodUnit": "wk"}, "4 days a week"),
        ("rarely", 0, {}, "as needed, rarely"),
    ],
)
def test_what_is_taken_on_some_days_is_told_in_fhirs_own_words(
    clinic, pattern, days, timing, words
) -> None:
    """A reader who knows no extension of ours takes two days a week for seven otherwise."""
    regularly = {"pattern": pattern, "days_per_week": days}
    patient = make_patient(clinic, medication=regularly)
    statements = told(patient, "MedicationStatement")
    assert [problem for each in statements for problem in problems(each)] == []
    doses = [dose for each in statements for dose in each["dosage"]]
    assert doses
    for dose in doses:
        assert {k: v for k, v in dose["timing"]["repeat"].items() if k != "when"} == timing
        assert dose.get("asNeededBoolean") == (None if pattern == "daily" else True)
        assert words in dose["text"]


def test_a_corrected_dispensing_is_counted_once(rich) -> None:
    counted = [
        each["quantity"]["value"] for each in told(rich, "MedicationDispense")
        if each["status"] == "completed"
    ]  # fmt: skip
    assert counted == [28]


def test_the_record_is_read_with_few_queries_however_long_it_is(rich) -> None:
    with CaptureQueriesContext(connection) as queries:
        collection(Record(rich, LATER))
    assert len(queries) <= 43, [each["sql"][:90] for each in queries]
    with CaptureQueriesContext(connection) as one:
        resources_of(Record(rich, LATER), ["QuestionnaireResponse"])
    assert len(one) == 2


def test_every_row_of_the_audit_record_is_there(rich) -> None:
    assert len(told(rich, "AuditEvent")) == AuditEvent.objects.filter(patient_id=rich.pk).count()


def test_the_file_is_asked_what_it_is_for_and_is_on_record(rich, prescriber, lead) -> None:
    path = reverse("exchange:record_export", args=[rich.pk])
    nothing = signed_in(prescriber).post(path)
    assert nothing.status_code == 422
    assert "Choose what the file is for" in nothing.content.decode()
    assert not AuditEvent.objects.filter(event="record.exported").exists()
    with_audit = {}
    for member in (prescriber, lead):
        answer = proven(member).post(path, {"why": "transfer"})
        assert answer["Content-Type"] == "application/fhir+json"
        assert f'filename="record-{rich.reference}.json"' in answer["Content-Disposition"]
        kinds = [each["resource"]["resourceType"] for each in json.loads(answer.content)["entry"]]
        with_audit[member.role] = "AuditEvent" in kinds
    assert with_audit == {"prescriber": False, "clinical_lead": True}
    rows = AuditEvent.objects.filter(event="record.exported", patient_id=rich.pk)
    assert [row.details["why"] for row in rows] == ["transfer", "transfer"]


def test_the_whole_record_takes_a_fresh_proof_and_keeps_what_was_typed(rich, prescriber) -> None:
    path, client = reverse("exchange:record_export", args=[rich.pk]), sign_in(prescriber)
    asked = client.post(path, {"why": "transfer"})
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not AuditEvent.objects.filter(event="record.exported").exists()
    answer = go_on(client, asked)
    assert answer["Content-Type"] == "application/fhir+json"
    assert AuditEvent.objects.get(event="record.exported").details["why"] == "transfer"


def test_the_patients_own_file_is_valid_and_names_nobody_of_the_staff(rich, nurse) -> None:
    content = zipfile.ZipFile(io.BytesIO(export_zip(patient=rich, now=LATER)))
    text = content.read("fhir.json").decode()
    assert nurse.user.full_name not in text
    assert rich.family_name in text
    assert problems(json.loads(text)) == []
