"""Whoever refuses a program, and wherever: it is a problem, or an OperationOutcome."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from apps.api import reading
from apps.audit.models import AuditEvent
from apps.checkins.models import CheckIn
from apps.patients.models import Patient
from apps.programs.actions import TOKENS_PER_MINUTE, agree_to_program
from apps.programs.models import AccessToken
from tests.api.test_check_ins import send, sent
from tests.api.test_entry import bearer, is_problem
from tests.factories import NOW, make_program, today, token_for_program

pytestmark = pytest.mark.django_db
FHIR = "/fhir/R4"


def is_outcome(answer: Any, status: int) -> bool:
    return (
        answer.status_code == status
        and answer.headers["Content-Type"].startswith("application/fhir+json")
        and answer.json()["resourceType"] == "OperationOutcome"
    )


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_another_method_is_a_problem_that_names_the_right_ones(method) -> None:
    answer = getattr(Client(), method)("/api/v1/me")
    assert is_problem(answer, 405)
    assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize("place", ["/Patient/1", "/Patient", "", "/metadata"])
def test_another_method_on_the_fhir_address_is_an_outcome(place) -> None:
    assert is_outcome(Client().delete(FHIR + place), 405)


def test_an_address_that_does_not_exist_is_told_in_the_same_way() -> None:
    assert is_problem(Client().get("/api/v1/nothing"), 404)
    assert is_outcome(Client().get(FHIR + "/a/b/c/d"), 404)


def test_a_page_of_people_is_refused_as_before() -> None:
    assert Client().delete("/accounts/login/").headers["Content-Type"].startswith("text/html")


def test_a_wrong_host_is_a_problem() -> None:
    assert is_problem(Client(headers={"host": "evil.example"}).get("/api/v1/me"), 400)


def test_a_form_without_its_token_is_a_problem() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/api/v1/openapi.json", "{}", content_type="application/json")
    assert is_problem(answer, 403)


def test_an_error_of_ours_is_a_problem_without_a_word_of_it(asker, monkeypatch) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("relation of Wren Example")

    monkeypatch.setattr(reading, "board_of", fail)
    client = Client(raise_request_exception=False, headers=bearer(token_for_program(asker.program)))
    answer = client.get("/api/v1/worklist")
    assert is_problem(answer, 500)
    assert "Wren" not in answer.text


def test_a_body_that_is_not_called_json_is_not_stored(asker, patient) -> None:
    headers = bearer(token_for_program(asker.program)) | {"Idempotency-Key": "1"}
    answer = Client(headers=headers).post(
        reverse("api:check_in", args=[patient.pk]), "{}", content_type="text/plain"
    )
    assert is_problem(answer, 415)


def test_too_large_a_body_is_a_problem(asker, patient, settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert is_problem(send(asker, patient, sent(), "1"), 413)


@pytest.mark.parametrize("place", ["/api/v1/alerts?stauts=open", "/api/v1/me?a=1"])
def test_a_name_that_the_address_does_not_read_is_refused(asker, place) -> None:
    assert is_problem(asker.get(place), 422)


def test_a_repeat_is_answered_as_at_first_whatever_holds_now(asker, patient) -> None:
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=today() - timedelta(days=3))
    body = sent()
    del body["answers"]["dose_taken"]
    first = send(asker, patient, body, "one")
    assert first.status_code == 201
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=None)
    again = send(asker, patient, body, "one")
    assert (again.status_code, again.json()) == (201, first.json())
    assert CheckIn.objects.count() == 1


def test_tokens_have_their_pace_too(nurse) -> None:
    program = make_program(nurse, agreed=False)
    secret = agree_to_program(program=program, by=nurse.user, now=NOW)
    asked = {"grant_type": "client_credentials", "client_id": program.pk, "client_secret": secret}
    codes = [Client().post(reverse("programs:token"), asked) for _ in range(TOKENS_PER_MINUTE + 2)]
    assert [each.status_code for each in codes[-3:]] == [200, 429, 429]
    assert codes[-1].headers["Retry-After"] == "60"
    assert AccessToken.objects.filter(program=program).count() == TOKENS_PER_MINUTE
    assert AuditEvent.objects.filter(event="program.token_given").count() == TOKENS_PER_MINUTE
