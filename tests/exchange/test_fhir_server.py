"""The FHIR address: who is let in, what is found, its pages, and that nothing else is."""

import json
import re
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.checkins.models import CheckIn
from apps.exchange.fhir.bundle import SOURCES, collection, resources_of
from apps.exchange.fhir.elements import as_json, in_code
from apps.exchange.fhir.people import REFERENCE_SYSTEM
from apps.exchange.fhir.reading import parsed
from apps.exchange.fhir.record import Record
from apps.exchange.import_actions import import_record
from apps.programs.scopes import Scope
from tests.exchange.r4.validate import problems
from tests.exchange.rich import make_rich
from tests.factories import NOW, make_patient, make_program, token_for_program

pytestmark = pytest.mark.django_db
ONE = "0d9a1b52-6a0e-4f0e-9a53-3d1c5b7e8f90"
TWO = "7c1fbe36-41d5-4a83-8b0a-2f6d9e0c4b1a"
LATER = NOW + timedelta(days=1)


@pytest.fixture
def rich(prescriber, nurse):
    return make_rich(prescriber, nurse)


def bearer(member, *scopes: str) -> Client:
    """Return a program of this person's clinic that may read."""
    program = make_program(member, *(scopes or (Scope.FHIR_READ,)))
    return Client(headers={"Authorization": f"Bearer {token_for_program(program)}"})


def get(client: Client, path: str, **asked: Any) -> Any:
    """Return status and body; each body keeps the definitions."""
    answer = client.get(path if path.startswith("/") else f"/fhir/R4/{path}", asked)
    assert answer["Content-Type"].startswith("application/fhir+json")
    assert answer["Cache-Control"] == "no-store"
    body = json.loads(answer.content)
    assert problems(body) == [], path
    return answer.status_code, body


