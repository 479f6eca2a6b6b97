"""`make fuzz`: the JSON API, asked by its own OpenAPI with what fits it and what does not.

Schemathesis makes the questions, by the schema and against it. Nothing may answer 5xx, each
refusal must be one that the OpenAPI names and a problem, and nothing of another clinic may show
or change. FUZZ_ROUNDS (20) says how much is asked: 5 times as many questions of each call.
"""

import os
import re
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from apps.api.entry import schema
from apps.programs import access
from tests.factories import make_program, token_for_program
from tests.fuzz.fuzz_urls import ROUNDS, SEED
from tests.test_access_matrix import objects_of, prints_of

pytestmark = pytest.mark.django_db(transaction=True)

# Not `config.wsgi`, which asks the database as whom it signs in.
application = get_wsgi_application()
CALLS = schemathesis.openapi.from_dict(schema())
EACH = int(os.environ.get("FUZZ_CALLS", str(5 * ROUNDS)))


def test_no_question_breaks_the_api_or_reaches_another_clinic(
    patient, prescriber, other_patient, outsider, other_clinic, monkeypatch
) -> None:
    print(f"FUZZ_SEED={SEED}, {EACH} questions of each call and kind")
    monkeypatch.setattr(access, "PER_MINUTE", 10**9)
    own, foreign = objects_of(patient, prescriber), objects_of(other_patient, outsider)
    words = re.compile(rf"{other_patient.family_name}\b|{outsider.user.full_name}\b")
    token = token_for_program(make_program(prescriber))
    before, tally, broken = prints_of(other_clinic), {}, []

    def check(case: Any, ids: dict[str, Any]) -> None:
        for name in case.path_parameters or {}:
            if name in ids:
                case.path_parameters[name] = str(ids[name])
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        answer = case.call(app=application, headers=headers, base_url="http://testserver")
        tally[answer.status_code] = tally.get(answer.status_code, 0) + 1
        kind = answer.headers.get("content-type", [""])[0]
        if answer.status_code >= 500:
            broken.append((case.method, case.path, case.body, answer.status_code))
        elif answer.status_code in (400, 401, 403, 404, 409, 422, 429):
            problem = kind.startswith("application/problem+json")
            assert problem, (case.method, case.path, answer.status_code, kind)
        assert not words.search(answer.text), "something of another clinic shows"

    for result in CALLS.get_all_operations():
        ask(result.ok().as_strategy(), check, own, foreign)
        bent = result.ok().as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
        with suppress(Unsatisfiable):  # a call without any field cannot be asked wrongly
            ask(bent, check, own, foreign)
    assert prints_of(other_clinic) == before
    print(f"{sum(tally.values())} questions: {dict(sorted(tally.items()))}")
    assert broken == []
    assert tally[200] > 0


def ask(strategy: Any, check: Any, own: dict[str, Any], foreign: dict[str, Any]) -> None:
    """Ask so many questions of one call, about our own, another clinic's or nobody's."""
    whose = st.sampled_from([own, own, own, foreign, {}])

    @seed(SEED)
    @settings(
        max_examples=EACH, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy, ids=whose)
    def run(case: Any, ids: dict[str, Any]) -> None:
        check(case, ids)

    run()
