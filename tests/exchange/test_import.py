"""A record taken along and brought in elsewhere: equal, complete, and it drives nothing."""

import json
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask, CheckIn
from apps.exchange import import_actions
from apps.exchange.brought import lines_of
from apps.exchange.exact_json import exact
from apps.exchange.fhir.bundle import SOURCES, collection
from apps.exchange.fhir.elements import as_json, in_code
from apps.exchange.fhir.kept import BROUGHT_IN
from apps.exchange.fhir.reading import parsed
from apps.exchange.fhir.record import Record
from apps.exchange.fhir.within import ImportRefusedError
from apps.exchange.import_actions import import_record
from apps.exchange.models import KeptResource, RecordImport
from apps.patients.intake import stop_verdict_of
from apps.patients.models import Patient
from apps.patients.risk_actions import regimen_on
from apps.tapers.models import TaperPlan
from apps.tapers.schedule import schedule_of
from tests.conftest import signed_in
from tests.exchange.r4.validate import problems
from tests.exchange.rich import make_rich
from tests.factories import NOW, make_active_plan, make_patient

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
XHTML = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Wren, 555-0100</p></div>'
THEIRS = {"url": "https://other.example/shoe-size", "valueDecimal": Decimal("41.5")}


@pytest.fixture
def rich(prescriber, nurse):
    return make_rich(prescriber, nurse)


@pytest.fixture
def bundle(rich) -> dict[str, Any]:
    """The record as another program would hand it on: with elements that we do not know."""
    found = taken(rich)
    for entry in found["entry"]:
        entry["resource"].setdefault("extension", []).append(THEIRS)
    person = next(r for r in resources(found) if r["resourceType"] == "Patient")
    person["maritalStatus"] = {"text": "Widowed"}
    person["name"][0] |= {
        "prefix": ["Dr."], "use": "official", "given": ["Wren", "Middle"],
        "_given": [None, {"extension": [THEIRS]}],
    }  # fmt: skip
    person["name"].insert(0, {"family": "Oldname", "given": ["Wren"], "use": "maiden"})
    person["telecom"] += [
        {"system": "phone", "value": "555-7777", "use": "work", "rank": 2},
        {"system": "fax", "value": "555-8888", "extension": [THEIRS]},
    ]
    person["contact"].append({
        "name": {"family": "Second", "given": ["Sam"]}, "relationship": [{"text": "Sister"}],
        "telecom": [{"system": "phone", "value": "555-9999"}],
    })  # fmt: skip
    person["address"].append({"use": "temp", "line": ["5 Hill"], "city": "Elmwood"})
    person["communication"].append({"language": {"text": "Cree"}})
    person["text"] = {"status": "generated", "div": XHTML}
    person["_birthDate"] = {"extension": [THEIRS]}
    aud = next(r for r in resources(found) if r["id"] == f"{rich.pk}-{in_code('aud')}")
    aud["code"]["coding"].append({"system": "https://other.example", "code": "F10"})
    person["identifier"].append({"system": "urn:other", "value": "MRN-7"})
    allergy = {
        "resourceType": "AllergyIntolerance", "id": "a1", "extension": [THEIRS],
        "patient": {"reference": f"Patient/{rich.pk}"}, "code": {"text": "Penicillin"},
    }  # fmt: skip
    found["entry"].append({"fullUrl": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
                           "resource": allergy})  # fmt: skip
    return found


def taken(patient: Patient) -> dict[str, Any]:
    """Return the patient's record as the file holds it."""
    found: dict[str, Any] = json.loads(
        as_json(collection(Record(patient, LATER))), parse_float=Decimal
    )
    return found