def post(client: Client, kind: str, **asked: Any) -> Any:
    """Search by a form; return status and body."""
    answer = client.post(
        f"/fhir/R4/{kind}/_search", urlencode(asked, doseq=True),
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    body = json.loads(answer.content)
    assert problems(body) == []
    return answer.status_code, body


def test_anybody_may_ask_what_it_can_do(db) -> None:
    status, body = get(Client(), "metadata")
    assert (status, body["fhirVersion"]) == (200, "4.0.1")
    said = body["rest"][0]
    assert {each["type"] for each in said["resource"]} == set(SOURCES)
    (patients,) = [each for each in said["resource"] if each["type"] == "Patient"]
    by_form = {each["name"] for each in patients["searchParam"] if "documentation" in each}
    assert by_form == {"identifier", "birthdate"}
    token = said["security"]["extension"][0]["extension"][0]["valueUri"]
    assert token.endswith(reverse("programs:token"))


def test_every_resource_of_a_patient_is_found_and_read_by_its_id(rich, lead) -> None:
    client = bearer(lead)
    for kind in SOURCES:
        mine = {} if kind in ("Patient", "Organization", "Questionnaire") else {"patient": rich.pk}
        told = [each["id"] for each in resources_of(Record(rich, LATER), [kind])]
        status, body = get(client, kind, _count=200, **mine)
        ids = [entry["resource"]["id"] for entry in body["entry"]]
        assert status == 200
        assert set(told) <= set(ids), kind
        status, one = get(client, f"{kind}/{told[-1]}")
        assert (status, one["id"]) == (200, told[-1])
    looks = AuditEvent.objects.filter(event="fhir.read", patient_id=rich.pk)
    assert {row.details["kind"] for row in looks} == set(SOURCES) - {
        "Organization",
        "Questionnaire",
    }
    assert all(row.actor_id == lead.user_id for row in looks)


def test_pages_follow_each_other_without_gap_or_repeat(rich, nurse, clinic) -> None:
    for _ in range(4):
        make_patient(clinic)
    client = bearer(nurse)
    for kind, asked in (("Patient", {}), ("Observation", {"patient": rich.pk})):
        _, whole = get(client, kind, **asked)
        path, ids, pages = f"/fhir/R4/{kind}", [], 0
        status, body = get(client, path, _count=2, **asked)
        while True:
            pages += 1
            ids += [entry["resource"]["id"] for entry in body.get("entry", [])]
            following = [each["url"] for each in body["link"] if each["relation"] == "next"]
            if not following:
                break
            status, body = get(
                client, following[0].partition("://")[2].partition("/")[2].join("/ ").strip()
            )
        assert status == 200
        assert len(ids) == len(set(ids)) == whole["total"] == body["total"]
        assert pages == -(-whole["total"] // 2)


def test_another_clinics_record_does_not_exist(rich, outsider, other_clinic) -> None:
    client = bearer(outsider)
    check_in = CheckIn.objects.filter(patient=rich).first()
    for path in (f"Patient/{rich.pk}", f"QuestionnaireResponse/{check_in.pk}",
                 f"Observation/{check_in.pk}-{in_code('dws')}", f"Organization/{rich.clinic_id}",
                 f"Condition/{rich.pk}-{in_code('aud')}", "Flag/nonsense", "Patient/1",
                 "Task/%00"):  # fmt: skip
        status, body = get(client, path)
        assert (status, body["resourceType"]) == (404, "OperationOutcome"), path
    _, body = get(client, "Patient")
    assert (body["total"], "entry" in body) == (0, False)
    _, body = get(client, "Observation", patient=rich.pk)
    assert body["total"] == 0
    row = AuditEvent.objects.filter(event="access.refused").latest("pk")
    assert (row.actor_id, row.details["sent"]) == (outsider.user_id, [str(rich.pk)])


def test_who_may_not_is_told_so_by_an_operation_outcome(rich, nurse, clinic_admin) -> None:
    wanted = f"Patient/{rich.pk}"
    assert get(Client(), wanted)[0] == 401
    assert get(Client(headers={"Authorization": "Bearer nonsense"}), wanted)[0] == 401
    assert get(bearer(nurse, Scope.WORKLIST_READ), wanted)[0] == 403
    assert get(bearer(nurse), "AuditEvent", patient=rich.pk)[0] == 403
    assert get(bearer(nurse), "Medication")[0] == 404


@pytest.mark.parametrize(
    ("path", "asked", "says"),
    [
        ("Observation", {}, "patient=… takes the id"),
        ("Patient", {"family": "Testperson"}, "cannot be searched by family"),
        ("Patient", {"birthdate": "1980-05-17"}, "birthdate may not stand in an address"),
        ("Patient", {"identifier": "123-456"}, "POST it to Patient/_search"),
        ("Patient", {"_sealed": "made up"}, "_sealed is not as we gave it"),
        ("Patient", {"_count": "0"}, "_count takes"),
        ("Task", {"patient": "\0"}, "a character that nobody has"),
        ("Patient", {"_count": "9" * 40}, "_count takes"),
        ("Patient", {"_count": "\u0663"}, "_count takes"),
        ("Patient", {"_after": "zzz"}, "_after is no id"),
        ("Patient", {"_after": ""}, "_after is empty"),
        ("Patient", {"_id": "a b"}, "_id takes ids"),
        ("Task", {"patient": ""}, "patient is empty"),
        ("Task", {"patient": "nonsense"}, "takes the id of one patient"),
        ("Task", {"patient": ONE, "subject": TWO}, "name two patients"),
        ("Task", {"patient": [ONE, TWO]}, "is there 2 times"),
        ("Task", {"patient": f"{ONE},{TWO}"}, "takes the id of one patient"),
        ("Task", {"patient": f"Patient/{ONE}/_history/1"}, "takes the id of one patient"),
        ("Task", {"patient": f"/Patient/{ONE}"}, "takes the id of one patient"),
        ("Task", {"patient": f"Group/{ONE}"}, "takes the id of one patient"),
        ("Task", {"patient": f"https://elsewhere.example/fhir/R4/Patient/{ONE}"}, "of one patient"),
        ("Task", {"patient": ONE.upper()}, "takes the id of one patient"),
        ("Task", {"patient": ONE, "_after": "y"}, "_after is no id"),
    ],
)
def test_what_is_not_understood_is_refused_with_a_sentence(nurse, path, asked, says) -> None:
    status, body = get(bearer(nurse), path, **asked)
    assert (status, body["issue"][0]["severity"]) == (400, "error")
    assert says in body["issue"][0]["diagnostics"]


def test_a_patient_is_found_by_number_and_birth(rich, nurse, clinic) -> None:
    make_patient(clinic, birth_date=date(1990, 1, 1))
    client = bearer(nurse)
    for asked in ({"identifier": rich.reference}, {"birthdate": "1980-05-17"}, {"_id": rich.pk},
                  {"identifier": f"{REFERENCE_SYSTEM}|{rich.reference}"},
                  {"_id": f"{rich.pk},{ONE}"}):  # fmt: skip
        _, body = post(client, "Patient", **asked)
        assert [each["resource"]["id"] for each in body["entry"]] == [str(rich.pk)]
        assert AuditEvent.objects.latest("pk").details["patients"] == [str(rich.pk)]
    _, body = get(client, "Patient", _id=rich.pk)
    assert body["total"] == 1


def test_who_somebody_is_stands_in_no_address_not_even_that_of_the_next_page(
    rich, nurse, clinic
) -> None:
    for _ in range(4):
        make_patient(clinic, birth_date=rich.birth_date)
    client, ids, answer = bearer(nurse), [], None
    status, answer = post(client, "Patient", birthdate=rich.birth_date.isoformat(), _count=2)
    while True:
        assert status == 200
        ids += [entry["resource"]["id"] for entry in answer["entry"]]
        urls = {each["relation"]: each["url"] for each in answer["link"]}
        assert not [url for url in urls.values() if str(rich.birth_date.year) in url]
        if "next" not in urls:
            break
        status, answer = get(client, urls["next"].partition("/fhir/R4/")[2])
    assert len(ids) == len(set(ids)) == answer["total"] == 5


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"birthdate": "last year"}, "takes a day"),
        ({"birthdate": "19800517"}, "takes a day"),
        ({"birthdate": "1980-W20-6"}, "takes a day"),
        ({"birthdate": ["1980-05-17", "1990-01-01"]}, "is there 2 times"),
        ({"birthdate": ""}, "birthdate is empty"),
        ({"identifier": "urn:x|"}, "identifier takes"),
        ({"identifier": "1,2"}, "identifier takes"),
        ({"identifier": "12\0"}, "a character that nobody has"),
        ({"family": "Testperson"}, "cannot be searched by family"),
    ],
)
def test_what_a_form_asks_is_judged_as_an_address_is(nurse, asked, says) -> None:
    status, body = post(bearer(nurse), "Patient", **asked)
    assert (status, says in body["issue"][0]["diagnostics"]) == (400, True)


