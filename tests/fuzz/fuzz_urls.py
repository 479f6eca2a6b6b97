"""`make fuzz`: every URL, as everybody who may open it, with what nobody should ever type.

Nothing may answer 5xx and nothing of another clinic may show or change. FUZZ_ROUNDS (20) says how
often each URL is asked, FUZZ_SEED repeats a run.
"""

import json
import os
import random
import re
import secrets
from collections import Counter
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from django.test import Client

from apps.patients.models import Role
from apps.programs import access
from tests.factories import make_member, make_patient
from tests.security.walk import Stop, every_stop
from tests.test_access_matrix import ID_NAMES, objects_of, prints_of

pytestmark = pytest.mark.django_db

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "20"))
SEED = os.environ.get("FUZZ_SEED") or secrets.token_hex(4)
MARK = "Xq7marker"  # nothing of ours holds it
MARKED = re.compile(MARK, re.IGNORECASE)
NASTY = (
    "", " ", "0", "-1", "1e400", "NaN", "Infinity", "9" * 400, "1,5", "½", "٣", "\x00", "a\x00b",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "\u202e\u0000", "\r\nX: y",
    "' OR 1=1 --", "'; DROP TABLE patients_patient; --", "<script>alert(1)</script>", "{{7*7}}",
    "{% debug %}", "%00", "%s%n", "../../etc/passwd", "=cmd|' /C calc'!A0", "x" * 5_000,
    "2026-02-30", "0000-00-00", "9999-12-31", "99:99", "-0.0001", "true", "null", "[]", "{}",
    '{"a": [1]}', "on", "__all__", "id", "-pk", "pk;", "password", "é" * 300, "\\", "$(id)",
)  # fmt: skip
KINDS = (
    "application/x-www-form-urlencoded", "application/json", "text/plain", "multipart/form-data",
    "multipart/form-data; boundary=x", "application/xml", "",
)  # fmt: skip


class Chance:
    """Values and requests drawn from one seed."""

    def __init__(self, seed: str, foreign: dict[str, Any]) -> None:
        self.random = random.Random(seed)
        self.ids = [str(getattr(value, "pk", value)) for value in foreign.values()]

    def value(self) -> str:
        """Return a nasty word, an id of the other clinic, or noise."""
        kind = self.random.random()
        if kind < 0.6:
            return self.random.choice(NASTY)
        if kind < 0.8:
            return self.random.choice(self.ids)
        length = self.random.randrange(40)
        return "".join(chr(self.random.randrange(1, 0xD7FF)) for _ in range(length))

    def form(self, names: list[str]) -> dict[str, list[str]]:
        """Return values for some of the names, some of them twice."""
        chosen = [name for name in (*names, *ID_NAMES, "page", "q", "sort") if self.coin()]
        return {
            name: [self.value() for _ in range(1 + self.random.randrange(2))] for name in chosen
        }

    def coin(self) -> bool:
        """Return yes or no."""
        return self.random.random() < 0.5

    def bend(self, body: Any) -> Any:
        """Return the JSON with some of its values replaced, some left out."""
        if isinstance(body, dict):
            kept = [key for key in body if self.random.random() > 0.02]
            return {key: self.bend(body[key]) for key in kept}
        if isinstance(body, list):
            return [self.bend(each) for each in body if self.random.random() > 0.02]
        other = (self.value(), None, -1, 1e308, [], {}, True)
        return self.random.choice(other) if self.random.random() < 0.02 else body

    def ask(self, stop: Stop, names: list[str]) -> Any:
        """Send one request: a bent form, a bent body, or a bent path."""
        method = self.random.choice([*stop.methods, "POST", "GET"])
        path = stop.path if self.random.random() < 0.8 else self.bent(stop.path)
        query = urlencode(self.form(["as", "before", "next"]), doseq=True) if self.coin() else ""
        body, kind = urlencode(self.form(names), doseq=True).encode(), KINDS[0]
        if self.random.random() < 0.2:
            body, kind = (
                self.random.randbytes(self.random.randrange(300)),
                self.random.choice(KINDS),
            )
        if stop.body is not None and self.random.random() < 0.8:
            method, kind = "POST", "application/json"
            body = json.dumps(self.bend(stop.body)).encode(errors="replace")
        joint = "&" if "?" in path else "?"
        # From everywhere: else the limits on guesses would answer all but the first.
        place = ".".join(str(self.random.randrange(1, 255)) for _ in range(4))
        headers = {"Idempotency-Key": str(uuid4())} if self.coin() else {}
        return stop.client.generic(
            method, f"{path}{joint}{query}", body, content_type=kind, headers=headers,
            REMOTE_ADDR=place,
        )  # fmt: skip

    def bent(self, path: str) -> str:
        """Return the path with one of its parts replaced."""
        parts = path.strip("/").split("/")
        place = self.random.randrange(len(parts))
        parts[place] = self.random.choice([quote(self.value()[:200]), str(uuid4()), "", "."])
        return "/" + "/".join(parts) + "/"


