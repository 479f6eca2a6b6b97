"""The short form of `make fuzz` for the JSON API: each call, by its own OpenAPI, a few times.

What fits it and what nearly does, always the same questions; about ids of our own clinic, of
another, of nobody. Nothing answers 5xx, nor anything that the OpenAPI does not name for the call,
and what is answered is of the shape that it names. `make fuzz` asks far more, with Schemathesis.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from apps.api import urls  # noqa: F401 - it puts the calls in
from apps.api.entry import schema
from apps.programs import access
from tests.factories import make_program, token_for_program
from tests.fuzz.openapi import bent, fitting
from tests.test_access_matrix import objects_of, prints_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

TIMES = 8  # of each call, as it fits and again bent
OPENAPI = schema()
CALLS = [(path, method) for path, calls in OPENAPI["paths"].items() for method in calls]
PLAIN = st.characters(codec="ascii", min_codepoint=48, max_codepoint=122)


@dataclass
class Asked:
    """What came back of the questions of one call."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@pytest.mark.parametrize(("path", "method"), CALLS, ids=lambda part: str(part).strip("/"))
def test_a_call_answers_as_its_openapi_says(
    path, method, patient, prescriber, other_patient, outsider, other_clinic, monkeypatch
) -> None:
    monkeypatch.setattr(access, "PER_MINUTE", 10**9)
    own, foreign = objects_of(patient, prescriber), objects_of(other_patient, outsider)
    token = token_for_program(make_program(prescriber))
    words = re.compile(rf"{other_patient.family_name}\b|{outsider.user.full_name}\b")
    before, asked = prints_of(other_clinic), Asked()
    call = OPENAPI["paths"][path][method]
    client = Client(raise_request_exception=False)
    headers = {"Authorization": f"Bearer {token}"}

    def ask(body: Any, query: dict[str, Any], ids: dict[str, Any]) -> None:
        address = path
        for name in re.findall(r"{(\w+)}", path):
            value = ids.get(name) or uuid4()
            address = address.replace(f"{{{name}}}", str(getattr(value, "pk", value)))
        answer = client.generic(
            method.upper(), address, json.dumps(body) if body is not None else "",
            content_type="application/json", query_params=query,
            headers={**headers, "Idempotency-Key": str(uuid4())},
        )  # fmt: skip
        asked.statuses[answer.status_code] += 1
        asked.wrong += faults(call, answer)
        assert not words.search(answer.text), "something of another clinic shows"

    whose = st.sampled_from([own, own, own, foreign, {}])
    for make in (lambda fits: fits, bent):
        run(ask, make(body_of(call)) if "requestBody" in call else st.none(), query_of(call), whose)
    assert asked.wrong == []
    assert prints_of(other_clinic) == before
    assert asked.statuses.total() >= TIMES
    assert "{" in path or asked.statuses[200], "it gets past the door"


def run(ask: Any, body: Any, query: Any, whose: Any) -> None:
    """Ask so many questions, the same in each run of the tests."""

    @seed(7)
    @settings(
        max_examples=TIMES, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(body=body, query=query, ids=whose)
    def one(body: Any, query: dict[str, Any], ids: dict[str, Any]) -> None:
        ask(body, query, ids)

    one()


def body_of(call: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return bodies that fit the call."""
    return fitting(call["requestBody"]["content"]["application/json"]["schema"], OPENAPI)


def query_of(call: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return what may stand behind the question mark: fitting, or any word."""
    names = {
        each["name"]: st.one_of(fitting(each["schema"], OPENAPI).filter(bool), st.text(PLAIN))
        for each in call.get("parameters", ())
        if each["in"] == "query"
    }
    return st.fixed_dictionaries({}, optional=names)


def faults(call: dict[str, Any], answer: Any) -> list[str]:
    """Return what of an answer is not as the OpenAPI says."""
    named = call["responses"].get(answer.status_code) or call["responses"].get(
        str(answer.status_code)
    )
    if named is None:
        return [f"{answer.status_code} is not named: {answer.text[:200]}"]
    ((kind, content),) = named["content"].items()
    if answer.headers["Content-Type"].partition(";")[0] != kind:
        return [f"{answer.status_code} is no {kind}"]
    shape = {**content["schema"], "components": OPENAPI["components"]}
    return [error.message[:200] for error in Draft202012Validator(shape).iter_errors(answer.json())]