def test_a_search_by_post_is_a_form_without_anything_in_its_address(rich, nurse) -> None:
    """JSON would be read as a search for everybody."""
    client, path = bearer(nurse), "/fhir/R4/Patient/_search"
    asked = {"birthdate": "1980-05-17"}
    assert client.post(path, asked, content_type="application/json").status_code == 415
    assert client.post(f"{path}?birthdate=1980-05-17").status_code == 415
    kind = "application/x-www-form-urlencoded"
    assert (
        client.post(f"{path}?birthdate=1980-05-17", "_count=5", content_type=kind).status_code
        == 400
    )
    assert client.get(path).status_code == 405
    assert Client().post(path, "", content_type=kind).status_code == 401
    assert bearer(nurse, Scope.WORKLIST_READ).post(path, "", content_type=kind).status_code == 403


def test_what_is_in_the_address_and_in_the_form_is_taken_once(nurse) -> None:
    kind = "application/x-www-form-urlencoded"
    for said in ("_count=5", "_count=1"):
        answer = bearer(nurse).post("/fhir/R4/Patient/_search?_count=5", said, content_type=kind)
        assert (answer.status_code, b"taken once" in answer.content) == (400, True)


def test_a_number_finds_only_who_has_it_under_that_system(rich, nurse, outsider) -> None:
    """Two people have the same number in two hospitals; a record must not be taken for another."""
    for wrong in (f"urn:x|{rich.reference}", f"|{rich.reference}", "urn:other|MRN-7"):
        assert post(bearer(nurse), "Patient", identifier=wrong)[1]["total"] == 0, wrong
    bundle = collection(Record(rich, LATER))
    person = next(e["resource"] for e in bundle["entry"]
                  if e["resource"]["resourceType"] == "Patient")  # fmt: skip
    person["identifier"].append({"system": "urn:other", "value": "MRN-7"})
    theirs = import_record(
        clinic=outsider.clinic, bundle=parsed(as_json(bundle)), by=outsider.user, now=LATER
    ).patient
    client = bearer(outsider)
    for right in ("urn:other|MRN-7", "MRN-7"):
        _, body = post(client, "Patient", identifier=right)
        assert [each["resource"]["id"] for each in body["entry"]] == [str(theirs.pk)], right
    for wrong in (
        "urn:x|MRN-7",
        "|MRN-7",
        f"{REFERENCE_SYSTEM}|MRN-7",
        f"urn:other|{theirs.reference}",
    ):
        assert post(client, "Patient", identifier=wrong)[1]["total"] == 0, wrong
    assert post(bearer(nurse), "Patient", identifier="urn:other|MRN-7")[1]["total"] == 0