def resources(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"]]


def brought(bundle: dict[str, Any], member) -> Patient:
    """Return the patient after bringing the file in."""
    copy = json.loads(json.dumps(bundle, default=float), parse_float=Decimal)
    return import_record(clinic=member.clinic, bundle=copy, by=member.user, now=LATER).patient


def comparable(resource: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """Return a resource with the ids of the other clinic and without our mark."""
    body = import_actions.with_ids(resource, ids, {})
    own = f"{resource['resourceType']}/{resource['id']}"
    body["id"] = ids.get(own, own).rpartition("/")[2]
    tags = [tag for tag in body.get("meta", {}).get("tag", []) if tag != BROUGHT_IN]
    meta = {**body.pop("meta", {}), "tag": tags}
    meta = {key: value for key, value in meta.items() if value}
    return body | ({"meta": meta} if meta else {})


def test_export_import_export_is_equal(bundle, rich, outsider) -> None:
    """But for what the new clinic must say itself: see the two comments."""
    patient = brought(bundle, outsider)
    found = RecordImport.objects.get(patient=patient)
    back = {f"{k.kind}/{k.key}": old for k in KeptResource.objects.filter(patient=patient)
            for old in [old_id(bundle, k)]}  # fmt: skip
    before = {f"{r['resourceType']}/{r['id']}": r for r in resources(bundle)}
    second = taken(patient)
    after = {}
    for each in resources(second):
        key = f"{each['resourceType']}/{each['id']}"
        after[back.get(key, key)] = comparable(
            each, {k: v.rpartition("/")[2] for k, v in back.items()}
        )
    new = [after[key]["resourceType"] for key in after if key not in before]
    # The new clinic itself, what is taken by the order that came, the task to read the record,
    # and the clinic's own audit rows of the import.
    audit = new.count("AuditEvent")
    assert Counter(new) == {
        "Organization": 1, "MedicationStatement": 1, "Task": 1, "AuditEvent": audit,
    }  # fmt: skip
    assert set(before) <= set(after)
    for key, resource in before.items():
        # The patient is of the new clinic now, and the tier of risk was judged anew.
        for told in (resource, after[key]):
            told.pop("managingOrganization", None)
            if key.endswith(in_code("tier")):
                told.pop("effectiveDateTime")
        assert sorted_lists(after[key]) == sorted_lists(resource), key
    assert found.totals == dict(sorted(Counter(r["resourceType"] for r in before.values()).items()))
    known = [each for each in resources(second) if each["resourceType"] in SOURCES]
    for each in json.loads(as_json({"all": known}))["all"]:
        assert problems(each) == []


def test_a_number_that_came_is_given_back_with_its_places(bundle, outsider) -> None:
    """In FHIR 0.010 says that it was measured to the third place; 0.01 does not."""
    places = ("0.010", "41.50", "-7.0", "7")
    text = as_json(bundle).decode()
    assert text.count('"valueDecimal": 41.5\n') > len(places)
    for each in places:
        text = text.replace('"valueDecimal": 41.5\n', f'"valueDecimal": {each}\n', 1)
    found = import_record(
        clinic=outsider.clinic, bundle=parsed(text), by=outsider.user, now=LATER
    )  # fmt: skip
    again = as_json(collection(Record(found.patient, LATER))).decode()
    for each in places:
        assert again.count(f'"valueDecimal": {each}\n') == text.count(f'"valueDecimal": {each}\n')
    page = signed_in(outsider).get(reverse("exchange:record_brought", args=[found.patient_id]))
    assert "shoe-size: 41.50" in page.content.decode()


def old_id(bundle: dict[str, Any], kept: KeptResource) -> str:
    """Return Type/id of the resource in the file that stands at this place."""
    old = resources(bundle)[kept.position]
    return f"{old['resourceType']}/{old['id']}"


def sorted_lists(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource whose extensions stand in one order; theirs has no meaning."""
    key = "extension"
    return resource | {
        key: sorted(resource.get(key, []), key=lambda each: json.dumps(each, default=str))
    }


def test_what_came_drives_nothing(bundle, outsider, other_clinic) -> None:
    patient = brought(bundle, outsider)
    assert schedule_of(patient, LATER) is None
    for model in (TaperPlan, CheckIn, Alert):
        assert not model.objects.filter(patient=patient).exists(), model
    task = CareTask.objects.get(patient=patient)
    assert task.what.startswith("A record came from elsewhere: read it")
    assert (patient.risk.aud, patient.risk.epilepsy, patient.risk.cns_lesion) == (True, False, None)
    page = signed_in(outsider).get(reverse("exchange:record_brought", args=[patient.pk]))
    text = page.content.decode()
    assert "Nothing here drives anything" in text
    assert "one tablet by mouth in the morning" in text
    assert "&lt;than&gt;" in text, "the patient's own words are text"
    assert "refuted" in text, "an illness that is not there does not stand there as one"
    for only_came in (
        f"Names: Wren Oldname (maiden); Dr. Wren Middle {patient.family_name} (official)",
        "555-7777 (work)",
        "Sam Second, Sister, phone 555-9999", "5 Hill, Elmwood (temp)", "Marital status: Widowed",
        "MRN-7 (urn:other)", "Cree", "shoe-size: 41.5",
    ):  # fmt: skip
        assert only_came in text, "no row of ours has it, so it is read here"
    history = (
        signed_in(outsider).get(reverse("dashboard:history", args=[patient.pk])).content.decode()
    )
    for name in ("exchange:record_brought", "exchange:record_export"):
        assert reverse(name, args=[patient.pk]) in history


def test_what_is_taken_now_is_the_dose_of_the_order_and_not_of_the_intake(
    rich, bundle, outsider
) -> None:
    """A new plan would begin at the dose that was lowered since: more than is taken now."""
    today = schedule_of(rich, LATER).today
    assert rich.medication.daily_mg == Decimal(2) > today.daily_mg
    patient = brought(bundle, outsider)
    assert patient.medication.daily_mg == today.daily_mg
    assert patient.medication.drug_id == "clonazepam"


def test_an_order_of_elsewhere_is_not_active_beside_a_plan_signed_here(bundle, outsider) -> None:
    patient = brought(bundle, outsider)
    plan = make_active_plan(patient, outsider.user)
    orders = [r for r in resources(taken(patient)) if r["resourceType"] == "MedicationRequest"]
    active = [each["id"][:36] for each in orders if each["status"] == "active"]
    assert active == [str(plan.in_force_id)]
    for order in json.loads(as_json({"all": orders}))["all"]:
        assert problems(order) == []


def test_what_is_changed_here_is_told_and_not_what_came(bundle, outsider) -> None:
    patient = brought(bundle, outsider)
    patient.phone, patient.email = "555-0000", ""
    patient.save(update_fields=["phone", "email"])
    patient.risk.aud = False
    patient.risk.save(update_fields=["aud"])
    told = {f"{r['resourceType']}/{r['id']}": r for r in resources(taken(patient))}
    person = told[f"Patient/{patient.pk}"]
    assert person["telecom"] == [
        {"system": "phone", "value": "555-0000"},
        {"system": "phone", "value": "555-7777", "use": "work"},
        {"system": "fax", "value": "555-8888", "extension": [THEIRS]},
    ], "what was changed stands first, and nothing else claims to be preferred"
    assert person["maritalStatus"] == {"text": "Widowed"}
    assert "text" not in person, "words made of the whole would still say the old number"
    condition = told[f"Condition/{patient.pk}-{in_code('aud')}"]
    assert condition["verificationStatus"]["coding"][0]["code"] == "refuted"
    assert "clinicalStatus" not in condition
    assert THEIRS["url"] in [each["url"] for each in condition["extension"]]
    assert len(condition["code"]["coding"]) == 2, "another system's code says the same as before"


def test_the_same_record_comes_in_once_and_all_or_nothing(bundle, outsider, monkeypatch) -> None:
    def fails(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(import_actions, "record", fails)
        with pytest.raises(RuntimeError):
            brought(bundle, outsider)
    assert not Patient.objects.filter(clinic=outsider.clinic).exists()
    assert not KeptResource.objects.exists()
    brought(bundle, outsider)
    with pytest.raises(ImportRefusedError, match="only once"):
        brought(bundle, outsider)
    assert AuditEvent.objects.filter(event="record.imported").count() == 1


def test_a_record_does_not_come_in_beside_itself(bundle, prescriber) -> None:
    with pytest.raises(ImportRefusedError, match="here already"):
        brought(bundle, prescriber)


def without(bundle: dict[str, Any], kind: str) -> dict[str, Any]:
    return bundle | {"entry": [e for e in bundle["entry"] if e["resource"]["resourceType"] != kind]}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda b: [], "no FHIR Bundle"),
        (lambda b: {**b, "entry": []}, "empty"),
        (lambda b: without(b, "Patient"), "0 patients"),
        (lambda b: without(b, "MedicationStatement"), "what the patient takes"),
        (lambda b: b | {"entry": [*b["entry"], b["entry"][-1]]}, "twice"),
        (lambda b: b | {"entry": [*b["entry"], {"resource": {"resourceType": "Flag"}}]}, "no id"),
        (lambda b: b | {"entry": [*b["entry"], {"resource": 3}]}, "no resource with a type"),
        (lambda b: b | {"entry": [*b["entry"], {"resource": {
            "resourceType": "Flag", "id": "f", "subject": {"reference": "Patient/other"}}}]},
         "another patient"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_with_a_sentence(bundle, outsider, wrong, says) -> None:
    with pytest.raises(ImportRefusedError, match=says):
        brought(wrong(bundle), outsider)
    assert not Patient.objects.filter(clinic=outsider.clinic).exists()


READ = (
    "name", "birthDate", "telecom", "identifier", "communication", "contact", "extension", "meta",
    "dosage", "medicationCodeableConcept", "code", "item", "verificationStatus",
    "dosageInstruction", "subject", "note", "period",
)  # fmt: skip


@pytest.mark.parametrize("value", ["text", [[]], None])
def test_any_other_shape_is_refused_or_kept_and_given_back(bundle, outsider, value) -> None:
    """No file ends in an error of the program: neither at reading it nor at the next export."""
    few = {e["resource"]["resourceType"]: e for e in bundle["entry"]}
    taken_first = next(e for e in bundle["entry"] if "dosage" in e["resource"])
    bundle["entry"] = [*few.values(), *([taken_first] if taken_first not in few.values() else [])]
    for name in READ:
        entries = [
            {"resource": e["resource"] | {name: value}}
            if name in e["resource"] or name == "meta"
            else e
            for e in bundle["entry"]
        ]
        with suppress(ImportRefusedError), transaction.atomic():
            patient = brought(bundle | {"entry": entries}, outsider)
            assert taken(patient)["entry"]
            assert lines_of(
                KeptResource.objects.filter(patient=patient).values_list("body", flat=True)
            )
            transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('"wren\\u0000@home.example"', "NUL"),
        ("1" * 5 + "." + "1" * 30, "more digits"),
        ("NaN", "no number"),
        ("1E2000000", "a number that no record has"),
        ("-1.5e-2000000", "a number that no record has"),
        ("1E31", "a number that no record has"),
        ("0E2000000", "a number that no record has"),
        ("1E" + "9" * 5000, "a number that no record has"),
        ("9" * 4000, "a number that no record has"),
        ("[" * 100_000, "Nothing was brought in"),
    ],
)
def test_what_no_database_keeps_is_refused(bundle, outsider, tmp_path, text, says) -> None:
    file = tmp_path / "record.json"
    place = '"Widowed"' if text.startswith('"') else "41.5"
    file.write_text(as_json(bundle).decode().replace(place, text))
    with pytest.raises(CommandError, match=says):
        call_command("import_record", str(file), "--clinic", str(outsider.clinic_id),
                     "--by", outsider.user.email)  # fmt: skip
    assert not Patient.objects.filter(clinic=outsider.clinic).exists()


@pytest.mark.parametrize("text", ["1E2000000", "1E-2000000", "NaN", "Infinity"])
def test_a_number_is_never_written_out_at_length(text) -> None:
    """The first of these held a process for more than a minute, with the clinic locked."""
    with pytest.raises(ValueError, match="more places"):
        exact(Decimal(text))


def test_the_command_says_what_came_in_and_who_may_not(bundle, outsider, tmp_path, capsys) -> None:
    file = tmp_path / "record.json"
    file.write_bytes(as_json(bundle))
    asked = ["import_record", str(file), "--clinic", str(outsider.clinic_id)]
    with pytest.raises(CommandError, match="may register"):
        call_command(*asked, "--by", "nobody@clinic.example")
    call_command(*asked, "--by", outsider.user.email)
    said = capsys.readouterr().out
    assert "1 Patient" in said
    assert "Testperson" not in said, "what stands on a screen or in a log names nobody"
    with pytest.raises(CommandError, match="Nothing was brought in"):
        call_command(*asked, "--by", outsider.user.email)
    file.write_text("{")
    with pytest.raises(CommandError, match="Nothing was brought in"):
        call_command(*asked, "--by", outsider.user.email)


def test_months_and_days_of_a_week_grow_on_as_if_they_were_told_here(
    clinic, prescriber, outsider
) -> None:
    """A record of three hundred days is no new intake: no stop at once is open by it (ASAM-04)."""
    then = NOW - timedelta(days=300)
    rarely = {"pattern": "rarely", "days_per_week": 2, "taken_months": 2}
    patient = make_patient(clinic, now=then, medication=rarely)
    make_active_plan(patient, prescriber.user, now=then, start_on=then.date().isoformat())
    here = brought(taken(patient), outsider)
    (main,) = regimen_on(here, LATER.date())
    assert (main.days_per_week, main.months) == (7, 11)
    assert stop_verdict_of(here, LATER.date()).path == "refused"
