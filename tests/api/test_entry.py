"""Who is let in: every URL of the API, with every kind of token that should not open it."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from apps.api.entry import schema
from apps.audit.models import AuditEvent
from apps.dashboard.staff_actions import deactivate_member
from apps.programs.models import Program
from apps.programs.scopes import RIGHT_FOR, Scope
from tests.conftest import signed_in
from tests.factories import NOW, make_program, token_for_program
from tests.test_access_matrix import PROGRAMS, objects_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(patient, prescriber) -> dict[str, Any]:
    return {**objects_of(patient, prescriber), "kind": "daily"}


def ask(client: Client, name: str, ids: dict[str, Any], **headers: str) -> Any:
    method, _, needs = PROGRAMS[name]
    path = reverse(name, kwargs={needs: ids[needs]} if needs else {})
    return client.generic(
        method, path, "{}", content_type="application/json",
        headers={"Idempotency-Key": "1", **headers},
    )  # fmt: skip


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def is_problem(answer: Any, status: int) -> bool:
    found = answer.json()
    return (
        answer.status_code == found["status"] == status
        and answer.headers["Content-Type"] == "application/problem+json"
        and {"type", "title", "detail"} <= set(found)
    )


def test_without_a_token_nothing_opens_whoever_is_signed_in(own, prescriber, subtests) -> None:
    for name in PROGRAMS:
        with subtests.test(name):
            for client in (Client(), signed_in(prescriber)):
                answer = ask(client, name, own)
                assert is_problem(answer, 401)
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            for wrong in ("Bearer", "Bearer  ", "Basic abc", "Bearer " + "x" * 9000):
                assert ask(Client(), name, own, Authorization=wrong).status_code in (401, 429)


def test_a_token_opens_what_its_scope_says_and_nothing_else(own, prescriber, subtests) -> None:
    program = make_program(prescriber)
    assert set(program.scopes) >= {scope for _, scope, _ in PROGRAMS.values()} - {""}
    for name, (_, needed, _) in PROGRAMS.items():
        for scope in program.scopes if needed else ():
            with subtests.test(f"{name} {scope}"):
                answer = ask(Client(), name, own, **bearer(token_for_program(program, scope)))
                if scope == needed:
                    assert answer.status_code in (200, 422)
                else:
                    assert is_problem(answer, 403)
                    assert needed in answer.headers["WWW-Authenticate"]


def test_another_clinics_objects_do_not_exist(other_patient, outsider, prescriber) -> None:
    foreign = {**objects_of(other_patient, outsider), "kind": "daily"}
    headers = bearer(token_for_program(make_program(prescriber)))
    for name, (_, _, needs) in PROGRAMS.items():
        if needs.endswith("_id"):
            theirs = ask_rightly(name, foreign, headers)
            nowhere = ask_rightly(name, {needs: uuid4()}, headers)
            assert is_problem(theirs, 404), name
            assert theirs.content == nowhere.content
            row = AuditEvent.objects.filter(event="access.refused").latest("pk")
            assert row.details["url"] == name
            assert row.details["program"] == str(Program.objects.get(member=prescriber).pk)
            assert row.actor_id == prescriber.user_id


def ask_rightly(name: str, ids: dict[str, Any], headers: dict[str, str]) -> Any:
    """Ask with a body that only the object is missing from."""
    seen = {"seen_by": str(uuid4()), "seen_at": NOW.isoformat()}
    body = {
        "api:alert_acknowledge": seen,
        "api:alert_close": {**seen, "outcome": "spoke", "note": "x"},
        "api:check_in": {"questionnaire": "daily", "submission_id": str(uuid4()), "answers": {}},
        "api:plan_preview": {"start_on": "2026-11-23"},
    }.get(name)
    method, _, needs = PROGRAMS[name]
    path = reverse(name, kwargs={needs: ids[needs]})
    client = Client(headers={**headers, "Idempotency-Key": str(uuid4())})
    if method == "GET":
        return client.get(path)
    return client.post(path, body, content_type="application/json")


def test_who_is_deactivated_takes_their_programs_along(own, nurse, clinic_admin) -> None:
    headers = bearer(token_for_program(make_program(nurse)))
    assert ask(Client(), "api:me", own, **headers).status_code == 200
    deactivate_member(member=nurse, by=clinic_admin.user, now=NOW)
    for name in PROGRAMS:
        assert is_problem(ask(Client(), name, own, **headers), 401)


def test_a_method_that_is_not_named_is_not_taken(own, prescriber) -> None:
    headers = bearer(token_for_program(make_program(prescriber)))
    for name, (method, _, needs) in PROGRAMS.items():
        path = reverse(name, kwargs={needs: own[needs]} if needs else {})
        for other in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - {method}:
            assert Client(headers=headers).generic(other, path).status_code == 405


def test_the_openapi_is_open_and_says_what_is_served() -> None:
    answer = Client().get(reverse("api:openapi"))
    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies
    found = answer.json()
    assert found == json.loads(json.dumps(schema()))
    listed = {
        each["security"][0]["ProgramToken"][0] if each["security"][0]["ProgramToken"] else ""
        for path in found["paths"].values()
        for each in path.values()
    }
    assert listed == {scope for _, scope, _ in PROGRAMS.values()}
    assert len(found["paths"]) == len(PROGRAMS)
    for path in found["paths"].values():
        for each in path.values():
            too_often = each["responses"]["429"]
            assert set(too_often["content"]) == {"application/problem+json"}
            assert too_often["headers"]["Retry-After"]["required"]
    flows = found["components"]["securitySchemes"]["ProgramToken"]["flows"]
    assert flows["clientCredentials"]["tokenUrl"] == reverse("programs:token")
    assert set(flows["clientCredentials"]["scopes"]) == set(Scope.values) == set(RIGHT_FOR)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400), (b"\xff", 400), (b"[" * 100_000, 400), (b"null", 422), (b"[]", 422),
        (b'{"seen_by": "\\ud800"}', 422), (b'{"more": 1}', 422), (b"", 422),
        (b"x" * 300_000, 413),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_a_problem(asker, own, body, status) -> None:
    path = reverse("api:alert_acknowledge", args=[own["alert_id"]])
    answer = asker.generic(
        "POST", path, body, content_type="application/json", headers={"Idempotency-Key": "1"}
    )
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_headers_stay_as_on_the_pages(asker) -> None:
    answer = asker.get(reverse("api:me"))
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.json()["seen_by"] == str(asker.member.pk)


def test_the_readable_record_says_through_which_program(asker, lead) -> None:
    asker.get(reverse("api:worklist"))
    page = signed_in(lead).get(reverse("dashboard:audit")).text
    assert f"{asker.member.user.full_name}, through {asker.program.name}" in page


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/api/v1/alerts/1", "/api/v2/me", "/api/"])
def test_an_address_that_does_not_exist_is_a_problem_too(db: None, path: str) -> None:
    for method in ("get", "post"):
        assert is_problem(getattr(Client(), method)(path), 404)


def test_so_it_is_for_programs_that_speak_fhir(db: None) -> None:
    answer = Client().get("/fhir/R4/Patient/1/2")
    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")