def test_a_patient_is_named_by_id_by_reference_or_by_our_address(rich, nurse) -> None:
    client = bearer(nurse)
    _, body = get(client, "Patient", _id=rich.pk)
    ways = (rich.pk, f"Patient/{rich.pk}", body["entry"][0]["fullUrl"])
    totals = [get(client, "Flag", patient=way)[1]["total"] for way in ways]
    assert totals == [totals[0]] * len(ways)
    assert totals[0] > 0
    assert get(client, "Flag", patient=rich.pk, subject=f"Patient/{rich.pk}")[1]["total"] > 0


@pytest.mark.parametrize(
    ("asked", "accept", "status"),
    [
        ("", "*/*", 200), ("", "application/fhir+json", 200), ("_format=json", "text/html", 200),
        ("", "text/html,application/xhtml+xml,*/*;q=0.8", 200),
        ("_format=application/fhir%2Bjson", "", 200), ("_format=application/fhir+json", "", 200),
        ("_format=xml", "application/fhir+json", 406), ("", "application/fhir+xml", 406),
        ("_format=application/fhir%2Bxml", "", 406), ("", "text/turtle", 406),
    ],
)  # fmt: skip
def test_it_speaks_json_and_says_so(rich, nurse, asked, accept, status) -> None:
    client = bearer(nurse)
    for path in ("metadata", "Patient", f"Patient/{rich.pk}"):
        answer = client.get(f"/fhir/R4/{path}?{asked}", headers={"Accept": accept})
        assert (path, answer.status_code) == (path, status)
        assert answer["Content-Type"].startswith("application/fhir+json")
        assert problems(json.loads(answer.content)) == []


def test_a_search_costs_the_same_however_much_there_is(rich, nurse) -> None:
    client = bearer(nurse)
    with CaptureQueriesContext(connection) as queries:
        get(client, "Observation", patient=rich.pk)
    assert len(queries) <= 14, [each["sql"][:80] for each in queries]