def fuzz(patient: Any, member: Any, foreign: dict[str, Any], rounds: int, seed: str) -> Counter:
    """Ask every URL so often; return how often each status was answered.

    `foreign` is what another clinic has, its people under names that nobody else bears.
    """
    chance, broken = Chance(seed, foreign), []
    before, tally = prints_of(foreign["clinic"]), Counter()
    for stop in every_stop(patient, member):
        names = stop.fields()
        stop.client.raise_request_exception = False
        for _ in range(rounds):
            answer = chance.ask(stop, names)
            tally[answer.status_code] += 1
            if answer.status_code >= 500 and not stop.name.endswith(("healthz", "readyz")):
                broken.append((stop.name, answer.request["REQUEST_METHOD"], answer.exc_info[1:2]))
            shown = unescape(answer.content.decode(errors="replace"))
            shown += str(dict(answer.headers))
            assert not MARKED.search(shown), f"{stop.name} shows {MARKED.search(shown)}"
    print(f"FUZZ_SEED={seed} {tally.total()} requests: {dict(sorted(tally.items()))}")
    assert prints_of(foreign["clinic"]) == before
    assert broken == []
    return tally


@pytest.fixture
def foreign(other_clinic, monkeypatch) -> dict[str, Any]:
    """Another clinic, all of whose people and words bear a mark, with one thing of each kind."""
    monkeypatch.setattr(access, "PER_MINUTE", 10**9)
    type(other_clinic).objects.filter(pk=other_clinic.pk).update(name=f"{MARK} Clinic")
    other_clinic.refresh_from_db()
    patient = make_patient(
        other_clinic, given_name=f"{MARK}given", family_name=f"{MARK}family",
        email=f"{MARK}@home.example",
    )  # fmt: skip
    outsider = make_member(other_clinic, Role.PRESCRIBER)
    type(outsider.user).objects.filter(pk=outsider.user_id).update(full_name=f"{MARK} Outsider")
    outsider.user.refresh_from_db()
    return {**objects_of(patient, outsider), "clinic": other_clinic}


def test_no_input_breaks_a_page_or_reaches_another_clinic(patient, prescriber, foreign) -> None:
    tally = fuzz(patient, prescriber, foreign, ROUNDS, SEED)
    assert tally[200] > tally.total() / 10, "it gets past the doors"


def test_the_instrument_would_see_a_word_of_another_clinic(patient, prescriber, foreign) -> None:
    stranger = make_patient(prescriber.clinic, family_name=f"{MARK}family")
    with pytest.raises(AssertionError, match=MARK):
        fuzz(stranger, prescriber, foreign, 1, "seen")


def test_the_instrument_would_see_a_broken_page(client: Client, monkeypatch: Any) -> None:
    def breaks(*args: Any, **kwargs: Any) -> None:
        raise ValueError

    monkeypatch.setattr("apps.dashboard.health_views.check_health", breaks)
    client.raise_request_exception = False
    assert client.get("/healthz").status_code == 500