def test_a_program_brings_a_record_in_once_and_is_told_why_not(rich, outsider, nurse) -> None:
    body = as_json(collection(Record(rich, LATER)))
    client = bearer(outsider, Scope.FHIR_WRITE)

    def sent(by: Client, text: bytes) -> tuple[int, str]:
        answer = by.post("/fhir/R4", text, content_type="application/fhir+json")
        said = json.loads(answer.content)
        assert problems(said) == []
        return answer.status_code, said["issue"][0]["diagnostics"]

    assert sent(bearer(nurse), body)[0] == 403, "a token for reading only"
    assert sent(client, b"{")[0] == 422
    status, said = sent(client, body)
    assert (status, "1 Patient" in said) == (201, True)
    assert sent(client, body) == (
        422, "Nothing was brought in. This patient's record is here already. It comes in only once."
    )  # fmt: skip
    event = AuditEvent.objects.get(event="record.imported")
    assert event.clinic_id == outsider.clinic_id


def test_a_number_that_no_record_has_is_refused_before_anything_is_begun(outsider) -> None:
    client = bearer(outsider, Scope.FHIR_WRITE)
    with CaptureQueriesContext(connection) as queries:
        answer = client.post(
            "/fhir/R4", b'{"valueDecimal": 1E2000000}', content_type="application/fhir+json"
        )
    assert (answer.status_code, b"no record has" in answer.content) == (422, True)
    assert not [q["sql"] for q in queries if "patients_clinic" in q["sql"] and "UPDATE" in q["sql"]]


def test_no_drug_or_illness_is_in_an_address(rich, lead) -> None:
    """An id is in the address that asks for it, and so in the logs of whatever it passes."""
    told = json.loads(as_json(collection(Record(rich, LATER))))["entry"]
    ids = [entry["resource"]["id"] for entry in told]
    ours = [each for each in ids if len(each) >= 36]
    assert len(ours) > 30
    plain = re.compile(
        r"[0-9a-f-]{36}(-[0-9a-f]{12}|-taken(-\d+)?|-words)?|audit-\d+(\.[0-9a-f]{32})?"
    )
    assert [each for each in ids if not plain.fullmatch(each) and len(each) >= 36] == []


@pytest.mark.parametrize("kind", ["Flag", "Communication"])
def test_who_was_shown_an_alert_by_fhir_is_told_with_the_alert(kind: str, rich, lead) -> None:
    alert, client = rich.alerts.filter(deliveries__isnull=False).first(), bearer(lead)
    status, body = get(client, kind, patient=str(rich.pk), _count="200")
    assert status == 200
    for entry in body["entry"]:
        get(client, f"{kind}/{entry['resource']['id']}")
    get(client, "Observation", patient=str(rich.pk))
    told = AuditEvent.objects.telling_of_alert(alert.pk, rich.pk, alert.opened_at, None)
    looks = [row for row in told if row.event.startswith("fhir.")]
    assert {row.event for row in looks} == {"fhir.searched", "fhir.read"}
    assert {row.details["kind"] for row in looks} == {kind}
    assert all(row.details["alerts"] for row in looks)


def test_whom_a_search_showed_has_it_in_their_record_and_nobody_else_is_named(
    rich, lead, clinic
) -> None:
    other, client = make_patient(clinic, now=NOW), bearer(lead)
    assert get(client, "Patient")[1]["total"] == 2
    status, body = get(client, "AuditEvent", patient=str(rich.pk), _count="200")
    found = [each["resource"] for each in body["entry"]]
    looks = [
        each for each in found
        if any(code["code"] == "fhir.searched" for code in each["subtype"])
    ]  # fmt: skip
    assert status == 200
    assert [each["action"] for each in looks] == ["R"]
    assert str(other.pk) not in json.dumps(body)
    assert other.pk.hex not in json.dumps(body)
    assert get(client, f"AuditEvent/{looks[0]['id']}") == (200, looks[0])
    number = looks[0]["id"].partition(".")[0]
    assert get(client, f"AuditEvent/{number}.{other.pk.hex}")[0] == 200
    nobody = make_patient(clinic, now=NOW)
    for wrong in (number, f"{number}.{nobody.pk.hex}", f"{number}.x", "audit-.", "audit-9."):
        assert get(client, f"AuditEvent/{wrong}")[0] == 404, wrong
